"""What an engine found, turned into findings: every trace is run again by the interpreter first."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.core.questions import Question
from fencepost.core.results import Finding, Verdict, count_steps
from fencepost.core.semantics import (
    evaluate,
    failing_instances,
    is_final,
    meets,
    perform,
    raises,
    show_instance,
    unfair_step,
)
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, Property, State, Step, System
from fencepost.core.traces import NotARun, Run, Trace, rerun
from fencepost.core.trees import Disabled


@dataclass(frozen=True)
class Way:
    """A run as an engine knows it: where it starts and the steps taken."""

    initial: State
    steps: tuple[Step, ...]
    loop: int | None = None
    """Of an endless run: the state, by its place in the run, from which on it repeats."""


class Mismatch(Exception):
    """An engine reports what the interpreter does not confirm: an error in this package."""


class Evidence:
    """Findings about one design, each confirmed by the interpreter before it is made."""

    def __init__(self, system: System, design: Design) -> None:
        self.system = system
        self.design = design

    def violated(self, prop: Property, way: Way) -> Finding:
        """An `always` that is false in the last state of a run."""
        trace, run = self.run(way)
        state = self._last(prop, run)
        failing = failing_instances(self.system, self.design.barriers, state, prop)
        if not failing:
            raise Mismatch(f"{prop.name}: the interpreter sees no violation in {state}")
        fault = evaluate(self.system, self.design.barriers, state, failing[0], prop.fault)
        detail = "the condition cannot be evaluated in this state" if fault else ""
        instance = show_instance(prop, failing[0])
        scope = _violated_after(way)
        return Finding(prop.name, prop.kind, Verdict.VIOLATED, scope, trace, instance, detail)

    def reached(self, question: Question, way: Way) -> Finding:
        """A `reachable` with the run to a state that satisfies it."""
        prop = question.property
        trace, run = self.run(way)
        state = self._last(prop, run)
        if not self.satisfied(state, question):
            raise Mismatch(f"{prop.name}: the interpreter sees no witness in {state}")
        scope = f"reached in {count_steps(len(way.steps))}"
        instance = show_instance(prop, question.values)
        return Finding(prop.name, prop.kind, Verdict.HOLDS, scope, trace, instance)

    def hopeless(self, question: Question, way: Way) -> Finding:
        """An `always_possible` with the run to a state from which its goal is lost."""
        prop = question.property
        trace, run = self.run(way)
        state = self._last(prop, run)
        if self.satisfied(state, question):
            raise Mismatch(f"{prop.name}: the interpreter sees the goal in {state}")
        detail = "from the last state no state that satisfies it can be reached"
        instance = show_instance(prop, question.values)
        scope = _violated_after(way)
        return Finding(prop.name, prop.kind, Verdict.VIOLATED, scope, trace, instance, detail)

    def lasso(self, question: Question, way: Way) -> Finding:
        """A `leads_to` or `eventually`, violated by a fair run that goes on for ever."""
        trace, run = self.run(way)
        self._confirm_lasso(question, way, run.states)
        prop = question.property
        return Finding(
            prop.name,
            prop.kind,
            Verdict.VIOLATED,
            _violated_after(way),
            trace,
            show_instance(prop, question.values),
            show_loop(trace),
        )

    def _confirm_lasso(self, question: Question, way: Way, states: tuple[State, ...]) -> None:
        """That a run is endless, fair, and never meets what it owes."""
        system, barriers = self.system, self.design.barriers
        prop, values = question.property, question.values
        if way.loop is None:
            raise Mismatch(f"{prop.name}: the run does not go on for ever")
        met = [meets(system, barriers, state, prop, values) for state in states]
        owes_from = next(n for n in range(len(states) + 1) if not any(met[n:]))
        owes = owes_from == 0
        if prop.kind == "leads_to":
            owes = any(raises(system, barriers, s, prop, values) for s in states[owes_from:])
        if not owes or owes_from > way.loop:
            raise Mismatch(f"{prop.name}: the interpreter sees no violation in the run")
        repeated = way.steps[way.loop :]
        if not repeated:
            self._confirm_end(states[-1])
        unfair = unfair_step(system, barriers, states[way.loop : -1] or states[-1:], repeated)
        if unfair is not None:
            raise Mismatch(f"{prop.name}: the run is unfair to {system.show_step(unfair)}")

    def _confirm_end(self, state: State) -> None:
        """That nothing can happen in a state, not even a fault."""
        if any(
            not isinstance(perform(self.system, self.design.barriers, state, step), Disabled)
            for step in self.system.steps
        ):
            raise Mismatch(f"the interpreter sees that a run need not end in {state}")

    def fault(self, way: Way) -> Finding:
        """The built-in `no_fault`, violated by the last step of a run."""
        trace, run = self.run(way)
        if run.fault is None:
            raise Mismatch("the interpreter sees no fault at the end of the trace")
        step = self.system.show_step(trace.steps[-1])
        place = f" ({run.fault.location})" if run.fault.location else ""
        message = f": {run.fault.message}" if run.fault.message else ""
        detail = f"{step} faults, {run.fault.kind}{message}{place}"
        scope = _violated_after(way)
        return Finding(NO_FAULT, "always", Verdict.VIOLATED, scope, trace, "", detail)

    def stuck(self, way: Way) -> Finding:
        """The built-in `no_stuck_state`, violated in the last state of a run."""
        trace, run = self.run(way)
        state, barriers = run.states[-1], self.design.barriers
        self._confirm_end(state)
        if is_final(self.system, barriers, state):
            raise Mismatch(f"the interpreter sees that {state} is not stuck")
        detail = "no step is enabled, and the state is not final"
        scope = _violated_after(way)
        return Finding(NO_STUCK_STATE, "always", Verdict.VIOLATED, scope, trace, "", detail)

    def satisfied(self, state: State, question: Question) -> bool:
        """Whether a state satisfies the condition of a question at its filling."""
        prop = question.property
        return meets(self.system, self.design.barriers, state, prop, question.values)

    def run(self, way: Way) -> tuple[Trace, Run]:
        """The trace with the run that the interpreter makes of it."""
        trace = Trace(
            model=self.system.name,
            parameters=self.system.parameters,
            design=self.design.name,
            barriers=tuple(sorted(self.design.barriers)),
            digest=self.system.digest,
            initial=way.initial,
            steps=way.steps,
            loop=way.loop,
        )
        try:
            return trace, rerun(self.system, trace)
        except NotARun as error:
            raise Mismatch(f"the interpreter refuses a trace: {error}") from error

    def _last(self, prop: Property, run: Run) -> State:
        if run.fault is not None:
            raise Mismatch(f"{prop.name}: the trace ends in a fault")
        return run.states[-1]


def show_loop(trace: Trace) -> str:
    """How an endless run goes on, in words; nothing for one that ends."""
    count = len(trace.steps)
    if trace.loop is None:
        return ""
    if trace.loop == count:
        return "the run stays in its last state for ever"
    if trace.loop == count - 1:
        return f"the run repeats step {count} for ever"
    return f"the run repeats steps {trace.loop + 1} to {count} for ever"


def show_sizes(system: System) -> str:
    """The sizes of a system, for a scope: ` at requests=3 slots=2`, or nothing without any."""
    sizes = " ".join(f"{name}={value}" for name, value in system.parameters)
    return f" at {sizes}" if sizes else ""


def _violated_after(way: Way) -> str:
    return f"violated after {count_steps(len(way.steps))}"
