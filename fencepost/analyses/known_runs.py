"""Runs to violations, and which other sets of barriers have the very same run.

A run is taken by a set of barriers because of what its steps ask of it, and few steps ask for many
barriers. Whoever performs a run notes the barriers that were asked for: every set that agrees on
these takes the same steps through the same states to the same violation, so one run refutes a whole
*cube* of sets, without a search and without being performed again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from fencepost.core.results import Answer, Verdict
from fencepost.core.semantics import evaluate, failing_instances, is_final, perform
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, State, System
from fencepost.core.traces import NotARun, Run, Trace, rerun
from fencepost.core.trees import Disabled

Barriers = frozenset[str]

MOST_RUNS = 8


class Asked(frozenset[str]):
    """Barriers that are on, which note for which barriers somebody asked."""

    def __new__(cls, barriers: Barriers) -> Self:
        made = super().__new__(cls, barriers)
        made.asked = set()
        return made

    asked: set[str]

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self.asked.add(name)
        return super().__contains__(name)


@dataclass(frozen=True)
class Cube:
    """The sets of barriers that agree with `on` about the barriers in `asked`."""

    on: Barriers
    asked: Barriers

    def __contains__(self, barriers: Barriers) -> bool:
        return barriers & self.asked == self.on & self.asked


@dataclass(frozen=True)
class Refutation:
    """A run to a violation of a property, and the sets of barriers that have it."""

    property: str
    trace: Trace
    cube: Cube


class KnownRuns:
    """The runs to violations that searches found, and what they say of sets not searched.

    Only what a run shows by itself is kept: a violated `always`, a fault, a stuck state. What can
    be reached from a state is not the same with other barriers.
    """

    def __init__(self, system: System, most: int = MOST_RUNS) -> None:
        """`most` is how many runs to violations of one property are performed again at a time,
        the last that helped first."""
        self._system, self._most = system, most
        self._always = {p.name: p for p in system.properties if p.kind == "always"}
        self._runs: dict[str, list[Trace]] = {}
        self._known: dict[str, list[Refutation]] = {}

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties of which a run to a violation is known, in the order found."""
        return tuple(self._runs)

    def note(self, answer: Answer) -> list[Refutation]:
        """Keep the runs to violations of an answer; what they refute is returned."""
        new = []
        for finding in answer.findings:
            if finding.verdict is Verdict.VIOLATED and finding.trace is not None:
                trace = finding.trace
                runs = self._runs.setdefault(finding.property, [])
                if all((trace.initial, trace.steps) != (t.initial, t.steps) for t in runs):
                    runs.insert(0, trace)
                found = self._perform(trace, frozenset(trace.barriers), finding.property)
                if found is not None:
                    new.append(self._keep(found))
        return new

    def refutes(self, barriers: Barriers, name: str) -> Refutation | None:
        """A known run to a violation of the property that is one with these barriers, too."""
        for known in self._known.get(name, ()):
            if barriers in known.cube:
                return known
        runs = self._runs.get(name, [])
        for place, trace in enumerate(runs[: self._most]):
            found = self._perform(trace, barriers, name)
            if found is not None:
                runs.insert(0, runs.pop(place))
                return self._keep(found)
        return None

    def _keep(self, found: Refutation) -> Refutation:
        self._known.setdefault(found.property, []).append(found)
        return found

    def _perform(self, trace: Trace, barriers: Barriers, name: str) -> Refutation | None:
        """Perform a run with other barriers; None if it is no run, or ends in no violation."""
        if name not in self._always and name not in (NO_FAULT, NO_STUCK_STATE):
            return None
        asked = Asked(barriers)
        system = self._system
        if not evaluate(system, asked, trace.initial, {}, system.initial):
            return None
        try:
            run = rerun(system, trace, asked)
        except NotARun:
            return None
        if not self._violates(run, asked, name):
            return None
        trace = replace(trace, barriers=tuple(sorted(barriers)))
        return Refutation(name, trace, Cube(frozenset(barriers), frozenset(asked.asked)))

    def _violates(self, run: Run, barriers: Barriers, name: str) -> bool:
        if name == NO_FAULT or run.fault is not None:
            return name == NO_FAULT and run.fault is not None
        if name == NO_STUCK_STATE:
            return _is_stuck(self._system, barriers, run.states[-1])
        return bool(failing_instances(self._system, barriers, run.states[-1], self._always[name]))


def _is_stuck(system: System, barriers: Barriers, state: State) -> bool:
    outcomes = (perform(system, barriers, state, step) for step in system.steps)
    return all(isinstance(o, Disabled) for o in outcomes) and not is_final(system, barriers, state)
