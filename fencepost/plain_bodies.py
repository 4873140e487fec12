"""Whether a model's recording says what its bodies do, on the first states reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import prod
from typing import cast

from fencepost.core.errors import InputError
from fencepost.core.semantics import (
    Barriers,
    Outcome,
    Successor,
    decide,
    evaluate,
    initial_states,
    perform,
)
from fencepost.core.system import Design, State, Step, System
from fencepost.core.trees import Fault, Update
from fencepost.language import Model, perform_plainly
from fencepost.report.trace_tables import changes, show_cell

MOST_STATES = 1000


class Watched(list[int]):
    """The cells of a state, which remember those that were read before they were written."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.before = state
        self.read: dict[int, int] = {}
        self.written: set[int] = set()

    def __getitem__(self, place: int) -> int:  # type: ignore[override]  # cells are never sliced
        if place not in self.written:
            self.read[place] = self.before[place]
        return super().__getitem__(place)

    def __setitem__(self, place: int, value: int) -> None:  # type: ignore[override]  # as above
        self.written.add(place)
        super().__setitem__(place, value)


@dataclass(slots=True)
class Asked:
    """The next cell that decides what a step does, and what follows for each of its values."""

    place: int
    after: dict[int, Known] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agreed:
    """Both ways do the same here: these cells change, or (None) the step is not taken."""

    changed: tuple[tuple[int, int], ...] | None


Known = Asked | Agreed


class Comparison:
    """Compares plain bodies with recorded trees on the first states of each design.

    Designs share `MOST_STATES` evenly. The two ways are independent: one runs the Python of the
    body on integers, the other walks the recorded tree, so what the recording lost shows here.

    What a step does depends only on the cells that the two ways read, so where both have agreed,
    they agree in every state with the same values in those cells and in those that either writes
    to; such states are looked up instead, which makes the comparison dozens of times cheaper.
    """

    def __init__(self, model: type[Model], system: System, designs: Sequence[Design]) -> None:
        self._model = model
        self._system = system
        self._quota = -(-MOST_STATES // max(1, len(designs)))

    def first_difference(self, design: Design) -> str | None:
        """The first step on which the two ways differ, in words; None where they agree."""
        barriers, steps = design.barriers, self._system.steps
        states = list(islice(initial_states(self._system, barriers), self._quota))
        seen = set(states)
        known: list[Known | None] = [None] * len(steps)
        for state in states:
            for number, step in enumerate(steps):
                agreed = _look_up(known[number], state)
                if agreed is None:
                    found = self._compare(barriers, state, step)
                    if isinstance(found, str):
                        return found
                    key, agreed = found
                    known[number] = _remember(known[number], key, agreed)
                if agreed.changed is None or len(states) >= self._quota:
                    continue
                after = list(state)
                for place, value in agreed.changed:
                    after[place] = value
                successor = tuple(after)
                if successor not in seen:
                    seen.add(successor)
                    states.append(successor)
        return None

    def _compare(
        self, barriers: Barriers, state: State, step: Step
    ) -> tuple[dict[int, int], Agreed] | str:
        """Take a step in both ways; the cells that it depends on, or the difference in words."""
        system = self._system
        watched = Watched(state)
        recorded = perform(system, barriers, cast("State", watched), step)
        for place in self._written(barriers, cast("State", watched), step):
            watched.read[place] = state[place]
        try:
            plain = perform_plainly(self._model, system, barriers, watched, step)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a person's body does, it is told
            return self._describe(state, step, recorded, f"raises {type(error).__name__}: {error}")
        if not _same(recorded, plain):
            return self._describe(state, step, recorded, plain)
        key = watched.read
        for place in sorted(watched.written):
            key.setdefault(place, state[place])
        if not isinstance(recorded, Successor):
            return key, Agreed(None)
        pairs = enumerate(zip(state, recorded.state, strict=True))
        return key, Agreed(tuple((place, new) for place, (old, new) in pairs if old != new))

    def _written(self, barriers: Barriers, state: State, step: Step) -> Iterator[int]:
        """The cells that the recorded step may write to: whole rows where it writes in bulk."""
        leaf = decide(self._system, barriers, state, step)[1]
        if not isinstance(leaf, Update):
            return
        arguments = self._system.action[step.action].arguments
        values = {a.name: v for a, v in zip(arguments, step.arguments, strict=True)}
        for write in leaf.writes:
            target = self._system.field[write.field]
            given = [evaluate(self._system, barriers, state, values, i) for i in write.indices]
            rest = target.indices[len(given) :]
            first = target.cell((*given, *(domain.low for domain in rest)))
            if first is not None:
                start = self._system.offsets[write.field] + first
                yield from range(start, start + prod(domain.size for domain in rest))

    def _describe(self, state: State, step: Step, recorded: Outcome, plain: Outcome | str) -> str:
        system = self._system
        cells = ", ".join(
            f"{show_cell(system, position)} = {declared.domain.show(state[position])}"
            for position, (declared, _) in enumerate(system.cells)
        )
        shown = plain if isinstance(plain, str) else self._show(state, plain)
        return (
            f"{system.show_step(step)} recorded: {self._show(state, recorded)}; "
            f"its body on plain values: {shown}; in the state {cells}"
        )

    def _show(self, before: State, outcome: Outcome) -> str:
        if isinstance(outcome, Successor):
            changed = ", ".join(str(c) for c in changes(self._system, before, outcome.state))
            return changed or "taken, nothing changes"
        if isinstance(outcome, Fault):
            return f"faults ({outcome.kind})"
        return "disabled"


def _look_up(known: Known | None, state: State) -> Agreed | None:
    while isinstance(known, Asked):
        known = known.after.get(state[known.place])
    return known


def _remember(known: Known | None, key: dict[int, int], agreed: Agreed) -> Known:
    """Extend what is known by one case, whose cells come in the order in which they were read.

    Which cell is read next follows from the values read before, so cases with the same beginning
    ask about the same cell. A body that does otherwise is not remembered.
    """
    root = known
    link: Asked | None = None
    value = 0
    for place, here in key.items():
        if known is None:
            known = Asked(place)
            if link is None:
                root = known
            else:
                link.after[value] = known
        if not isinstance(known, Asked) or known.place != place:
            return root if root is not None else agreed
        link, value = known, here
        known = known.after.get(here)
    if link is None:
        return agreed
    if known is None:
        link.after[value] = agreed
    return root if root is not None else agreed


def _same(recorded: Outcome, plain: Outcome) -> bool:
    if isinstance(recorded, Successor):
        return isinstance(plain, Successor) and recorded.state == plain.state
    if isinstance(recorded, Fault):
        return isinstance(plain, Fault) and recorded.kind == plain.kind
    return type(recorded) is type(plain)
