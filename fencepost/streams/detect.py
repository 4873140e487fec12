"""The races of a trace: conflicting accesses that nothing orders on the path taken."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass

from fencepost.streams.calls import Allocate, Free, Operation, Trace
from fencepost.streams.clocks import Clock, Clocks
from fencepost.streams.shadow import Entry, Shadow

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Race:
    """Two operations in order of submission, what each did, and bytes that both touch."""

    first: Operation
    second: Operation
    first_writes: bool
    second_writes: bool
    first_label: str
    second_label: str
    start: int
    stop: int
    block: Allocate | None

    @property
    def kind(self) -> str:
        """As `read after write`."""
        named = {False: "read", True: "write"}
        return f"{named[self.second_writes]} after {named[self.first_writes]}"


class Detector(Clocks):
    """Reads a trace and collects its races, one for each pair of operations.

    An access that a later one of the same agent makes superfluous is not named again: what orders
    the later one orders it too.
    """

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace)
        self.races: dict[Pair, Race] = {}
        self._shadow = Shadow(self._clash)
        self._starts: list[int] = []
        self._live: dict[int, Allocate] = {}
        self._by_number: dict[int, Allocate] = {}

    def operation(self, call: Operation) -> Clock:
        """Look at each access of an operation."""
        clock = Clocks.operation(self, call)
        place = clock[call.agent]
        for read in call.reads:
            self._shadow.touch(call, place, clock, read, False)
        for write in call.writes:
            self._shadow.touch(call, place, clock, write, True)
        return clock

    def allocate(self, call: Allocate) -> None:
        """Know the block by its addresses."""
        if call.start not in self._live:
            insort(self._starts, call.start)
        self._live[call.start] = call
        self._by_number[call.block] = call

    def free(self, call: Free) -> Clock:
        """Look at the poison, and forget the life of the block."""
        clock = Clocks.free(self, call)
        poison = call.poison
        # Pinned blocks are lent again under the allocator's lock, which orders their next user.
        keep = self.trace.agents[poison.agent].kind == "stream"
        for write in poison.writes:
            self._shadow.free(poison, self.now[poison.agent][poison.agent], clock, write, keep)
        return clock

    def _clash(self, earlier: Entry, later: Entry, start: int, stop: int) -> None:
        pair = (earlier.operation.number, later.operation.number)
        if pair not in self.races:
            place = bisect_right(self._starts, start) - 1
            block = self._live[self._starts[place]] if place >= 0 else None
            if block is not None and start >= block.start + block.size:
                block = None
            self.races[pair] = Race(
                earlier.operation,
                later.operation,
                earlier.writes,
                later.writes,
                earlier.label,
                later.label,
                start,
                stop,
                block,
            )


def races(trace: Trace) -> list[Race]:
    """The races of a trace, in the order in which their second operations were submitted.

    For each byte that has a race at least one is given. Accesses that depend on values must be
    resolved: run the trace's operations first, as `Device.audit` does.
    """
    detector = Detector(trace)
    detector.read(trace.calls)
    return list(detector.races.values())


class _Pairs(Clocks):
    """Whether pairs of operations are ordered; no bytes are looked at."""

    def __init__(self, trace: Trace, pairs: Iterable[Pair]) -> None:
        super().__init__(trace)
        self.firsts: dict[int, list[int]] = {}
        wanted = set()
        for first, second in pairs:
            self.firsts.setdefault(second, []).append(first)
            wanted.add(first)
        self.wanted = wanted
        self.places: dict[int, tuple[int, int]] = {}
        self.ordered: set[Pair] = set()

    def operation(self, call: Operation) -> Clock:
        clock = Clocks.operation(self, call)
        self._see(call, clock)
        return clock

    def free(self, call: Free) -> Clock:
        clock = Clocks.free(self, call)
        self._see(call.poison, clock)
        return clock

    def _see(self, call: Operation, clock: Clock) -> None:
        if call.number in self.wanted:
            self.places[call.number] = (call.agent, self.now[call.agent][call.agent])
        for first in self.firsts.get(call.number, ()):
            agent, place = self.places[first]
            if clock[agent] >= place:
                self.ordered.add((first, call.number))


def ordered(trace: Trace, pairs: Iterable[Pair]) -> set[Pair]:
    """Those of some pairs of operations, each in order of submission, that the trace orders."""
    reader = _Pairs(trace, pairs)
    reader.read(trace.calls)
    return reader.ordered
