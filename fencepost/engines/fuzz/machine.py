"""A Hypothesis state machine of a system: one rule, which draws an enabled step."""

from __future__ import annotations

import types
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from fencepost.core.system import State, Step, System
from fencepost.engines.fuzz.runs import Run, Surroundings

ORDERS = 1 << 16
"""How many orders of the steps a run draws from."""
DEVIATES = 6
"""One step in so many is drawn among all that are enabled, whatever the order."""


class Start:
    """Where a run begins: one of the initial states, and its order of the steps."""

    def __init__(self, state: State, number: int, order: int) -> None:
        self.state, self.order = state, order
        self._text = f"order {order}" if number < 0 else f"initial state {number}, order {order}"

    def __repr__(self) -> str:
        return self._text


class Move:
    """A step, as Hypothesis prints it; no step begins the run again, where nothing is possible."""

    def __init__(self, system: System, step: Step | None) -> None:
        self.system, self.step = system, step

    def __repr__(self) -> str:
        return "START AGAIN" if self.step is None else self.system.show_step(self.step)


@st.composite
def _starts(draw: st.DrawFn) -> Start:
    """Where the runs of the machine that is running may begin."""
    machine: SystemMachine = draw(st.runner())
    states = machine.starts
    number = draw(st.integers(0, len(states) - 1)) if len(states) > 1 else -1
    return Start(states[number], number, draw(st.integers(0, ORDERS - 1)))


@st.composite
def _moves(draw: st.DrawFn) -> Move:
    """The steps that its run may go on with."""
    machine: SystemMachine = draw(st.runner())
    choices = machine.choices(machine.current)
    if not choices:
        return Move(machine.around.system, None)
    drawn = draw(_below(DEVIATES * len(choices))) if len(choices) > 1 else 0
    deviates = drawn % DEVIATES == DEVIATES - 1
    return Move(machine.around.system, choices[drawn // DEVIATES if deviates else 0])


@cache
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


class SystemMachine(RuleBasedStateMachine):
    """What every machine made from a system is; `around` and `starts` are given by a subclass."""

    around: Surroundings | property
    starts: tuple[State, ...] | property

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None

    @initialize(at=_starts())
    def begin(self, at: Start) -> None:
        """Begin in an initial state."""
        __tracebackhide__ = True
        self.run = Run(self.around, self.around.stepper.pack(at.state), at.order)
        self.looked(self.run)

    @rule(step=_moves())
    def take(self, step: Move) -> None:
        """Take an enabled step."""
        __tracebackhide__ = True
        run = self.current
        if step.step is None:
            self.run = Run(self.around, run.initial, run.order + 1)
        else:
            run.take(step.step)
        self.looked(self.current)

    @property
    def current(self) -> Run:
        if self.run is None:
            raise AssertionError("Hypothesis begins with what is marked `initialize`")
        return self.run

    def looked(self, run: Run) -> None:
        """Called in each state, when its surroundings were looked at."""
        raise NotImplementedError

    def choices(self, run: Run) -> list[Step]:
        """The steps that a run may go on with."""
        return run.choices()


def machine_class(name: str, base: type[SystemMachine], **given: Any) -> type[SystemMachine]:
    """A subclass of its own, since Hypothesis keeps rules, settings and examples by class."""
    made: type[SystemMachine] = types.new_class(
        name, (base,), exec_body=lambda body: body.update(__module__=__name__, **given)
    )
    return made
