"""A recorded trace performed again, in another order that the trace allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fencepost.streams.calls import Free, Operation, Trace
from fencepost.streams.clocks import Clock, Clocks
from fencepost.streams.detect import Race
from fencepost.streams.memory import Memory
from fencepost.streams.regions import overlap

MOST_BYTES = 1 << 16
"""Bytes of an overlap that a replay compares."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An operation with its number at its agent, and the clock at which it is looked at."""

    operation: Operation
    place: int
    clock: Clock

    def after(self, other: Placed) -> bool:
        """Whether it comes after another operation in every order."""
        return self.clock[other.operation.agent] >= other.place and self is not other


class _Placing(Clocks):
    def __init__(self, trace: Trace) -> None:
        super().__init__(trace)
        self.placed: list[Placed] = []

    def operation(self, call: Operation) -> Clock:
        clock = Clocks.operation(self, call)
        self.placed.append(Placed(call, clock[call.agent], list(clock)))
        return clock

    def free(self, call: Free) -> Clock:
        clock = Clocks.free(self, call)
        own = self.now[call.poison.agent][call.poison.agent]
        self.placed.append(Placed(call.poison, own, clock))
        return clock


def placed(trace: Trace) -> list[Placed]:
    """Every operation of a trace with its clock, in order of submission."""
    reader = _Placing(trace)
    reader.read(trace.calls)
    return reader.placed


def second_first(trace: Trace, race: Race) -> list[Operation]:
    """An order that the trace allows in which the second operation runs before the first.

    Everything that has to come before the second runs first, in order of submission.
    """
    everything = placed(trace)
    second = next(p for p in everything if p.operation is race.second)
    early = {p.operation.number for p in everything if second.after(p)}
    for freed in everything:
        # Earlier lives of the same bytes are over before this one begins.
        if freed.operation.name == "free" and freed.operation.number < second.operation.number:
            if not _touches(freed.operation, race):
                continue
            before = {p.operation.number for p in everything if freed.after(p)}
            if race.first.number not in before and freed.operation is not race.first:
                early |= {*before, freed.operation.number}
    early.discard(race.first.number)
    number = second.operation.number
    head = [p.operation for p in everything if p.operation.number in early]
    tail = [
        p.operation
        for p in everything
        if p.operation.number not in early and p.operation.number != number
    ]
    return [*head, race.second, *tail]


def _touches(operation: Operation, race: Race) -> bool:
    return any(
        overlap(region, region, race.start, race.stop)
        for write in operation.writes
        for region in write.regions
    )


def perform(
    operations: Sequence[Operation], memory: Memory, race: Race
) -> tuple[bytes, bytes, bytes]:
    """Perform operations from clear memory; the bytes of the race as each side found them, and
    as they are after both.
    """
    size = min(race.stop - race.start, MOST_BYTES)
    memory.clear()
    found: dict[int, bytes] = {}
    for operation in operations:
        if operation is race.first or operation is race.second:
            found[operation.number] = memory.read(race.start, size)
        if operation.run is not None:
            operation.run()
        if len(found) == 2:
            break
    return found[race.first.number], found[race.second.number], memory.read(race.start, size)


def both_orders(trace: Trace, race: Race, memory: Memory) -> str:
    """How the bytes differ between the two orders of a race, in words; empty if they do not.

    Every operation that writes must have a `run` that does so in `memory`, the host's own
    accesses included.
    """
    submitted = [p.operation for p in placed(trace)]
    one = perform(submitted, memory, race)
    other = perform(second_first(trace, race), memory, race)
    if not race.second_writes:
        what, before, after = f"{race.second.name} reads", one[1], other[1]
    elif not race.first_writes:
        what, before, after = f"{race.first.name} reads", one[0], other[0]
    else:
        what, before, after = "both leave", one[2], other[2]
    if before == after:
        return ""
    at = next(n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
    shown = slice(at, at + 4)
    return f"{what} {before[shown].hex(' ')} as submitted, {after[shown].hex(' ')} the other way"
