"""A kernel as it is handed to the device: what it does, and which bytes it reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fencepost.streams.shim.touched import Interval


def _nothing() -> None:
    """The kernel of an operation that only marks an access."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of one tensor: intervals from the address of its first element, and what it is."""

    address: int
    intervals: tuple[Interval, ...]
    what: str = ""


Spans = list[Span]


@dataclass(slots=True)
class Launch:
    """An operation for a stream.

    `late` gives more reads and writes, from the values of an index; it is called right before the
    kernel runs.
    """

    name: str
    reads: Spans
    writes: Spans
    kernel: Callable[[], object] = _nothing
    late: Callable[[], tuple[Spans, Spans]] | None = None
    notes: list[str] = field(default_factory=list)
