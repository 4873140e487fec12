"""Which cells of a state make a step break a claim: the rest may be anything.

A counterexample to induction is one state of many that break a claim in the same way. What has to
be excluded is what they have in common: the cells that the guards of the step went by, and those
that the claim is false of after it. Method: the lifting of counterexamples in property-directed
reachability (Chockler, Ivrii, Matsliah, Moran and Nevo 2011), here by the reasons of an
interpreter: of a conjunction that is false one false part is reason enough.

What is found only says where to look for lemmas: that is heuristic, and nothing is believed of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fencepost.core import expressions as x
from fencepost.core.expressions import Expression
from fencepost.core.folding import calculate
from fencepost.core.semantics import Values, decide, fillings
from fencepost.core.sizes import formula_at_sizes
from fencepost.core.system import State, System
from fencepost.core.trees import BulkWrite, Update

if TYPE_CHECKING:
    from fencepost.engines.prove.any_size import Counterexample
    from fencepost.engines.prove.any_size.formulas import Formula

Cells = frozenset[int]
NO_CELLS: Cells = frozenset()


class Reasons:
    """The values of expressions in one state, with the cells that make them so."""

    def __init__(self, system: System, barriers: frozenset[str], state: State) -> None:
        self.system, self.barriers, self.state = system, barriers, state
        self.looked_at: set[int] = set()
        """Cells that were read on the way, whether or not they count."""

    def of(self, node: Expression, values: Values) -> tuple[int, Cells]:
        """The value of an expression, and cells that it stays the same with, whatever the others
        are."""
        match node:
            case x.Constant():
                return node.value, NO_CELLS
            case x.Variable():
                return values[node.name], NO_CELLS
            case x.BarrierOn():
                return int(node.name in self.barriers), NO_CELLS
            case x.Read():
                return self._read(node, values)
            case x.Not():
                value, cells = self.of(node.operand, values)
                return 1 - value, cells
            case x.And() | x.Or():
                stops = int(isinstance(node, x.Or))
                return self._joined((self.of(o, values) for o in node.operands), stops)
            case x.Equal() | x.Less() | x.Arithmetic():
                (left, one), (right, other) = (
                    self.of(node.left, values),
                    self.of(node.right, values),
                )
                if isinstance(node, x.Arithmetic):
                    return calculate(node.operator, left, right), one | other
                return int(
                    left == right if isinstance(node, x.Equal) else left < right
                ), one | other
            case x.Choose():
                chosen, why = self.of(node.condition, values)
                value, cells = self.of(node.then if chosen else node.otherwise, values)
                return value, why | cells
            case x.Contains() | x.SetUpdate():
                members, held = self.of(node.members, values)
                element, which = self.of(node.element, values)
                if isinstance(node, x.Contains):
                    return members >> element & 1, held | which
                changed = members | 1 << element if node.present else members & ~(1 << element)
                return changed, held | which
            case x.Quantified():
                each = (self.of(node.body, {**values, **f}) for f in fillings(node.variables))
                if node.kind != "count":
                    return self._joined(each, int(node.kind == "exists"))
                counted = list(each)
                return sum(v for v, _ in counted), NO_CELLS.union(*(cells for _, cells in counted))

    def _read(self, node: x.Read, values: Values) -> tuple[int, Cells]:
        found = [self.of(index, values) for index in node.indices]
        cell = self.system.field[node.field].cell(tuple(value for value, _ in found))
        if cell is None:
            raise AssertionError(f"unchecked index: {node}")
        place = self.system.offsets[node.field] + cell
        self.looked_at.add(place)
        return self.state[place], NO_CELLS.union({place}, *(cells for _, cells in found))

    def _joined(self, parts: Iterable[tuple[int, Cells]], stops: int) -> tuple[int, Cells]:
        """One part that settles it (the value is that of `stops`), as few cells as there are; or
        all. What stands before it may have kept it from reading out of range, and is not told."""
        whole: list[Cells] = []
        for value, cells in parts:
            if bool(value) == bool(stops):
                return stops, cells
            whole.append(cells)
        return 1 - stops, NO_CELLS.union(*whole)


def lifted(found: Counterexample, barriers: frozenset[str], claim: Formula | None) -> Cells:
    """The cells of the state before a step (positions in the state) that make it break a claim, or
    fault where there is none."""
    system, step = found.system, found.step
    if step is None:
        return NO_CELLS
    before = Reasons(system, barriers, found.before)
    action = system.action[step.action]
    arguments = {a.name: v for a, v in zip(action.arguments, step.arguments, strict=True)}
    path, leaf = decide(system, barriers, found.before, step)
    cells = NO_CELLS.union(*(before.of(d.condition, arguments)[1] for d, _ in path))
    if claim is None or found.after is None or not isinstance(leaf, Update):
        return cells
    written: dict[int, Cells] = {}
    for write in leaf.writes:
        declared = system.field[write.field]
        for filling in fillings(write.variables if isinstance(write, BulkWrite) else ()):
            inner = {**arguments, **filling}
            why = NO_CELLS
            if isinstance(write, BulkWrite):
                there, why = before.of(write.where, inner)
                if not there:
                    continue
            places = [before.of(i, arguments) for i in write.indices]
            cell = declared.cell((*(p for p, _ in places), *filling.values()))
            if cell is None:
                raise AssertionError(f"unchecked write: {write}")
            value = before.of(write.value, inner)[1]
            at = system.offsets[write.field] + cell
            written[at] = NO_CELLS.union(why, value, *(c for _, c in places))
    after = Reasons(system, barriers, found.after)
    broken = _broken(system, after, claim)
    return cells.union(*(written.get(cell, {cell}) for cell in broken))


def with_reasons(
    found: Counterexample, barriers: frozenset[str], claims: Iterable[Formula], cells: Cells
) -> Cells:
    """Cells of the state before a step, with those that make claims true which look at them: what
    such a claim leaves open is where the next is to be looked for."""
    before = Reasons(found.system, barriers, found.before)
    reasons = cells
    for claim in claims:
        for value, why in _instances(found.system, before, claim):
            if value and before.looked_at & cells:
                reasons |= why
            before.looked_at.clear()
    return reasons


def _broken(system: System, after: Reasons, claim: Formula) -> Cells:
    """Why a claim is false: the fewest cells, over its instances that are."""
    false = [cells for value, cells in _instances(system, after, claim) if not value]
    return min(false, key=lambda cells: (len(cells), sorted(cells)), default=NO_CELLS)


def _instances(system: System, state: Reasons, claim: Formula) -> Iterator[tuple[int, Cells]]:
    """Whether each instance of a claim holds in a state, and the cells that make it so."""
    from fencepost.engines.prove.any_size.formulas import closed

    every = formula_at_sizes(closed(claim), system)
    instances: list[dict[str, int]] = [{}]
    condition = every
    if claim.arguments and isinstance(every, x.Quantified):
        instances, condition = list(fillings(every.variables)), every.body
    return (state.of(condition, filling) for filling in instances)
