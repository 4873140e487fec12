"""Who wrote and read each byte last, as far as it can still conflict with something later.

Bytes are held as disjoint cells; a cell lists the accesses to it that no later one has made
superfluous. An access leaves when a later one that comes after it does as much: a write replaces
what is ordered before it, a read the reads that are. So for each byte a race is found whenever
there is one, and each agent is named by its last access (after FastTrack, Flanagan and Freund
2009, with sets of accesses in place of single ones so that races do not hide one another).

An access with many runs is kept whole in the cells that it reaches, with its region.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import NamedTuple

from fencepost.streams.calls import Operation
from fencepost.streams.regions import Bytes, Region, overlap

MOST_PIECES = 64


class Entry(NamedTuple):
    """One access: who, its number at its agent, whether it writes, and its region if in runs."""

    agent: int
    place: int
    writes: bool
    operation: Operation
    label: str
    region: Region | None = None


Clash = Callable[[Entry, Entry, int, int], object]
"""Called with an earlier and a later access that nothing orders, and bytes that both touch."""


class Shadow:
    """The cells of all addresses; a cell that is not there was never touched."""

    def __init__(self, clash: Clash) -> None:
        self._clash = clash
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._cells: list[list[Entry]] = []

    def touch(
        self, operation: Operation, place: int, clock: list[int], bytes_: Bytes, writes: bool
    ) -> None:
        """Look at an access and keep it."""
        label = bytes_.label
        for region in bytes_.regions:
            if not region.dims:
                entry = Entry(operation.agent, place, writes, operation, label)
                self._interval(entry, region.start, region.start + region.length, clock)
            elif region.runs <= MOST_PIECES:
                entry = Entry(operation.agent, place, writes, operation, label)
                for start, stop in region.pieces():
                    self._interval(entry, start, stop, clock)
            else:
                entry = Entry(operation.agent, place, writes, operation, label, region)
                self._interval(entry, region.start, region.stop, clock)

    def free(
        self, operation: Operation, place: int, clock: list[int], bytes_: Bytes, keep: bool
    ) -> None:
        """Look at the poison of a free; nothing of the block's life is looked at again."""
        entry = Entry(operation.agent, place, True, operation, bytes_.label)
        for region in bytes_.regions:
            first, last = self._split(region.start, region.stop)
            for cell in range(first, last):
                self._look(cell, entry, clock)
            kept = [entry] if keep else []
            self._replace(first, last, region.start, region.stop, kept)

    def _interval(self, entry: Entry, start: int, stop: int, clock: list[int]) -> None:
        starts = self._starts
        place = bisect_left(starts, start)
        if place < len(starts) and starts[place] == start and self._stops[place] == stop:
            first, last = place, place + 1  # one cell is the whole access
        else:
            first, last = self._split(start, stop)
        if entry.writes and entry.region is None:
            unordered: list[Entry] = []
            for cell in range(first, last):
                unordered += self._look(cell, entry, clock)
            if not unordered:
                self._replace(first, last, start, stop, [entry])
                return
        self._keep(first, last, start, stop, entry, clock)

    def _look(self, cell: int, entry: Entry, clock: list[int]) -> list[Entry]:
        """The accesses of a cell that nothing orders before this one; those that clash are told."""
        unordered = [e for e in self._cells[cell] if e.place > clock[e.agent]]
        if unordered:
            low, high = self._starts[cell], self._stops[cell]
            for earlier in unordered:
                if earlier.writes or entry.writes:
                    found = _common(earlier, entry, low, high)
                    if found is not None:
                        self._clash(earlier, entry, *found)
        return unordered

    def _keep(
        self, first: int, last: int, start: int, stop: int, entry: Entry, clock: list[int]
    ) -> None:
        """Add the access to each cell, in place of what it makes superfluous, and fill gaps."""
        at = start
        cell = first
        while cell < last:
            if self._starts[cell] > at:
                self._insert(cell, at, self._starts[cell], [entry])
                last += 1
                at = self._stops[cell]
                cell += 1
                continue
            if not (entry.writes and entry.region is None):
                self._look(cell, entry, clock)
            held = self._cells[cell]
            high = self._stops[cell]
            held[:] = [e for e in held if not _superfluous(e, entry, clock)]
            held.append(entry)
            at = high
            cell += 1
        if at < stop:
            self._insert(last, at, stop, [entry])

    def _replace(self, first: int, last: int, start: int, stop: int, held: list[Entry]) -> None:
        if last - first == 1 and self._stops[first] - self._starts[first] == stop - start:
            self._cells[first] = held
            return
        self._starts[first:last] = [start] if held else []
        self._stops[first:last] = [stop] if held else []
        self._cells[first:last] = [held] if held else []

    def _insert(self, cell: int, start: int, stop: int, held: list[Entry]) -> None:
        self._starts.insert(cell, start)
        self._stops.insert(cell, stop)
        self._cells.insert(cell, held)

    def _split(self, start: int, stop: int) -> tuple[int, int]:
        """Cut cells at both ends; the first of those inside, and the first after them."""
        self._cut(start)
        self._cut(stop)
        return bisect_left(self._starts, start), bisect_left(self._starts, stop)

    def _cut(self, at: int) -> None:
        cell = bisect_right(self._starts, at) - 1
        if cell >= 0 and self._starts[cell] < at < self._stops[cell]:
            self._insert(cell + 1, at, self._stops[cell], list(self._cells[cell]))
            self._stops[cell] = at


def _common(a: Entry, b: Entry, low: int, high: int) -> tuple[int, int] | None:
    if a.region is None and b.region is None:
        return low, high
    whole = Region(low, high - low)
    return overlap(a.region or whole, b.region or whole, low, high)


def _superfluous(old: Entry, new: Entry, clock: list[int]) -> bool:
    """Whether whatever conflicts with the old access unordered does so with the new one."""
    if old.place > clock[old.agent] or (old.writes and not new.writes):
        return False
    return new.region is None or new.region == old.region
