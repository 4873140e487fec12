"""A recorded trace performed again, in another order that the trace allows."""

from __future__ import annotations

from collections.abc import Sequence

from fencepost.streams.calls import Operation, Trace
from fencepost.streams.detect import Race
from fencepost.streams.memory import Memory
from fencepost.streams.placed import placed

SHOWN = 4
MOST_BYTES = 1 << 16
"""Bytes of an overlap that a replay compares."""


class Failed(Exception):
    """An operation raises in this order."""


def first_delayed(trace: Trace, race: Race) -> list[Operation]:
    """An order that the trace allows in which the second operation runs before the first.

    Only the first operation and what has to come after it are put off, so that everything else is
    as it was.
    """
    everything = placed(trace)
    first = next(p for p in everything if p.operation is race.first)
    head: list[Operation] = []
    tail: list[Operation] = []
    for step in everything:
        late = step is first or step.after(first) or step.operation.number > race.second.number
        (tail if late else head).append(step.operation)
    return [*head, *tail]


def perform(
    operations: Sequence[Operation], memory: Memory, race: Race
) -> tuple[bytes, bytes, bytes]:
    """Perform operations from clear memory; the bytes of the race as each side found them, and
    as they are after both.

    Raises `Failed` where an operation raises.
    """
    size = min(race.stop - race.start, MOST_BYTES)
    memory.clear()
    found: dict[int, bytes] = {}
    for operation in operations:
        if operation is race.first or operation is race.second:
            found[operation.number] = memory.read(race.start, size)
        if operation.run is not None:
            try:
                operation.run()
            except Exception as error:
                raise Failed(f"{operation.name} raises {type(error).__name__}") from error
        if len(found) == 2:
            break
    return found[race.first.number], found[race.second.number], memory.read(race.start, size)


def both_orders(trace: Trace, race: Race, memory: Memory) -> str:
    """How the bytes differ between the two orders of a race, in words; empty if they do not.

    Every operation that writes must have a `run` that does so in `memory`, the host's own
    accesses included.
    """
    submitted = [p.operation for p in placed(trace)]
    try:
        one = perform(submitted, memory, race)
    except Failed:
        return ""
    try:
        other = perform(first_delayed(trace, race), memory, race)
    except Failed as failed:
        return f"{failed} the other way"
    if not race.second_writes:
        what, before, after = f"{race.second.name} reads", one[1], other[1]
    elif not race.first_writes:
        what, before, after = f"{race.first.name} reads", one[0], other[0]
    else:
        what, before, after = "both leave", one[2], other[2]
    if before == after:
        return ""
    at = next(n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
    at -= at % SHOWN
    shown = slice(at, at + SHOWN)
    return f"{what} {before[shown].hex(' ')} as submitted, {after[shown].hex(' ')} the other way"
