"""From what a search found to the Answer that is reported; every trace is run again."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.core.results import Answer, Finding, Verdict, grouped
from fencepost.core.semantics import (
    evaluate,
    failing_instances,
    is_final,
    perform,
    show_instance,
)
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, State, Step, System
from fencepost.core.traces import NotARun, Run, Trace, rerun
from fencepost.core.trees import Disabled
from fencepost.engines.explore.branches import coverage
from fencepost.engines.explore.questions import Question, Questions

ENGINE = "explore"


@dataclass(frozen=True)
class Way:
    """A run as a search knows it: where it starts and the steps taken."""

    initial: State
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Searched:
    """The bare facts of a search, before they are told as findings.

    `ways` has, for the number of a question, the way to the first state that violates it (for a
    `reachable`: that satisfies it). `undecided` has those that could not be decided although
    every state was seen, with the reason.
    """

    states: int
    expanded: int
    transitions: int
    depth: int
    complete: bool
    stopped: str
    ways: dict[int, Way]
    undecided: dict[int, str]
    fault: Way | None
    stuck: Way | None
    steps_taken: frozenset[Step]
    leaves_reached: frozenset[tuple[str, int]]


class Mismatch(Exception):
    """A search reports what the interpreter does not confirm: an error in this package."""


def answer(system: System, design: Design, questions: Questions, found: Searched) -> Answer:
    """The Answer for the facts found, with every trace confirmed by the interpreter."""
    teller = _Teller(system, design, found)
    findings = [teller.question(q) for q in questions.asked]
    if questions.no_fault:
        findings.append(teller.built_in(NO_FAULT, found.fault))
    if questions.no_stuck_state:
        findings.append(teller.built_in(NO_STUCK_STATE, found.stuck))
    return Answer(
        model=system.name,
        digest=system.digest,
        parameters=system.parameters,
        design=design.name,
        barriers=tuple(sorted(design.barriers)),
        engine=ENGINE,
        findings=tuple(findings),
        states=found.states,
        transitions=found.transitions,
        depth=found.depth,
        complete=found.complete,
        stopped=found.stopped,
        coverage=coverage(system, found.steps_taken, found.leaves_reached),
        expanded=found.expanded,
    )


class _Teller:
    def __init__(self, system: System, design: Design, found: Searched) -> None:
        self.system = system
        self.design = design
        self.found = found
        sizes = " ".join(f"{name}={value}" for name, value in system.parameters)
        at = f" at {sizes}" if sizes else ""
        self.everything = f"all {grouped(found.states)} states{at}"
        level = f"depth {found.depth} complete" if found.depth >= 0 else "no depth complete"
        count = f"{grouped(found.expanded)} of {grouped(found.states)} states"
        self.part = f"the first {count} ({level}): {found.stopped}"

    def question(self, question: Question) -> Finding:
        prop, kind = question.property, question.property.kind
        way = self.found.ways.get(question.number)
        instance = show_instance(prop, question.values)
        trace, detail, verdict = None, "", Verdict.VIOLATED
        if way is not None:
            trace, run = self.confirmed(way)
            state = run.states[-1]
            if run.fault is not None:
                raise Mismatch(f"{prop.name}: the trace ends in a fault")
        if way is not None and kind == "always":
            failing = failing_instances(self.system, self.design.barriers, state, prop)
            if not failing:
                raise Mismatch(f"{prop.name}: the interpreter sees no violation in {state}")
            instance, scope = show_instance(prop, failing[0]), self.within(len(way.steps))
            if evaluate(self.system, self.design.barriers, state, failing[0], prop.fault):
                detail = "the condition cannot be evaluated in this state"
        elif way is not None and kind == "reachable":
            verdict, scope = Verdict.HOLDS, f"reached in {_steps(len(way.steps))}"
            if not self.satisfied(state, question):
                raise Mismatch(f"{prop.name}: the interpreter sees no witness in {state}")
        elif way is not None:
            scope = self.within(len(way.steps))
            detail = "from the last state no state that satisfies it can be reached"
            if self.satisfied(state, question):
                raise Mismatch(f"{prop.name}: the interpreter sees the goal in {state}")
        elif question.number in self.found.undecided:
            verdict, scope = Verdict.UNDECIDED, self.found.undecided[question.number]
        elif self.found.complete and kind == "reachable":
            scope, detail = self.everything, "no reachable state satisfies it"
        elif self.found.complete:
            verdict, scope = Verdict.HOLDS, self.everything
        else:
            met = "not reached" if kind == "reachable" else "no violation"
            verdict, scope = Verdict.UNDECIDED, f"{met} in {self.part}"
            if kind == "always_possible":
                scope = f"not decided after {self.part}"
        return Finding(prop.name, kind, verdict, scope, trace, instance, detail)

    def built_in(self, name: str, way: Way | None) -> Finding:
        if way is None and self.found.complete:
            return Finding(name, "always", Verdict.HOLDS, self.everything)
        if way is None:
            scope = f"no violation in {self.part}"
            return Finding(name, "always", Verdict.UNDECIDED, scope)
        trace, run = self.confirmed(way)
        if name == NO_FAULT:
            if run.fault is None:
                raise Mismatch("the interpreter sees no fault at the end of the trace")
            step = self.system.show_step(trace.steps[-1])
            place = f" ({run.fault.location})" if run.fault.location else ""
            message = f": {run.fault.message}" if run.fault.message else ""
            detail = f"{step} faults, {run.fault.kind}{message}{place}"
        else:
            self.confirm_stuck(run.states[-1])
            detail = "no step is enabled, and the state is not final"
        scope = self.within(len(way.steps))
        return Finding(name, "always", Verdict.VIOLATED, scope, trace, "", detail)

    def within(self, steps: int) -> str:
        return f"violated after {_steps(steps)}"

    def satisfied(self, state: State, question: Question) -> bool:
        failing = failing_instances(self.system, self.design.barriers, state, question.property)
        return question.values not in failing

    def confirm_stuck(self, state: State) -> None:
        barriers = self.design.barriers
        free = [
            s for s in self.system.steps
            if not isinstance(perform(self.system, barriers, state, s), Disabled)
        ]  # fmt: skip
        if free or is_final(self.system, barriers, state):
            raise Mismatch(f"the interpreter sees that {state} is not stuck")

    def confirmed(self, way: Way) -> tuple[Trace, Run]:
        """The trace with the run that the interpreter makes of it."""
        trace = Trace(
            model=self.system.name,
            parameters=self.system.parameters,
            design=self.design.name,
            barriers=tuple(sorted(self.design.barriers)),
            digest=self.system.digest,
            initial=way.initial,
            steps=way.steps,
        )
        try:
            return trace, rerun(self.system, trace)
        except NotARun as error:
            raise Mismatch(f"the interpreter refuses a trace: {error}") from error


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
