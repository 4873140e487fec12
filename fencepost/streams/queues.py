"""The deferred queues of streams and NICs: items in order, each with what it needs first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from fencepost.streams.calls import Operation


class Mark:
    """A place in a queue: reached when so many of its items are done."""

    __slots__ = ("place", "queue", "time")

    def __init__(self, queue: Queue, place: int) -> None:
        self.queue, self.place = queue, place
        self.time = -1
        """The device's clock when a record was reached, in kernels run; -1 before."""

    @property
    def reached(self) -> bool:
        """Whether everything up to here is done."""
        return self.queue.done >= self.place


@dataclass(slots=True)
class Item:
    """An operation, a record (with its mark) or a wait (with what it needs)."""

    age: int
    needs: tuple[Mark, ...] = ()
    operation: Operation | None = None
    mark: Mark | None = None


@dataclass(eq=False, slots=True)
class Queue:
    """A stream or a NIC queue as the device performs it: first in, first out."""

    number: int
    name: str
    kind: str
    place: int
    """Its place among the queues of its device."""
    blocking: bool = False
    priority: int = 0
    items: deque[Item] = field(default_factory=deque)
    done: int = 0
    queued: int = 0

    def end(self) -> Mark:
        """The mark of everything that is queued now."""
        return Mark(self, self.queued)

    def ready(self) -> bool:
        """Whether the next item may run."""
        if not self.items:
            return False
        # A loop, because a schedule asks this all the time.
        for mark in self.items[0].needs:  # noqa: SIM110
            if mark.queue.done < mark.place:
                return False
        return True


@dataclass(eq=False, slots=True)
class Event:
    """`newest` is the mark of the newest record, None before the first."""

    number: int
    name: str
    newest: Mark | None = None


@dataclass(eq=False, slots=True)
class Host:
    """A host thread."""

    number: int
    name: str


@dataclass(eq=False, slots=True)
class Block:
    """Bytes lent by the allocator, from `start`; belongs to a stream's pool, or is pinned."""

    number: int
    start: int
    size: int
    queue: Queue | None
    label: str = ""
    used_by: tuple[Queue, ...] = ()
    live: bool = True
    pinned: bool = False


@dataclass(eq=False, slots=True)
class Write:
    """A one-sided write: posted, landed when its mark is reached, seen when polled."""

    operation: Operation
    mark: Mark
    token: Token | None = None
    """What another host may receive once it has landed, where that was asked for."""

    @property
    def landed(self) -> bool:
        """Whether the bytes are there, which only an observer knows: asking is no edge."""
        return self.mark.reached


@dataclass(eq=False, slots=True)
class Token:
    """What a host knew when it sent: carried by messages, locks, starts and joins."""

    number: int
    mark: Mark | None = None
    """Where it arrives with a one-sided write: reached when that has landed."""
