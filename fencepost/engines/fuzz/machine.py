"""A Hypothesis state machine of a system: one rule, which draws an enabled step."""

from __future__ import annotations

from collections.abc import Callable
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

    def __init__(self, system: System, state: State, number: int, order: int) -> None:
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


class SystemMachine(RuleBasedStateMachine):
    """What every machine made from a system is; `around` and `starts` are given by a subclass."""

    around: Surroundings
    starts: tuple[State, ...]

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None

    @initialize(at=st.runner().flatmap(lambda machine: machine.draw_start()))
    def begin(self, at: Start) -> None:
        """Begin in an initial state."""
        self.run = Run(self.around, self.around.stepper.pack(at.state), at.order)
        self.looked(self.run)

    @rule(step=st.runner().flatmap(lambda machine: machine.draw_move()))
    def take(self, step: Move) -> None:
        """Take an enabled step."""
        run = self.current
        if step.step is None:
            self.run = Run(self.around, run.initial, run.order + 1)
        else:
            run.take(step.step)
        self.looked(self.current)

    @property
    def current(self) -> Run:
        assert self.run is not None  # Hypothesis begins with what is marked `initialize`
        return self.run

    def looked(self, run: Run) -> None:
        """Called in each state, when its surroundings were looked at."""
        raise NotImplementedError

    def choices(self, run: Run) -> list[Step]:
        """The steps that a run may go on with."""
        return run.choices()

    def draw_start(self) -> st.SearchStrategy[Start]:
        system, states = self.around.system, self.starts
        numbers = st.integers(0, len(states) - 1) if len(states) > 1 else st.just(-1)
        return st.builds(
            lambda number, order: Start(system, states[number], number, order),
            numbers,
            st.integers(0, ORDERS - 1),
        )

    def draw_move(self) -> st.SearchStrategy[Move]:
        system, choices = self.around.system, self.choices(self.current)
        if not choices:
            return st.just(Move(system, None))
        return _picked(len(choices)).map(lambda at: Move(system, choices[at]))


_kept: dict[int, st.SearchStrategy[int]] = {}


def _picked(count: int) -> st.SearchStrategy[int]:
    """One of so many choices: mostly the first."""
    if count not in _kept:
        first = st.just(0)
        every = st.integers(0, count - 1)
        _kept[count] = (
            first
            if count == 1
            else st.integers(1, DEVIATES).flatmap(lambda n: every if n == DEVIATES else first)
        )
    return _kept[count]


def machine_class(name: str, base: type[SystemMachine], **given: Any) -> type[SystemMachine]:
    """A subclass of its own, since Hypothesis keeps rules, settings and examples by class."""
    return type(base)(name, (base,), {"__module__": __name__, **given})


Looked = Callable[[Run], None]
