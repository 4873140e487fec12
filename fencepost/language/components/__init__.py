"""Pieces of protocols, written once: declare one as a field of a model."""

from fencepost.language.components.channel import Channel, FifoChannel
from fencepost.language.components.reference_count import ReferenceCount, References
from fencepost.language.components.slot_pool import SlotPool
from fencepost.language.components.streams import Streams
from fencepost.language.components.write_queue import WriteQueue

__all__ = [
    "Channel",
    "FifoChannel",
    "ReferenceCount",
    "References",
    "SlotPool",
    "Streams",
    "WriteQueue",
]
