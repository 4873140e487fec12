"""Properties evaluated on what is seen of a state: true or false whatever is not seen, or open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core.expressions import Expression
from fencepost.core.folding import calculate
from fencepost.core.semantics import Barriers, Values, fillings, show_instance
from fencepost.core.system import System
from fencepost.engines.conform.seen import Seen


def violated_by(system: System, barriers: Barriers, seen: Seen) -> tuple[str, ...]:
    """The properties `always` that are violated by what is seen, with the instance of each."""
    look = _Look(system, barriers, dict(seen))
    found = []
    for prop in system.properties:
        if prop.kind != "always":
            continue
        for values in fillings(prop.arguments):
            if look.value(prop.fault, values) == 0 and look.value(prop.condition, values) == 0:
                instance = show_instance(prop, values)
                found.append(f"{prop.name} ({instance})" if instance else prop.name)
                break
    return tuple(found)


class _Look:
    """The cells that are seen; a value is None where it depends on one that is not, or on one
    whose value is none that the model has."""

    def __init__(self, system: System, barriers: Barriers, seen: dict[int, object]) -> None:
        self.system, self.barriers, self.seen = system, barriers, seen

    def value(self, node: Expression, values: Values) -> int | None:
        match node:
            case x.Constant():
                return node.value
            case x.Variable():
                return values[node.name]
            case x.BarrierOn():
                return int(node.name in self.barriers)
            case x.Read():
                return self._read(node, values)
            case x.Not():
                operand = self.value(node.operand, values)
                return None if operand is None else 1 - operand
            case x.And():
                return _all(self.value(o, values) for o in node.operands)
            case x.Or():
                return _any(self.value(o, values) for o in node.operands)
            case x.Equal() | x.Less() | x.Arithmetic():
                left, right = self.value(node.left, values), self.value(node.right, values)
                if left is None or right is None:
                    return None
                if isinstance(node, x.Arithmetic):
                    return calculate(node.operator, left, right)
                return int(left == right if isinstance(node, x.Equal) else left < right)
            case x.Choose():
                condition = self.value(node.condition, values)
                if condition is None:
                    return None
                return self.value(node.then if condition else node.otherwise, values)
            case x.Contains():
                members, element = (
                    self.value(node.members, values),
                    self.value(node.element, values),
                )
                return None if members is None or element is None else members >> element & 1
            case x.SetUpdate():
                members, element = (
                    self.value(node.members, values),
                    self.value(node.element, values),
                )
                if members is None or element is None:
                    return None
                return members | 1 << element if node.present else members & ~(1 << element)
            case x.Quantified():
                return self._quantified(node, values)
            case _:
                assert_never(node)

    def _read(self, node: x.Read, values: Values) -> int | None:
        indices = [self.value(i, values) for i in node.indices]
        known = tuple(i for i in indices if i is not None)
        if len(known) < len(indices):
            return None
        cell = self.system.field[node.field].cell(known)
        found = None if cell is None else self.seen.get(self.system.offsets[node.field] + cell)
        return found if isinstance(found, int) else None

    def _quantified(self, node: x.Quantified, values: Values) -> int | None:
        results = (self.value(node.body, {**values, **b}) for b in fillings(node.variables))
        if node.kind == "for_all":
            return _all(results)
        if node.kind == "exists":
            return _any(results)
        counted = list(results)
        known = [one for one in counted if one is not None]
        return sum(known) if len(known) == len(counted) else None


def _all(values: Iterable[int | None]) -> int | None:
    open_ = False
    for value in values:
        if value == 0:
            return 0
        open_ |= value is None
    return None if open_ else 1


def _any(values: Iterable[int | None]) -> int | None:
    open_ = False
    for value in values:
        if value is not None and value:
            return 1
        open_ |= value is None
    return None if open_ else 0
