"""Expressions over packed states, as operations on lanes.

Operations never trap and never give poison: an expression is only meaningful where its checks
passed, but it is computed in every lane.
"""

from __future__ import annotations

from itertools import product
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.expressions import Expression
from fencepost.core.system import System
from fencepost.kernel.lanes import Condition, Integer, LaneBuilder, Test, Value
from fencepost.kernel.layout import FieldLayout, Layout, Place

Environment = dict[str, int]


class Reader:
    """Lowers expressions over one vector of states; arguments and bound variables are numbers."""

    def __init__(
        self,
        system: System,
        layout: Layout,
        lanes: LaneBuilder,
        words: list[Value],
        barriers: Value,
    ) -> None:
        self.system = system
        self.layout = layout
        self.lanes = lanes
        self.words = words
        self.barriers = barriers
        self.barrier_bits = {b.name: 1 << n for n, b in enumerate(system.barriers)}

    # Integers.

    def integer(self, node: Expression, env: Environment) -> Integer:
        """The value of an expression in every lane; Booleans are 0 and 1."""
        lanes = self.lanes
        match node:
            case x.Constant():
                return node.value
            case x.Variable():
                return env[node.name]
            case x.Read():
                raw, low = self.raw(node, env)
                return lanes.add(raw, low)
            case x.Arithmetic():
                return self.arithmetic(node, env)
            case x.Choose():
                return lanes.select(
                    self.condition(node.condition, env),
                    self.integer(node.then, env),
                    self.integer(node.otherwise, env),
                )
            case x.SetUpdate():
                members = self.integer(node.members, env)
                bit = lanes.shift_left(1, self.element(node.element, env))
                if node.present:
                    return lanes.bits_or(members, bit)
                return lanes.bits_and(members, lanes.bits_not(bit))
            case x.Quantified() if node.kind == "count":
                total: Integer = 0
                for inner in self.fillings(node, env):
                    counted = lanes.as_integer(self.condition(node.body, inner))
                    total = lanes.add(total, counted)
                return total
            case _:
                return lanes.as_integer(self.condition(node, env))

    def element(self, node: Expression, env: Environment) -> Integer:
        """An element of a set as a bit position, harmless where its check failed."""
        value = self.integer(node, env)
        return value & 63 if isinstance(value, int) else value

    def arithmetic(self, node: x.Arithmetic, env: Environment) -> Integer:
        lanes = self.lanes
        left, right = self.integer(node.left, env), self.integer(node.right, env)
        if isinstance(left, int) and isinstance(right, int):
            return folding.calculate(node.operator, left, right)
        match node.operator:
            case "+":
                return lanes.add(left, right)
            case "-":
                return lanes.subtract(left, right)
            case "*":
                return lanes.multiply(left, right)
            case "//" | "%":
                if not isinstance(right, int) or isinstance(left, int):
                    raise ValueError(f"a divisor that is no constant: {node}")  # noqa: TRY004
                operation = "udiv" if node.operator == "//" else "urem"
                return lanes.divide(operation, left, right, node.left.domain.high)
            case _ as other:
                assert_never(other)

    # Cells.

    def position(self, node: x.Read, env: Environment) -> tuple[int, list[tuple[Integer, int]]]:
        """The cell read, as a constant and a sum of indices (counted from 0) times strides."""
        return self.cell(node.field, node.indices, env)

    def cell(
        self, field: str, indices: tuple[Expression, ...], env: Environment
    ) -> tuple[int, list[tuple[Integer, int]]]:
        declared = self.system.field[field]
        fixed = 0
        moving: list[tuple[Integer, int]] = []
        stride = declared.cells
        for index, domain in zip(indices, declared.indices, strict=False):
            stride //= domain.size
            if isinstance(index, x.Read):
                raw, low = self.raw(index, env)
            else:
                raw, low = self.integer(index, env), 0
            if isinstance(raw, int):
                fixed += (raw + low - domain.low) * stride
            else:
                fixed += (low - domain.low) * stride
                moving.append((raw, stride))
        return fixed, moving

    def raw(self, node: x.Read, env: Environment) -> tuple[Integer, int]:
        """The packed bits of a cell, and what to add to them."""
        layout = self.layout.fields[node.field]
        fixed, moving = self.position(node, env)
        if layout.width == 0:
            return 0, layout.low
        if not moving:
            return self.bits(self.place(layout, fixed, node.field)), layout.low
        word, shift = self.found(layout, fixed, moving)
        mask = (1 << layout.width) - 1
        return self.lanes.bits_and(self.lanes.shift_right(word, shift), mask), layout.low

    def place(self, layout: FieldLayout, cell: int, field: str) -> Place:
        """Where a cell lies; one that does not exist is read only where its check failed."""
        return layout.place(min(max(cell, 0), self.system.field[field].cells - 1))

    def bits(self, place: Place) -> Integer:
        shifted = self.lanes.shift_right(self.words[place.word], place.shift)
        return self.lanes.bits_and(shifted, (1 << place.width) - 1)

    def found(
        self, layout: FieldLayout, fixed: int, moving: list[tuple[Integer, int]]
    ) -> tuple[Value, Integer]:
        """The word that holds a cell known only at run time, and the shift to it."""
        lanes, width = self.lanes, layout.width
        first = layout.runs[0]
        if len(layout.runs) == 1:
            shift: Integer = first.shift + fixed * width
            for index, stride in moving:
                shift = lanes.add(lanes.multiply(index, stride * width), shift)
            return self.words[first.word], shift
        cell = self.moving_cell(fixed, moving)
        word: Integer = self.words[first.word]
        base: Integer = first.shift
        for run in layout.runs[1:]:
            further = lanes.negate(lanes.compare("slt", cell, run.first))
            word = lanes.select(further, self.words[run.word], word)
            base = lanes.select(further, run.shift - run.first * width, base)
        return lanes.words(word), lanes.add(lanes.multiply(cell, width), base)

    def moving_cell(self, fixed: int, moving: list[tuple[Integer, int]]) -> Integer:
        cell: Integer = fixed
        for index, stride in moving:
            cell = self.lanes.add(self.lanes.multiply(index, stride), cell)
        return cell

    # Conditions.

    def condition(self, node: Expression, env: Environment) -> Condition:
        """Where a Boolean expression holds."""
        lanes = self.lanes
        match node:
            case x.Constant():
                return bool(node.value)
            case x.Variable():
                return bool(env[node.name])
            case x.BarrierOn():
                bit = self.barrier_bits[node.name]
                return Test(self.barriers, bit, bit)
            case x.Read():
                return self.equals_constant(node, 1, env)
            case x.Not():
                return lanes.negate(self.condition(node.operand, env))
            case x.And():
                return self.every([(o, env) for o in node.operands])
            case x.Or():
                return self.some([(o, env) for o in node.operands])
            case x.Equal():
                return self.equal(node, env)
            case x.Less():
                left, right = self.integer(node.left, env), self.integer(node.right, env)
                if isinstance(left, int) and isinstance(right, int):
                    return left < right
                return lanes.compare("slt", left, right)
            case x.Choose():
                return lanes.choose_condition(
                    self.condition(node.condition, env),
                    self.condition(node.then, env),
                    self.condition(node.otherwise, env),
                )
            case x.Contains():
                return self.contains(node, env)
            case x.Quantified() if node.kind == "for_all":
                return self.every([(node.body, inner) for inner in self.fillings(node, env)])
            case x.Quantified() if node.kind == "exists":
                return self.some([(node.body, inner) for inner in self.fillings(node, env)])
            case x.Quantified() | x.Arithmetic() | x.SetUpdate():
                value = self.integer(node, env)
                return bool(value) if isinstance(value, int) else lanes.compare("ne", value, 0)
            case _:
                assert_never(node)

    def every(self, parts: list[tuple[Expression, Environment]]) -> Condition:
        conditions: list[Condition] = []
        for node, env in parts:
            condition = self.condition(node, env)
            if condition is False:
                return False
            conditions.append(condition)
        return self.lanes.conjunction(conditions)

    def some(self, parts: list[tuple[Expression, Environment]]) -> Condition:
        conditions: list[Condition] = []
        for node, env in parts:
            condition = self.condition(node, env)
            if condition is True:
                return True
            conditions.append(condition)
        return self.lanes.disjunction(conditions)

    def equal(self, node: x.Equal, env: Environment) -> Condition:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, x.Read):
                value = self.integer(other, env)
                if isinstance(value, int):
                    return self.equals_constant(one, value, env)
        left, right = self.integer(node.left, env), self.integer(node.right, env)
        if isinstance(left, int) and isinstance(right, int):
            return left == right
        return self.lanes.compare("eq", left, right)

    def equals_constant(self, node: x.Read, value: int, env: Environment) -> Condition:
        layout = self.layout.fields[node.field]
        wanted = value - layout.low
        if not 0 <= wanted < 1 << layout.width:
            return False
        if layout.width == 0:
            return True
        fixed, moving = self.position(node, env)
        mask = (1 << layout.width) - 1
        if moving:
            raw, _ = self.raw(node, env)
            return Test(self.lanes.words(raw), mask, wanted)
        place = self.place(layout, fixed, node.field)
        return Test(self.words[place.word], mask << place.shift, wanted << place.shift)

    def contains(self, node: x.Contains, env: Environment) -> Condition:
        members, element = self.integer(node.members, env), self.element(node.element, env)
        if isinstance(members, int) and isinstance(element, int):
            return bool(members >> element & 1)
        if isinstance(element, int):
            return Test(self.lanes.words(members), 1 << element, 1 << element)
        return Test(self.lanes.words(self.lanes.shift_right(members, element)), 1, 1)

    def fillings(self, node: x.Quantified, env: Environment) -> list[Environment]:
        names = [v.name for v in node.variables]
        return [
            {**env, **dict(zip(names, chosen, strict=True))}
            for chosen in product(*(v.of.values() for v in node.variables))
        ]
