"""What random runs met so far, and the Answer that it comes to."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property

from fencepost.core.evidence import Evidence, Way
from fencepost.core.minimise import Minimiser, ShowsNothing
from fencepost.core.questions import Question, Questions
from fencepost.core.results import Finding, Verdict
from fencepost.core.semantics import failing_instances, is_final, perform, show_instance
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, State, System
from fencepost.core.trees import Disabled
from fencepost.kernel.compiled import compiled
from fencepost.kernel.nearby import STATES_EACH, Nearby, Sight

SHORTCUT_STATES = 1 << 14
"""So many states are looked at for a shorter way, around each state of a run."""
MOST_STARTS = 100
"""In so many of the initial states a shorter run may begin."""


@dataclass(frozen=True)
class Asked:
    """What random runs can meet of what was asked: violations, and witnesses of `reachable`."""

    questions: Questions

    @cached_property
    def by_number(self) -> dict[int, Question]:
        shown = ("always", "reachable")
        return {q.number: q for q in self.questions.asked if q.property.kind in shown}

    @cached_property
    def violations(self) -> tuple[Sight, ...]:
        named = (
            (NO_FAULT, self.questions.no_fault),
            (NO_STUCK_STATE, self.questions.no_stuck_state),
        )
        numbers = (n for n, q in self.by_number.items() if q.property.kind == "always")
        return (*numbers, *(name for name, asked in named if asked))

    @cached_property
    def everything(self) -> tuple[Sight, ...]:
        witnesses = (n for n, q in self.by_number.items() if q.property.kind == "reachable")
        return (*self.violations, *witnesses)


class Sights:
    """The first run to each thing met, made short by dropping steps and by shortcuts."""

    def __init__(
        self,
        system: System,
        design: Design,
        questions: Questions,
        starts: tuple[State, ...],
    ) -> None:
        self.system, self.design = system, design
        self.asked = Asked(questions)
        self.starts = starts
        self.evidence = Evidence(system, design)
        self.minimiser = Minimiser(system, design.barriers)
        self.ways: dict[Sight, Way] = {}

    def free(self) -> None:
        """Give back the memory in which shortcuts are looked for."""
        if "nearby" in self.__dict__:
            self.nearby.free()

    @property
    def bytes(self) -> int:
        """The memory in which shortcuts are looked for, once there was a reason to."""
        return self.nearby.bytes if "nearby" in self.__dict__ else 0

    @property
    def open(self) -> tuple[Sight, ...]:
        """What is asked and was not met yet."""
        return tuple(s for s in self.asked.everything if s not in self.ways)

    def note(self, sight: Sight, way: Way) -> None:
        """Keep a run to something not met before."""
        if sight in self.ways:
            return
        self.ways[sight] = self.shortened(sight, way)

    def shortened(self, sight: Sight, way: Way) -> Way:
        """A run to the same, by dropping steps and by shortcuts, until neither helps."""
        shorter = self._minimised(sight, way)
        while True:
            shortcut = self._shortcut(sight, shorter)
            if shortcut is None:
                return shorter
            shorter = self._minimised(sight, shortcut)

    def _minimised(self, sight: Sight, way: Way) -> Way:
        if sight == NO_FAULT:
            return self.minimiser.to_fault(way)
        return self.minimiser.to_state(way, lambda state: self.shows(sight, state))

    def _shortcut(self, sight: Sight, way: Way) -> Way | None:
        """A shorter run that leaves this one where something else leads there sooner, or that
        begins in another initial state, if there is one."""
        trace, run = self.evidence.run(way)
        for position, state in enumerate(run.states):
            rest = self._near(sight, state)
            if rest is not None and position + len(rest.steps) < len(trace):
                return Way(way.initial, (*way.steps[:position], *rest.steps))
        for start in self.starts[:MOST_STARTS]:
            rest = self._near(sight, start)
            if rest is not None and len(rest.steps) < len(trace):
                return rest
        return None

    def _near(self, sight: Sight, state: State) -> Way | None:
        return self.nearby.look_for(sight, self.nearby.layout.pack(state), SHORTCUT_STATES)

    @cached_property
    def nearby(self) -> Nearby:
        room = SHORTCUT_STATES * STATES_EACH
        return Nearby(self.system, compiled(self.system), self.design.barriers, room)

    def replay(self, way: Way) -> bool:
        """Note all that a run meets, whoever found it; False if it meets nothing that is asked."""
        met = False
        for sight in self.asked.violations:
            with contextlib.suppress(ShowsNothing):
                self.note(sight, way)
                met = True
        return met

    def shows(self, sight: Sight, state: State) -> bool:
        """Whether something is met in a state, as the interpreter has it."""
        if sight == NO_STUCK_STATE:
            barriers = self.design.barriers
            return not is_final(self.system, barriers, state) and all(
                isinstance(perform(self.system, barriers, state, step), Disabled)
                for step in self.system.steps
            )
        question = self.asked.by_number[int(sight)]
        if question.property.kind == "reachable":
            return self.evidence.satisfied(state, question)
        return bool(failing_instances(self.system, self.design.barriers, state, question.property))

    def finding(self, sight: Sight, way: Way) -> Finding:
        """What a run to something shows, confirmed by the interpreter."""
        if sight == NO_FAULT:
            return self.evidence.fault(way)
        if sight == NO_STUCK_STATE:
            return self.evidence.stuck(way)
        question = self.asked.by_number[int(sight)]
        if question.property.kind == "reachable":
            return self.evidence.reached(question, way)
        return self.evidence.violated(question.property, way)

    def findings(self, covered: str) -> tuple[Finding, ...]:
        """A finding for all that was asked; `covered` says what was looked at."""
        questions = self.asked.questions
        found = [
            self.finding(q.number, self.ways[q.number])
            if q.number in self.ways
            else _undecided(q, covered)
            for q in questions.asked
        ]
        built_in = ((NO_FAULT, questions.no_fault), (NO_STUCK_STATE, questions.no_stuck_state))
        for name, asked in built_in:
            if asked:
                way = self.ways.get(name)
                found.append(_unmet(name, covered) if way is None else self.finding(name, way))
        return tuple(found)


def _undecided(question: Question, covered: str) -> Finding:
    prop = question.property
    match prop.kind:
        case "always":
            return _unmet(prop.name, covered)
        case "reachable":
            scope = f"not reached in {covered}"
        case "always_possible":
            scope = "not decided: a run does not show that a goal is lost"
        case _:
            scope = "not decided: a run that has an end does not show what never happens"
    instance = show_instance(prop, question.values)
    return Finding(prop.name, prop.kind, Verdict.UNDECIDED, scope, instance=instance)


def _unmet(name: str, covered: str) -> Finding:
    return Finding(name, "always", Verdict.UNDECIDED, f"no violation in {covered}")
