"""Runs of a system for a solver: states one after the other, and the step between two of them.

Of all runs that differ only in the names of interchangeable indices, and in the order of steps that
do not touch the same cells, the first in the order of the steps' numbers is kept. It ends in the
same state up to names and has the same length, so that depths stay exact:

- had it a step right behind one with a higher number that it commutes with, exchanging the two
  would give an earlier run (Mazurkiewicz traces in lexicographic normal form);
- did an index occur in it as an argument before a lower one of its sort ever did, exchanging these
  two names throughout would give an earlier run, since arguments are counted up in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import z3

from fencepost.core import expressions as x
from fencepost.core.evidence import Way
from fencepost.core.system import Step, System
from fencepost.core.trees import BulkWrite, Update, Write, decisions, instantiate, leaves
from fencepost.engines.prove.any_size.barriers import fix_barriers
from fencepost.engines.prove.one_hot import OneHot
from fencepost.engines.prove.pattern import Moment, Pattern
from fencepost.engines.prove.solver import Bounded
from fencepost.engines.prove.symmetry import interchangeable


class Runs:
    """The runs of one design, made longer step by step in one solver.

    `ordered` leaves out runs that differ from another in the order of steps, `named` those that
    differ in names. Where a question is about one filling of arguments, names matter; and
    induction, which may start anywhere, needs all runs.
    """

    def __init__(
        self,
        system: System,
        barriers: frozenset[str],
        run: Bounded,
        *,
        ordered: bool,
        named: bool,
    ) -> None:
        self.system = system
        self.encoding = OneHot(system, barriers, run)
        self.ordered = ordered
        self.sorts = interchangeable(system) if named else {}
        self.moments: list[Moment] = []
        self.used: list[dict[tuple[str, int], Any]] = []
        self._pattern = Pattern(self.encoding)

    def begin(self, solver: Any, *, anywhere: bool = False) -> None:
        """The first state: an initial one, or any."""
        cells, constraints = self.encoding.cells("0")
        solver.add(constraints)
        if not anywhere:
            solver.add(self.encoding.term(self.encoding.starts(cells)))
        self.moments.append(self._pattern.moment(0, cells))

    def extend(self, solver: Any) -> None:
        """One more step, and the state after it."""
        number = len(self.moments)
        cells, constraints = self.encoding.cells(str(number))
        solver.add(constraints)
        solver.add(self._pattern.step(self.moments[-1], cells))
        if self.sorts:
            solver.add(list(self._names_in_order(number - 1)))
        if self.ordered and number > 1:
            solver.add(list(self._steps_in_order(number - 1)))
        self.moments.append(self._pattern.moment(number, cells))

    def way(self, model: Any, length: int, last: Step | None = None) -> Way:
        """The run of a solver's model, perhaps with one more step that faults."""
        encoding = self.encoding
        steps = [
            next(s for s, taken in moment.takes.items() if encoding.is_true(model, taken))
            for moment in self.moments[:length]
        ]
        if last is not None:
            steps.append(last)
        return Way(encoding.state(model, self.moments[0].cells), tuple(steps))

    # Which runs stand for others.

    def _steps_in_order(self, number: int) -> Iterator[Any]:
        """No step comes right behind one with a higher number that it commutes with."""
        before, here = self.moments[number - 1], self.moments[number]
        for step, taken in here.takes.items():
            later = [
                before.takes[other] for other in self._overtaken[step] if other in before.takes
            ]
            if later:
                yield z3.Implies(taken, z3.Not(z3.Or(later)))

    def _names_in_order(self, number: int) -> Iterator[Any]:
        """An index is an argument only when every lower one of its sort has been, or is too."""
        here = self.moments[number]
        known = self.used[-1] if self.used else {}
        now: dict[tuple[str, int], Any] = {}
        for name, count in self.sorts.items():
            for index in range(count):
                users = [t for s, t in here.takes.items() if (name, index) in self._names[s]]
                before = [known[name, index]] if (name, index) in known else []
                used = self.encoding.variable(f"{name} {index} used@{number}")
                now[name, index] = used
                yield used == z3.Or([*users, *before, self.encoding.term(truth=False)])
                if index:
                    yield z3.Implies(used, now[name, index - 1])
        self.used.append(now)

    @cached_property
    def _names(self) -> dict[Step, set[tuple[str, int]]]:
        """The indices among the arguments of each step, with their sorts."""
        return {
            step: {
                (getattr(a.of, "name", ""), value)
                for a, value in zip(
                    self.system.action[step.action].arguments, step.arguments, strict=True
                )
            }
            for step in self.system.steps
        }

    @cached_property
    def _overtaken(self) -> dict[Step, list[Step]]:
        """For each step those with a higher number that it commutes with."""
        design = fix_barriers(self.system, self.encoding.barriers)
        touched = [_touched(design, step) for step in self.system.steps]
        found: dict[Step, list[Step]] = {}
        for number, step in enumerate(self.system.steps):
            reads, writes = touched[number]
            found[step] = [
                other
                for place, other in enumerate(self.system.steps[number + 1 :], number + 1)
                if not writes & (touched[place][0] | touched[place][1])
                and not reads & touched[place][1]
            ]
        return found


def _touched(system: System, step: Step) -> tuple[frozenset[int], frozenset[int]]:
    """The cells that a step may read, and those that it may write."""
    action = system.action[step.action]
    values: dict[str, x.Expression] = {
        argument.name: x.Constant(value, argument.of)
        for argument, value in zip(action.arguments, step.arguments, strict=True)
    }
    tree = instantiate(action.tree, values)
    conditions: list[x.Expression] = [decision.condition for decision in decisions(tree)]
    written: list[Write | BulkWrite] = []
    for leaf in leaves(tree):
        written += leaf.writes if isinstance(leaf, Update) else ()
    for write in written:
        conditions += [*write.indices, write.value]
        if isinstance(write, BulkWrite):
            conditions.append(write.where)
    nodes = [node for condition in conditions for node in x.walk(condition)]
    reads = {
        cell
        for node in nodes
        if isinstance(node, x.Read)
        for cell in _cells(system, node.field, node.indices)
    }
    writes = {c for w in written for c in _cells(system, w.field, w.indices)}
    return frozenset(reads), frozenset(writes)


def _cells(system: System, name: str, indices: tuple[x.Expression, ...]) -> Iterator[int]:
    """The cells of a field that indices may mean; fewer indices than it has mean all of a row."""
    field, offset = system.field[name], system.offsets[name]
    for cell, position in enumerate(field.positions()):
        given = zip(indices, position, strict=False)
        if all(not isinstance(i, x.Constant) or i.value == value for i, value in given):
            yield offset + cell
