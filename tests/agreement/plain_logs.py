"""Whether a log is a run, by the set of all states: the meaning, plainly, for small sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fencepost.core.results import Verdict
from fencepost.core.semantics import (
    Barriers,
    Successor,
    failing_instances,
    initial_states,
    perform,
)
from fencepost.core.system import NO_FAULT, State, System
from fencepost.core.trees import Fault
from fencepost.engines.conform.logs import Event, Log


@dataclass
class Plain:
    """How many events some run explains, whether all are, and the verdict on each claim."""

    explained: int = 0
    complete: bool = True
    claims: dict[str, Verdict] = field(default_factory=dict)
    events: dict[str, Event | None] = field(default_factory=dict)


class PlainChecker:
    """Sets of states, each with all its cells, stepped by the interpreter."""

    def __init__(self, system: System, barriers: Barriers, log: Log) -> None:
        self.system, self.barriers, self.log = system, barriers, log
        self.claims = [p for p in system.properties if p.kind == "always"]
        self.found = Plain()
        self.event: Event | None = None
        self.unlogged = [s for s in system.steps if s.action in log.unlogged]

    def check(self) -> Plain:
        states = self.seen(initial_states(self.system, self.barriers), self.log.seen)
        if not states:
            self.found.complete = False
            return self.finished()
        self.judge(states, certain=True)
        states = self.closed(states)
        for event in self.log.events:
            self.event = event
            outcomes = [perform(self.system, self.barriers, s, event.step) for s in states]
            after = {o.state for o in outcomes if isinstance(o, Successor)}
            if any(isinstance(o, Fault) for o in outcomes):
                self.fails(NO_FAULT, certain=not after)
            if not after:
                self.found.complete = False
                return self.finished()
            self.judge(after, certain=True)
            states = self.closed(after)
            if event.seen:
                states = self.seen(states, event.seen)
                if not states:
                    self.found.complete = False
                    return self.finished()
                self.judge(states, certain=True)
                states = self.closed(states)
            self.found.explained += 1
        return self.finished()

    def finished(self) -> Plain:
        for name in (NO_FAULT, *(p.name for p in self.claims)):
            self.found.claims.setdefault(name, Verdict.HOLDS)
        return self.found

    def closed(self, states: Iterable[State]) -> set[State]:
        """The states with what unlogged steps make of them."""
        found = set(states)
        pending = list(found)
        while pending:
            state = pending.pop()
            for step in self.unlogged:
                outcome = perform(self.system, self.barriers, state, step)
                if isinstance(outcome, Fault):
                    self.fails(NO_FAULT, certain=False)
                if isinstance(outcome, Successor) and outcome.state not in found:
                    found.add(outcome.state)
                    pending.append(outcome.state)
        self.judge(found, certain=False)
        return found

    def seen(self, states: Iterable[State], seen: object) -> set[State]:
        wanted = []
        for name, indices, value in seen:  # type: ignore[attr-defined]
            place = self.system.field[name].cell(indices)
            assert place is not None
            wanted.append((self.system.offsets[name] + place, value))
        return {s for s in states if all(s[cell] == value for cell, value in wanted)}

    def judge(self, states: set[State], *, certain: bool) -> None:
        for claim in self.claims:
            failing = [
                {tuple(v.values()) for v in failing_instances(self.system, self.barriers, s, claim)}
                for s in states
            ]
            if certain and set.intersection(*failing):
                self.fails(claim.name, certain=True)
            elif any(failing):
                self.fails(claim.name, certain=False)

    def fails(self, name: str, *, certain: bool) -> None:
        verdict = Verdict.VIOLATED if certain else Verdict.UNDECIDED
        known = self.found.claims.get(name)
        if known is None or (known is Verdict.UNDECIDED and certain):
            self.found.claims[name] = verdict
            self.found.events[name] = self.event
