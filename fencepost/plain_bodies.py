"""Whether a model's recording says what its bodies do, on the first states reached."""

from __future__ import annotations

from collections.abc import Sequence

from fencepost.core.semantics import Outcome, Successor, initial_states, perform
from fencepost.core.system import Design, State, Step, System
from fencepost.core.trees import Fault
from fencepost.language import Model, perform_plainly
from fencepost.report.trace_tables import changes, show_cell

MOST_STATES = 1000


class Comparison:
    """Compares plain bodies with recorded trees on the first states of each design.

    Designs share `MOST_STATES` evenly. The two ways are independent: one runs the Python of the
    body on integers, the other walks the recorded tree, so what the recording lost shows here.
    """

    def __init__(self, model: type[Model], system: System, designs: Sequence[Design]) -> None:
        self._model = model
        self._system = system
        self._quota = -(-MOST_STATES // max(1, len(designs)))

    def first_difference(self, design: Design) -> str | None:
        """The first step on which the two ways differ, in words; None where they agree."""
        system, barriers = self._system, design.barriers
        states: list[State] = []
        for state in initial_states(system, barriers):
            states.append(state)
            if len(states) >= self._quota:
                break
        known = set(states)
        for state in states:
            for step in system.steps:
                recorded = perform(system, barriers, state, step)
                plain = perform_plainly(self._model, system, barriers, state, step)
                if not _same(recorded, plain):
                    return self._describe(state, step, recorded, plain)
                if (
                    isinstance(recorded, Successor)
                    and len(states) < self._quota
                    and recorded.state not in known
                ):
                    known.add(recorded.state)
                    states.append(recorded.state)
        return None

    def _describe(self, state: State, step: Step, recorded: Outcome, plain: Outcome) -> str:
        system = self._system
        cells = ", ".join(
            f"{show_cell(system, position)} = {field.domain.show(state[position])}"
            for position, (field, _) in enumerate(system.cells)
        )
        return (
            f"{system.show_step(step)} recorded: {self._show(state, recorded)}; "
            f"its body on plain values: {self._show(state, plain)}; in the state {cells}"
        )

    def _show(self, before: State, outcome: Outcome) -> str:
        if isinstance(outcome, Successor):
            changed = ", ".join(str(c) for c in changes(self._system, before, outcome.state))
            return changed or "taken, nothing changes"
        if isinstance(outcome, Fault):
            return f"faults ({outcome.kind})"
        return "disabled"


def _same(recorded: Outcome, plain: Outcome) -> bool:
    if isinstance(recorded, Successor):
        return isinstance(plain, Successor) and recorded.state == plain.state
    if isinstance(recorded, Fault):
        return isinstance(plain, Fault) and recorded.kind == plain.kind
    return type(recorded) is type(plain)
