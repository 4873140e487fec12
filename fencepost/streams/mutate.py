"""Acceptance by mutation: each call that orders something is taken out in turn.

Either the audit then finds a race that was not there, or the call is redundant on this path, and
the report says in which sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fencepost.core.errors import Location
from fencepost.streams.calls import (
    Call,
    Poll,
    Query,
    Receive,
    Record,
    RecordStream,
    Synchronize,
    Trace,
    Wait,
    WaitStream,
)
from fencepost.streams.detect import Race, races
from fencepost.streams.placed import placed

Dropped = Record | Wait | WaitStream | Synchronize | RecordStream | Query | Poll | Receive
IMPLIED = "redundant: every two operations that it orders are ordered without it"
UNUSED = "redundant: it orders operations, but none that conflict"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One call taken out. `call` is its place in the trace, `races` what nothing orders then."""

    call: int
    what: str
    site: Location
    races: tuple[Race, ...]
    verdict: str
    """`detected`, or why the call is redundant."""

    @property
    def detected(self) -> bool:
        """Whether its absence is found."""
        return bool(self.races)


def mutate(trace: Trace) -> list[Mutant]:
    """Each record, wait, `record_stream` and synchronisation of a trace taken out in turn, and each
    look at a query, a completion or a message that ordered something.

    What the allocator records by itself is no call of the program and stays. The rest of the path
    stays as it was, so a synchronisation whose result the host used is judged by order alone.
    """
    before = {(race.first.number, race.second.number) for race in races(trace)}
    clocks = [p.clock for p in placed(trace)]
    found = []
    for place, call in droppable(trace):
        calls = [*trace.calls[:place], *trace.calls[place + 1 :]]
        mutated = trace.with_calls(calls)
        new = tuple(
            race for race in races(mutated) if (race.first.number, race.second.number) not in before
        )
        if new:
            verdict = "detected"
        else:
            same = [p.clock for p in placed(mutated)] == clocks
            verdict = IMPLIED if same else UNUSED
        found.append(Mutant(place, _described(trace, call), call.site, new, verdict))
    return found


def droppable(trace: Trace) -> Iterator[tuple[int, Dropped]]:
    """The calls of a program that it could have left out, with their places."""
    for place, call in enumerate(trace.calls):
        if isinstance(call, RecordStream) and call.automatic:
            continue
        if isinstance(call, Query | Poll) and not call.answer:
            continue
        if isinstance(call, Dropped):
            yield place, call


def _described(trace: Trace, call: Call) -> str:
    agents = [agent.name for agent in trace.agents]
    match call:
        case Record():
            return f"{agents[call.stream]}: record of {trace.events[call.event]}"
        case Wait():
            return f"{agents[call.stream]}.wait_event({trace.events[call.event]})"
        case WaitStream():
            return f"{agents[call.stream]}.wait_stream({agents[call.other]})"
        case Synchronize(event=int(event)):
            return f"{trace.events[event]}.synchronize()"
        case Synchronize(stream=int(stream)):
            return f"{agents[stream]}.synchronize()"
        case RecordStream():
            return f"record_stream({agents[call.stream]})"
        case Query(event=int(event)):
            return f"{trace.events[event]}.query()"
        case Query(stream=int(stream)):
            return f"{agents[stream]}.query()"
        case Poll():
            return "poll of a completion"
        case Receive():
            return f"{agents[call.host]} receives a message"
        case _:
            return "synchronize()"
