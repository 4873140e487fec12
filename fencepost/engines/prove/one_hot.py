"""A system at its sizes, for a solver: each cell is a choice, with one Boolean a value (one-hot).

An expression behind a range check that fails may read out of range; such a read has no value here,
which is harmless, as nothing on that path asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, assert_never

import z3

from fencepost.core import expressions as x
from fencepost.core.domains import Bool
from fencepost.core.expressions import Expression
from fencepost.core.folding import calculate
from fencepost.core.results import grouped
from fencepost.core.semantics import Barriers, fillings
from fencepost.core.system import State, System
from fencepost.core.trees import BulkWrite, Decide, Leaf, Tree, Update
from fencepost.engines.prove.solver import Bounded, GaveUp
from fencepost.engines.prove.truths import (
    Choices,
    Truth,
    all_of,
    any_of,
    at_most_one,
    choice,
    negation,
    same,
)

Cells = Sequence[Choices]
"""One choice a cell, in the order of `System.cells`."""
Values = Mapping[str, int]
MOST_VALUES = 128
"""How many values a cell may have: each is a Boolean of every state of a run."""
MOST_PAIRS = 1 << 12
"""How many pairs of values an operator may be worked out for."""
HERE = "a solver with one Boolean a value"


class OneHot:
    """Conditions, decisions and writes of a system over cells that are open."""

    def __init__(self, system: System, barriers: Barriers, run: Bounded) -> None:
        self.system = system
        self.run = run
        self.barriers = barriers
        self.context = z3.Context()

    def variable(self, name: str) -> Any:
        """A Boolean of this context."""
        return z3.Bool(name, self.context)

    def term(self, truth: Truth) -> Any:
        """A truth as a term of the solver."""
        return z3.BoolVal(truth, self.context) if isinstance(truth, bool) else truth

    def cells(self, tag: str) -> tuple[list[Choices], list[Any]]:
        """A state in which every cell is open, and the constraints that make it one."""
        cells: list[Choices] = []
        constraints: list[Any] = []
        for number, (field, _) in enumerate(self.system.cells):
            domain = field.domain
            if domain.size > MOST_VALUES:
                raise GaveUp(
                    f"`{field.name}` has {grouped(domain.size)} values, too many for {HERE}"
                )
            if domain.size == 1:
                cells.append({domain.low: True})
            elif isinstance(domain, Bool):
                on = self.variable(f"{number}@{tag}")
                cells.append({1: on, 0: negation(on)})
            else:
                each = {v: self.variable(f"{number}={v}@{tag}") for v in domain.values()}
                constraints += [any_of(each.values()), *at_most_one(list(each.values()))]
                cells.append(each)
        return cells, constraints

    def starts(self, cells: Cells) -> Truth:
        """Whether a state is an initial one."""
        allowed = [values for field in self.system.fields for values in field.initial]
        within = (
            any_of(cell.get(value, False) for value in values)
            for cell, values in zip(cells, allowed, strict=True)
        )
        return all_of((*within, self.truth(self.system.initial, {}, cells)))

    def state(self, model: Any, cells: Cells) -> State:
        """The state that a solver's model gives to cells."""
        return tuple(
            next(v for v, truth in cell.items() if self.is_true(model, truth)) for cell in cells
        )

    def is_true(self, model: Any, truth: Truth) -> bool:
        """Whether a solver's model makes something true."""
        if isinstance(truth, bool):
            return truth
        return bool(z3.is_true(model.eval(truth, model_completion=True)))

    # Expressions.

    def truth(self, node: Expression, values: Values, cells: Cells) -> Truth:
        """Whether a condition holds, with values for its free variables."""
        match node:
            case x.Constant():
                return bool(node.value)
            case x.BarrierOn():
                return node.name in self.barriers
            case x.Not():
                return negation(self.truth(node.operand, values, cells))
            case x.And():
                return self._each(node.operands, values, cells, until=False)
            case x.Or():
                return self._each(node.operands, values, cells, until=True)
            case x.Equal():
                left = self.choices(node.left, values, cells)
                return same(left, self.choices(node.right, values, cells))
            case x.Less():
                return any_of(
                    all_of((one, other))
                    for low, one in self.choices(node.left, values, cells).items()
                    for high, other in self.choices(node.right, values, cells).items()
                    if low < high
                )
            case x.Contains():
                return any_of(
                    all_of((one, other))
                    for members, one in self.choices(node.members, values, cells).items()
                    for element, other in self.choices(node.element, values, cells).items()
                    if element >= 0 and members >> element & 1
                )
            case x.Quantified() if node.kind != "count":
                each = (
                    self.truth(node.body, {**values, **bound}, cells)
                    for bound in fillings(node.variables)
                )
                return all_of(each) if node.kind == "for_all" else any_of(each)
            case _:
                return self.choices(node, values, cells).get(1, False)

    def _each(
        self, operands: Sequence[Expression], values: Values, cells: Cells, *, until: bool
    ) -> Truth:
        """Left to right, and no further than the first that is known to decide."""
        found: list[Truth] = []
        for operand in operands:
            truth = self.truth(operand, values, cells)
            if truth is until:
                return until
            found.append(truth)
        return any_of(found) if until else all_of(found)

    def choices(self, node: Expression, values: Values, cells: Cells) -> Choices:
        """The values an expression may have."""
        match node:
            case x.Constant():
                return {node.value: True}
            case x.Variable():
                return {values[node.name]: True}
            case x.Read():
                return self._read(node, values, cells)
            case x.Choose():
                condition = self.truth(node.condition, values, cells)
                if isinstance(condition, bool):
                    return self.choices(node.then if condition else node.otherwise, values, cells)
                then = self.choices(node.then, values, cells)
                return choice(condition, then, self.choices(node.otherwise, values, cells))
            case x.Arithmetic():
                pairs = self._pairs(node.left, node.right, values, cells)
                return _gathered((calculate(node.operator, a, b), t) for a, b, t in pairs)
            case x.SetUpdate():
                pairs = self._pairs(node.members, node.element, values, cells)
                return _gathered(
                    (a | 1 << b if node.present else a & ~(1 << b), t)
                    for a, b, t in pairs
                    if b >= 0
                )
            case x.Quantified() if node.kind == "count":
                found: Choices = {0: True}
                for bound in fillings(node.variables):
                    one = self.truth(node.body, {**values, **bound}, cells)
                    found = choice(one, {n + 1: t for n, t in found.items()}, found)
                return found
            case (
                x.BarrierOn()
                | x.Not()
                | x.And()
                | x.Or()
                | x.Equal()
                | x.Less()
                | x.Contains()
                | x.Quantified()
            ):
                truth = self.truth(node, values, cells)
                return {1: truth, 0: negation(truth)}
            case _:
                assert_never(node)

    def _pairs(
        self, left: Expression, right: Expression, values: Values, cells: Cells
    ) -> Iterator[tuple[int, int, Truth]]:
        ours, others = self.choices(left, values, cells), self.choices(right, values, cells)
        if len(ours) * len(others) > MOST_PAIRS:
            at = f" ({left.location})" if left.location is not None else ""
            raise GaveUp(f"arithmetic on too many values for {HERE}{at}")
        for one, truth in ours.items():
            for other, also in others.items():
                yield one, other, all_of((truth, also))

    def _read(self, node: x.Read, values: Values, cells: Cells) -> Choices:
        places = list(self._places(node.field, node.indices, values, cells))
        if len(places) == 1 and places[0][1] is True:
            return cells[places[0][0]]
        return _gathered(
            (value, all_of((here, truth)))
            for place, here in places
            for value, truth in cells[place].items()
        )

    def _places(
        self,
        name: str,
        indices: Sequence[Expression],
        values: Values,
        cells: Cells,
        rest: tuple[int, ...] = (),
    ) -> Iterator[tuple[int, Truth]]:
        """The cells that an indexed field may mean, with the truth of each."""
        field, offset = self.system.field[name], self.system.offsets[name]
        for chosen in product(*(self.choices(i, values, cells).items() for i in indices)):
            here = all_of(truth for _, truth in chosen)
            cell = field.cell((*(value for value, _ in chosen), *rest))
            if cell is not None and here is not False:
                yield offset + cell, here

    # Steps.

    def leaves(
        self, tree: Tree, values: Values, cells: Cells, path: Truth = True
    ) -> Iterator[tuple[Truth, Leaf]]:
        """The leaves that a step may come to, with the truth of the path to each."""
        if path is False:
            return
        if not isinstance(tree, Decide):
            yield path, tree
            return
        condition = self.truth(tree.condition, values, cells)
        yield from self.leaves(tree.then, values, cells, all_of((path, condition)))
        unless = negation(condition)
        yield from self.leaves(tree.otherwise, values, cells, all_of((path, unless)))

    def after(self, update: Update, values: Values, cells: Cells) -> list[Choices]:
        """The state after the writes of a leaf; a cell that is not written is the same object."""
        written = list(cells)
        for write in update.writes:
            for filling in fillings(write.variables if isinstance(write, BulkWrite) else ()):
                inner = {**values, **filling}
                where: Truth = True
                if isinstance(write, BulkWrite):
                    where = self.truth(write.where, inner, cells)
                    if where is False:
                        continue
                value = self.choices(write.value, inner, cells)
                rest = tuple(filling.values())
                for place, here in self._places(write.field, write.indices, values, cells, rest):
                    written[place] = choice(all_of((where, here)), value, written[place])
        return written


def _gathered(found: Iterator[tuple[int, Truth]]) -> Choices:
    """Choices from values with a truth each, where a value may come more than once."""
    each: dict[int, list[Truth]] = {}
    for value, truth in found:
        if truth is not False:
            each.setdefault(value, []).append(truth)
    return {value: any_of(truths) for value, truths in each.items()}
