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
    kernel runs. `narrowed` are the whole tensors that it gives parts of.
    """

    name: str
    reads: Spans
    writes: Spans
    kernel: Callable[[], object] = _nothing
    late: Callable[[], tuple[Spans, Spans]] | None = None
    narrowed: tuple[Spans, Spans] = field(default_factory=lambda: ([], []))

    @property
    def addresses(self) -> tuple[set[int], set[int]]:
        """The addresses of the tensors read and written."""
        reads, writes = self.narrowed
        return {s.address for s in self.reads + reads}, {s.address for s in self.writes + writes}
