"""Implementations that are the interpreter itself: they do what any model says, and show it."""

from __future__ import annotations

from collections.abc import Mapping

from fencepost import Adapter, Refused
from fencepost.core.semantics import initial_states, perform
from fencepost.core.system import Step, System
from fencepost.core.trees import Disabled, Fault
from fencepost.engines.conform.seen import shown_state


def mirror(system: System) -> type[Adapter]:
    """An adapter of the interpreter of a system; a step that faults is an exception."""

    class Mirror(Adapter):
        def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
            self.barriers = barriers
            self.state = next(initial_states(system, barriers))

        def start_in(self, state: Mapping[str, object]) -> None:
            starts = initial_states(system, self.barriers)
            self.state = next(one for one in starts if shown_state(system, one) == state)

        def perform(self, action: str, **arguments: int) -> None:
            step = Step(action, tuple(arguments.values()))
            match perform(system, self.barriers, self.state, step):
                case Disabled():
                    raise Refused
                case Fault() as fault:
                    raise AssertionError(fault.kind)
                case successor:
                    self.state = successor.state

        def observe(self) -> Mapping[str, object]:
            return shown_state(system, self.state)

    return Mirror
