"""What the two nodes of a handoff say to one another over their control connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reference_impl.slot_pool import Slot


@dataclass(frozen=True)
class Transfer:
    """To the prefill node: compute this prompt and write its cache into that slot."""

    request: int
    prompt: tuple[int, ...]
    slot: Slot


@dataclass(frozen=True)
class _About:
    """A request, by its number."""

    request: int


class Abort(_About):
    """To the prefill node: nobody wants this transfer any more; answer when it is over."""


class Arrived(_About):
    """To the decode node: the parts of this transfer may be put into the layout of its pages."""


class Success(_About):
    """To the decode node: every part of this transfer has arrived."""


class Failure(_About):
    """To the decode node: this transfer has failed; its writes may not be over."""


class Answer(_About):
    """To the decode node: no write of this transfer is under way, and none will be."""


Message = Transfer | Abort | Arrived | Success | Failure | Answer


class Channel(Protocol):
    """One direction of a connection; whoever receives comes after whoever sent."""

    def send(self, message: Message) -> None:
        """Put a message on its way."""

    def receive(self) -> Message | None:
        """The next message that has arrived, if any."""
