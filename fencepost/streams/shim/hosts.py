"""What the shim of Python's threads asks of the device below."""

from __future__ import annotations

from typing import Any, Protocol

from fencepost.streams.turns import Threads


class Hosts(Protocol):
    """The host threads of the device below."""

    def several(self) -> bool:
        """Whether there is more than one host thread."""

    def send(self) -> Any:
        """What the calling thread knows, for another thread."""

    def receive(self, known: Any) -> None:
        """The calling thread comes after what another knew."""

    def begin(self, name: str, known: Any) -> None:
        """The calling thread is a new host, started by one that knew this."""

    def end(self) -> Any:
        """The calling thread ends; gives what it knew."""

    def failed(self, name: str, error: BaseException) -> None:
        """An exception ended a thread."""

    @property
    def turns(self) -> Threads | None:
        """The turns of the calling thread and others, where they are tried."""

    def sleep(self, seconds: float, /) -> None:
        """The calling thread sleeps."""
