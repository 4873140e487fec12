"""One-sided writes: the sender names both ends, the receiver takes no part, nothing recalls one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from torch import Tensor

from reference_impl.messages import Channel, Message

Region = tuple[Tensor, Tensor]
"""Source and target, contiguous and of one shape and dtype."""


class State(Enum):
    """What is known of a write.

    ACKNOWLEDGED: the sender has its answer; the receiver may not see the bytes yet
    FAILED: an error or a timeout, which does not say whether bytes are still to come
    """

    POSTED, ACKNOWLEDGED, VISIBLE, FAILED = range(4)


class Handle(Protocol):
    """One write that is posted."""

    def state(self) -> State:
        """What the sender can know of it now; asking does not wait."""

    def flush(self) -> None:
        """Wait until nothing of it is under way any more; what it was before, it stays."""


class Transport(Protocol):
    """A way to write into the memory of another node."""

    def post(self, regions: Sequence[Region]) -> Handle:
        """Write every source to its target, in any order, some time from now.

        The sources must be complete, and must stay as they are until the write is over.
        """

    def fence(self) -> None:
        """The owner of the targets takes its memory away: nothing posted lands from now on."""


@dataclass
class Peer:
    """How a node reaches another: messages from it and to it, and what writes go by."""

    incoming: Channel
    outgoing: Channel
    transport: Transport
    is_connected: bool = True

    def receive(self) -> Message | None:
        """The next message that has arrived, if any."""
        return self.incoming.receive() if self.is_connected else None

    def send(self, message: Message) -> None:
        """Put a message on its way; to a node that is lost, none goes."""
        if self.is_connected:
            self.outgoing.send(message)
