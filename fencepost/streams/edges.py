"""What would order two operations: the call that is missing, and whether it is enough.

Only what the program could do at that place is proposed: an event that is recorded already where
it covers the first operation, else a wait for the stream; for hosts that do not know of one
another's calls, a message. Each proposal is put into the trace, and the clocks are read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fencepost.core.errors import Location
from fencepost.streams.calls import (
    NOWHERE,
    Call,
    Free,
    Operation,
    Poll,
    Receive,
    Record,
    RecordStream,
    Send,
    Synchronize,
    Trace,
    Wait,
    WaitStream,
)
from fencepost.streams.clocks import Clocks
from fencepost.streams.detect import Race

BEFORE, AFTER = 0, 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """Advice for one race, and the calls that carry it out: (operation, BEFORE or AFTER, call)."""

    kind: str
    text: str
    calls: tuple[tuple[int, int, Call], ...]
    event: str = ""
    recorded: Location = NOWHERE


class _Proposer(Clocks):
    """Reads a trace and, at the second operation of each race, proposes what was missing."""

    def __init__(self, trace: Trace, races: Sequence[Race]) -> None:
        super().__init__(trace, every_call=True)
        self.proposals: dict[int, Proposal] = {}
        self._at: dict[int, list[int]] = {}
        self._submissions: dict[int, tuple[int, int]] = {}
        """Of first operations: their number at their agent, and the count of their host's calls."""
        self._records: dict[int, tuple[int, int, int]] = {}
        """By event: how many records there were before, and the newest one's host and its count."""
        self._sites: dict[int, Location] = {}
        """By event, where the newest record was made."""
        self._recorded = 0
        self._races = races
        self._fresh = -1
        for number, race in enumerate(races):
            self._at.setdefault(race.second.number, []).append(number)
            self._submissions[race.first.number] = (0, 0)

    def operation(self, call: Operation) -> list[int]:
        for number in self._at.get(call.number, ()):
            self.proposals[number] = self._propose(self._races[number])
        clock = Clocks.operation(self, call)
        if call.number in self._submissions:
            count = self.now[call.host][call.host]
            self._submissions[call.number] = (clock[call.agent], count)
        return clock

    def free(self, call: Free) -> list[int]:
        for number in self._at.get(call.poison.number, ()):
            self.proposals[number] = self._propose(self._races[number], call)
        clock = Clocks.free(self, call)
        poison = call.poison
        if poison.number in self._submissions:
            count = self.now[poison.host][poison.host]
            self._submissions[poison.number] = (self.now[poison.agent][poison.agent], count)
        return clock

    def record(self, call: Record) -> None:
        Clocks.record(self, call)
        self._recorded += 1
        self._sites[call.event] = call.site
        self._records[call.event] = (self._recorded, call.host, self.now[call.host][call.host])

    # What is missing.

    def _propose(self, race: Race, free: Free | None = None) -> Proposal:
        first, second = race.first, race.second
        place, count = self._submissions[first.number]
        known = self.now[second.host][first.host] >= count
        kind = self.trace.agents[first.agent].kind
        if kind == "host":
            return self._message(first, second)
        if kind == "nic":
            return self._landing(first, second, known)
        if free is not None and known:
            return self._rest(first, free)
        covering = self._covering(first, place, second.host)
        if not known:
            return self._message_after(first, second)
        return self._wait_for(first, second, covering)

    def _covering(self, first: Operation, place: int, host: int) -> int | None:
        """The event whose newest record came first of those that cover the operation."""
        now = self.now[host]
        covering = [
            (number, event)
            for event, (number, recorder, count) in self._records.items()
            if self.events[event][first.agent] >= place and now[recorder] >= count
        ]
        return min(covering)[1] if covering else None

    def _wait_for(self, first: Operation, second: Operation, event: int | None) -> Proposal:
        before, host = second.number, second.host
        name = "" if event is None else self.trace.events[event]
        site = NOWHERE if event is None else self._sites[event]
        recorded = f"; {name} is recorded at {site}" if site.line else ""
        stream = self._name(first.agent)
        call: Call
        if self.trace.agents[second.agent].kind == "stream":
            waiting = self._name(second.agent)
            if event is not None:
                call = Wait(host, second.agent, event)
                text = f"{waiting}.wait_event({name}) before {_at(second)}{recorded}"
                return Proposal("wait_event", text, ((before, BEFORE, call),), name, site)
            call = WaitStream(host, second.agent, first.agent)
            text = f"{waiting}.wait_stream({stream}) before {_at(second)}"
            return Proposal("wait_stream", text, ((before, BEFORE, call),))
        call = Synchronize(host, event, None if event is not None else first.agent)
        text = f"{name or stream}.synchronize() before {_at(second)}{recorded}"
        return Proposal("synchronize", text, ((before, BEFORE, call),), name, site)

    def _rest(self, first: Operation, free: Free) -> Proposal:
        call = RecordStream(free.poison.host, free.block, first.agent)
        label = free.poison.writes[0].label or "the tensor"
        text = f"{label}.record_stream({self._name(first.agent)}) before it is freed"
        return Proposal("record_stream", text, ((free.poison.number, BEFORE, call),))

    def _landing(self, first: Operation, second: Operation, known: bool) -> Proposal:
        before = second.number
        if first.token is not None and first.host != second.host:
            call: Call = Receive(second.host, first.token)
            text = f"receive the message that arrives with {_at(first)} before {_at(second)}"
            return Proposal("message", text, ((before, BEFORE, call),))
        if known and first.host == second.host:
            poll = Poll(second.host, first.number, True)
            text = f"poll the completion of {_at(first)} until it is there, before {_at(second)}"
            return Proposal("poll", text, ((before, BEFORE, poll),))
        sent = self._fresh_number()
        calls: tuple[tuple[int, int, Call], ...] = (
            (first.number, AFTER, Poll(first.host, first.number, True)),
            (first.number, AFTER, Send(first.host, sent)),
            (before, BEFORE, Receive(second.host, sent)),
        )
        text = (
            f"{self._name(first.host)} polls the completion of {_at(first)} and sends a message, "
            f"which {self._name(second.host)} receives before {_at(second)}"
        )
        return Proposal("message", text, calls)

    def _message(self, first: Operation, second: Operation) -> Proposal:
        sent = self._fresh_number()
        calls: tuple[tuple[int, int, Call], ...] = (
            (first.number, AFTER, Send(first.host, sent)),
            (second.number, BEFORE, Receive(second.host, sent)),
        )
        text = (
            f"a message (or a lock, a queue) from {self._name(first.host)} after {_at(first)}, "
            f"which {self._name(second.host)} receives before {_at(second)}"
        )
        return Proposal("message", text, calls)

    def _message_after(self, first: Operation, second: Operation) -> Proposal:
        """The second host does not know of the first operation: it has to be told."""
        sent, event = self._fresh_number(), self._fresh_number()
        stream, host = self._name(first.agent), self._name(second.host)
        sending: tuple[tuple[int, int, Call], ...] = (
            (first.number, AFTER, Record(first.host, event, first.agent)),
            (first.number, AFTER, Send(first.host, sent)),
            (second.number, BEFORE, Receive(second.host, sent)),
        )
        told = (
            f"{self._name(first.host)} records an event on {stream} after {_at(first)} and sends a "
            f"message; {host} receives it and "
        )
        waits: Call
        if self.trace.agents[second.agent].kind == "stream":
            waits = Wait(second.host, second.agent, event)
            told += f"{self._name(second.agent)} waits for the event before {_at(second)}"
        else:
            waits = Synchronize(second.host, event)
            told += f"synchronizes with the event before {_at(second)}"
        return Proposal("message", told, (*sending, (second.number, BEFORE, waits)))

    def _fresh_number(self) -> int:
        self._fresh -= 1
        return self._fresh

    def _name(self, agent: int) -> str:
        return self.trace.agents[agent].name


def _at(operation: Operation) -> str:
    return f"{operation.name} ({operation.site})" if operation.site.line else operation.name


def propose(trace: Trace, races: Sequence[Race]) -> list[Proposal]:
    """For each race what would order its operations, as far as the trace tells."""
    proposer = _Proposer(trace, races)
    proposer.read(trace.calls)
    return [proposer.proposals[number] for number in range(len(races))]


def applied(trace: Trace, proposals: Sequence[Proposal]) -> Trace:
    """The trace with the calls of all proposals put in."""
    put: dict[tuple[int, int], list[Call]] = {}
    for proposal in proposals:
        for operation, side, call in proposal.calls:
            put.setdefault((operation, side), []).append(call)
    calls: list[Any] = []
    for call in trace.calls:
        number = _number(call)
        calls += put.get((number, BEFORE), ())
        calls.append(call)
        calls += put.get((number, AFTER), ())
    return trace.with_calls(calls)


def _number(call: Call) -> int:
    if isinstance(call, Operation):
        return call.number
    return call.poison.number if isinstance(call, Free) else -1
