"""What a recorded trace can come to: one outcome for each orientation of its racy pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from fencepost.streams.calls import Allocate, Free, Operation, Trace
from fencepost.streams.placed import Placed, placed
from fencepost.streams.regions import Region

Segment = tuple[int, int]
Seen = frozenset[tuple[int, Segment, int | None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which write each read saw (reader, bytes, writer) and the last writer of each byte.

    Operations are numbers of the trace; None is what was there before the trace.
    """

    saw: Seen
    last: frozenset[tuple[Segment, int]]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """All outcomes, unless `complete` is False; `races` counts the pairs that nothing orders."""

    outcomes: frozenset[Outcome]
    races: int
    complete: bool


def outcomes(trace: Trace, *, most: int = 1 << 14) -> Outcomes:
    """The outcomes of a trace by orientation of its racy pairs, at most 2 to their number.

    An orientation that would make a circle is none. After `most` orientations the search ends.
    Blocks are taken as they were lent: a later life of the same bytes comes after the earlier one.
    """
    steps = placed(trace)
    segments = _segments(steps)
    reach = _order(steps, _lives(trace))
    pairs = [
        (a, b)
        for b in range(len(steps))
        for a in range(b)
        if not reach[a] >> b & 1 and _conflict(segments[a], segments[b])
    ]
    found: set[Outcome] = set()
    for tried, oriented in enumerate(_orientations(reach, pairs, 0)):
        if tried == most:
            return Outcomes(frozenset(found), len(pairs), False)
        found.add(_perform(steps, segments, oriented))
    return Outcomes(frozenset(found), len(pairs), True)


Touched = tuple[frozenset[Segment], frozenset[Segment]]


def _segments(steps: list[Placed]) -> list[Touched]:
    """Reads and writes of each operation, as pieces that no access cuts further."""

    def regions(operation: Operation) -> tuple[list[Region], list[Region]]:
        reads = [region for read in operation.reads for region in read.regions]
        return reads, [region for write in operation.writes for region in write.regions]

    touched = [
        tuple([piece for r in side for piece in r.pieces()] for side in regions(step.operation))
        for step in steps
    ]
    edges = sorted({edge for sides in touched for side in sides for p in side for edge in p})
    cuts = list(pairwise(edges))

    def cut(pieces: list[Segment]) -> frozenset[Segment]:
        return frozenset(
            (a, b) for a, b in cuts for start, stop in pieces if start <= a and b <= stop
        )

    return [(cut(reads), cut(writes)) for reads, writes in touched]


def _lives(trace: Trace) -> list[tuple[Segment, int]]:
    """Places where bytes begin a new life: the bytes, and the number of operations before."""
    lives = []
    count = 0
    for call in trace.calls:
        if isinstance(call, Allocate):
            lives.append(((call.start, call.start + call.size), count))
        elif isinstance(call, Operation | Free):
            count += 1
    return lives


def _order(steps: list[Placed], lives: list[tuple[Segment, int]]) -> list[int]:
    """For each operation, as bits, those that come after it."""
    reach = [0] * len(steps)
    for late in range(len(steps) - 1, -1, -1):
        for early in range(late):
            if steps[late].after(steps[early]):
                reach[early] |= 1 << late
    for (start, stop), begin in lives:
        for early in range(begin):
            if _touches(steps[early], start, stop) and steps[early].operation.name == "free":
                for late in range(begin, len(steps)):
                    if _touches(steps[late], start, stop) and not reach[late] >> early & 1:
                        _join(reach, early, late)
    return reach


def _touches(step: Placed, start: int, stop: int) -> bool:
    operation = step.operation
    return any(
        region.start < stop and start < region.stop
        for side in (operation.reads, operation.writes)
        for access in side
        for region in access.regions
    )


def _conflict(a: Touched, b: Touched) -> bool:
    return bool(a[1] & (b[0] | b[1]) or a[0] & b[1])


def _join(reach: list[int], early: int, late: int) -> None:
    """Put one operation before another, in place."""
    gained = reach[late] | 1 << late
    for number, after in enumerate(reach):
        if number == early or after >> early & 1:
            reach[number] = after | gained


def _orientations(reach: list[int], pairs: list[tuple[int, int]], at: int) -> Iterator[list[int]]:
    while at < len(pairs):
        a, b = pairs[at]
        at += 1
        if reach[a] >> b & 1 or reach[b] >> a & 1:
            continue
        other = list(reach)
        _join(other, b, a)
        reach = list(reach)
        _join(reach, a, b)
        yield from _orientations(other, pairs, at)
    yield reach


def _perform(steps: list[Placed], segments: list[Touched], reach: list[int]) -> Outcome:
    """One order that agrees with all orientations: who has more after it comes first."""
    last: dict[Segment, int] = {}
    saw = set()
    for number in sorted(range(len(steps)), key=lambda n: -reach[n].bit_count()):
        operation = steps[number].operation
        reads, writes = segments[number]
        saw |= {(operation.number, segment, last.get(segment)) for segment in reads}
        last.update(dict.fromkeys(writes, operation.number))
    return Outcome(frozenset(saw), frozenset(last.items()))
