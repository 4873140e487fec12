"""A trace: an initial state and the steps taken from it, with enough to take them again."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.core.semantics import Barriers, Successor, perform
from fencepost.core.system import State, Step, System
from fencepost.core.trees import Disabled, Fault


@dataclass(frozen=True)
class Trace:
    """A run of a system. The last step may be one that faults; then it leads to no state.

    An endless run, a lasso, repeats its steps from the state number `loop` on for ever; where that
    is its last state, it stays there for ever.
    """

    model: str
    parameters: tuple[tuple[str, int], ...]
    design: str
    barriers: tuple[str, ...]
    digest: str
    initial: State
    steps: tuple[Step, ...]
    loop: int | None = None

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Run:
    """A trace with the states it goes through; a fault, if any, ends it."""

    states: tuple[State, ...]
    fault: Fault | None = None


class NotARun(Exception):
    """A trace that the system cannot perform: `position` is the step that is disabled."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


def rerun(system: System, trace: Trace, barriers: Barriers | None = None) -> Run:
    """Perform a trace through the interpreter, with its own barriers on or with others.

    `NotARun` if a step is disabled on the way, or the state in which a lasso starts over is not the
    one in which it did before.
    """
    if barriers is None:
        barriers = frozenset(trace.barriers)
    states = [trace.initial]
    for position, step in enumerate(trace.steps):
        outcome = perform(system, barriers, states[-1], step)
        match outcome:
            case Successor(state):
                states.append(state)
            case Fault():
                if position + 1 < len(trace.steps):
                    raise NotARun(position, f"{system.show_step(step)} faults, yet steps follow")
                return Run(tuple(states), outcome)
            case Disabled():
                raise NotARun(position, f"{system.show_step(step)} is disabled")
    if trace.loop is not None and states[trace.loop] != states[-1]:
        raise NotARun(len(trace.steps), "the loop of the run does not close")
    return Run(tuple(states))
