"""The step between two states of a run, encoded once and renamed for every place in the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import z3

from fencepost.core.domains import Bool
from fencepost.core.system import Step
from fencepost.engines.prove import raw
from fencepost.engines.prove.effects import effect
from fencepost.engines.prove.one_hot import Cells, OneHot
from fencepost.engines.prove.truths import Choices, Truth, any_of


@dataclass(frozen=True)
class Moment:
    """A state of a run, with what can be said of the step that is taken from it.

    `takes` has for each step a Boolean that it is the one taken, `faults` that it goes wrong.
    """

    cells: Cells
    takes: dict[Step, Any]
    faults: dict[Step, Truth]
    enabled: Truth


class Pattern:
    """What holds between a state and the next, over two states that stand for any two."""

    def __init__(self, encoding: OneHot) -> None:
        self.system, self.encoding = encoding.system, encoding
        self._before, _ = encoding.cells("before")
        self._after, _ = encoding.cells("after")
        self._takes: dict[Step, Any] = {}
        self._faults: dict[Step, Truth] = {}
        constraints = list(self._constraints())
        self._step = raw.conjunction(constraints)
        self._enabled = any_of([*self._faults.values(), *self._possible.values()])

    def moment(self, number: int, cells: Cells) -> Moment:
        """A state, and what can be said of the step from it."""
        renamed = _Renaming(_variables(self._before), _variables(cells))
        return Moment(
            cells,
            {
                step: self.encoding.variable(f"step {place}@{number}")
                for place, step in enumerate(self._takes)
            },
            {step: renamed(truth) for step, truth in self._faults.items()},
            renamed(self._enabled),
        )

    def step(self, before: Moment, after: Cells) -> Any:
        """Exactly one step is taken, and the state after it is what it makes of the one before."""
        renamed = _Renaming(
            [*_variables(self._before), *_variables(self._after), *self._takes.values()],
            [*_variables(before.cells), *_variables(after), *before.takes.values()],
        )
        return renamed(self._step)

    def _constraints(self) -> Iterator[Any]:
        term = self.encoding.term
        self._possible: dict[Step, Truth] = {}
        writers: list[list[Any]] = [[] for _ in self._after]
        for place, step in enumerate(self.system.steps):
            self.encoding.run.pause()
            done = effect(self.encoding, step, self._before)
            self._faults[step] = done.faults
            possible = done.possible
            if possible is False:
                continue
            taken = self._takes[step] = self.encoding.variable(f"step {place}")
            self._possible[step] = possible
            yield raw.implication(taken, term(possible))
            for cell, value in enumerate(done.after):
                if value is self._before[cell]:
                    continue
                writers[cell].append(taken)
                for truth, becomes in self._equal(cell, value):
                    yield raw.implication(taken, raw.equality(truth, term(becomes)))
        for cell, value in enumerate(self._before):
            changed = raw.disjunction(writers[cell]) if writers[cell] else term(truth=False)
            for truth, stays in self._equal(cell, value):
                yield raw.disjunction([changed, raw.equality(truth, term(stays))])
        each = list(self._takes.values())
        yield raw.disjunction(each) if each else term(truth=False)
        if each:
            yield z3.AtMost(*each, 1)

    def _equal(self, place: int, value: Choices) -> Iterator[tuple[Any, Truth]]:
        """What has to be equal for a cell to have a value; one of a Boolean's two is enough."""
        is_bool = isinstance(self.system.cells[place][0].domain, Bool)
        for number, truth in self._after[place].items():
            if not isinstance(truth, bool) and not (is_bool and number == 0):
                yield truth, value.get(number, False)


class _Renaming:
    """Puts the variables of one place in a run for those of the pattern."""

    def __init__(self, old: list[Any], new: list[Any]) -> None:
        self._renamed = raw.Renaming(old, new)

    def __call__(self, truth: Truth) -> Any:
        return truth if isinstance(truth, bool) else self._renamed(truth)


def _variables(cells: Cells) -> list[Any]:
    """The variables of a state, cell by cell."""
    return [
        truth
        for cell in cells
        for truth in cell.values()
        if not isinstance(truth, bool) and z3.is_const(truth)
    ]
