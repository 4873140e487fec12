"""Expressions in Promela.

Promela has neither quantifiers nor sets: a quantifier becomes its instances joined, a set is an
integer with one bit a member. `&&`, `||` and `( -> : )` stop early, as in C.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import Bool, Domain, Range
from fencepost.core.expressions import Constant, Expression
from fencepost.core.system import Field
from fencepost.export.naming import Vocabulary
from fencepost.export.width import refuse_wide

LONGEST_LINE = 84

# How tightly an operator binds; a weaker operand is put in parentheses.
OR, AND, COMPARE, SHIFT, SUM, PRODUCT, UNARY, ATOM = range(8)
_BINDS = {"+": SUM, "-": SUM, "*": PRODUCT, "//": PRODUCT, "%": PRODUCT}
_SYMBOL = {"+": "+", "-": "-", "*": "*", "//": "/", "%": "%"}


class Writer:
    """Writes expressions; `variables` gives the text that stands for each free variable."""

    def __init__(self, vocabulary: Vocabulary, variables: dict[str, str]) -> None:
        self.vocabulary = vocabulary
        self.variables = variables

    def with_names(self, more: dict[str, str]) -> Writer:
        return Writer(self.vocabulary, self.variables | more)

    def constant(self, value: int, domain: Domain) -> str:
        name = self.vocabulary.value(value, domain)
        if name is not None:
            return name
        if isinstance(domain, Bool):
            return "true" if value else "false"
        return str(value) if value >= 0 else f"({value})"

    def cell(self, field: Field, indices: Sequence[Expression | int]) -> str:
        """The variable of a cell: arrays have one dimension, last index fastest, from 0."""
        name = self.vocabulary.fields[field.name]
        if not indices:
            return name
        position: Expression = Constant(0, Range(0, 0))
        for index, domain in zip(indices, field.indices, strict=True):
            node = Constant(index, domain) if isinstance(index, int) else index
            position = _plus(_times(position, domain.size), _minus(node, domain.low))
        return f"{name}[{self.text(position)}]"

    def text(self, node: Expression, beside: Domain | None = None, at_least: int = OR) -> str:
        """An expression; `beside` is the domain of what it is compared with or assigned to."""
        written, binds = self._write(node, beside)
        return written if binds >= at_least else f"({written})"

    def condition(self, node: Expression) -> list[str]:
        """A condition on one line, or on a line for each part where one would be long."""
        line = self.text(node)
        if len(line) <= LONGEST_LINE or not isinstance(node, x.And):
            return [line]
        parts = [self.text(operand, at_least=COMPARE) for operand in node.operands]
        return [*(f"{part} &&" for part in parts[:-1]), parts[-1]]

    def _write(self, node: Expression, beside: Domain | None) -> tuple[str, int]:
        match node:
            case Constant():
                known = self.vocabulary.value(node.value, node.of)
                domain = beside if known is None and beside is not None else node.of
                return self.constant(node.value, domain), ATOM
            case x.Variable():
                return self.variables[node.name], ATOM
            case x.BarrierOn():
                return self.vocabulary.barriers[node.name], ATOM
            case x.Read():
                field = self.vocabulary.system.field[node.field]
                return self.cell(field, node.indices), ATOM
            case x.Not():
                return self._write_not(node.operand)
            case x.And():
                return self._join(" && ", node.operands, AND), AND
            case x.Or():
                return self._join(" || ", node.operands, OR), OR
            case x.Equal():
                return self._compare("==", node.left, node.right)
            case x.Less():
                return self._compare("<", node.left, node.right)
            case x.Arithmetic():
                refuse_wide(node)
                binds = _BINDS[node.operator]
                left = self.text(node.left, at_least=binds)
                right = self.text(node.right, at_least=binds + 1)
                return f"{left} {_SYMBOL[node.operator]} {right}", binds
            case x.Choose():
                then, otherwise = self.text(node.then, beside), self.text(node.otherwise, beside)
                return f"({self.text(node.condition)} -> {then} : {otherwise})", ATOM
            case x.Contains():
                members = self.text(node.members, at_least=SHIFT)
                return f"(({members} >> {self.text(node.element, at_least=SUM)}) & 1)", ATOM
            case x.SetUpdate():
                members = self.text(node.members, at_least=ATOM)
                bit = f"(1 << {self.text(node.element, at_least=SUM)})"
                joined = f"{members} | {bit}" if node.present else f"{members} & ~{bit}"
                return f"({joined})", ATOM
            case x.Quantified():
                return self._quantified(node)
            case _:
                assert_never(node)

    def _write_not(self, operand: Expression) -> tuple[str, int]:
        match operand:
            case x.Equal():
                return self._compare("!=", operand.left, operand.right)
            case x.Less():
                return self._compare(">=", operand.left, operand.right)
            case _:
                return f"!{self.text(operand, at_least=UNARY)}", UNARY

    def _join(self, symbol: str, operands: Sequence[Expression], binds: int) -> str:
        # An `&&` inside an `||` is put in parentheses too: nobody remembers which binds tighter.
        return symbol.join(self.text(o, at_least=max(binds + 1, COMPARE)) for o in operands)

    def _compare(self, symbol: str, left: Expression, right: Expression) -> tuple[str, int]:
        first = self.text(left, right.domain, at_least=SHIFT)
        second = self.text(right, left.domain, at_least=SHIFT)
        return f"{first} {symbol} {second}", COMPARE

    def _quantified(self, node: x.Quantified) -> tuple[str, int]:
        instances = []
        for chosen in product(*(v.of.values() for v in node.variables)):
            values: dict[str, Expression] = {
                v.name: Constant(value, v.of)
                for v, value in zip(node.variables, chosen, strict=True)
            }
            instances.append(folding.substitute(node.body, values))
        if node.kind == "for_all":
            return self._write(folding.conjunction(instances), None)
        if node.kind == "exists":
            return self._write(folding.disjunction(instances), None)
        counted = [self._number(i) for i in instances if i != x.FALSE]
        return (" + ".join(counted), SUM) if counted else ("0", ATOM)

    def _number(self, condition: Expression) -> str:
        return self.text(condition, at_least=PRODUCT)


def _plus(left: Expression, right: Expression) -> Expression:
    if isinstance(left, Constant) and left.value == 0:
        return right
    if isinstance(right, Constant) and right.value == 0:
        return left
    return folding.arithmetic("+", left, right)


def _minus(left: Expression, low: int) -> Expression:
    if low == 0:
        return left
    return folding.arithmetic("-", left, Constant(low, Range(low, low)))


def _times(left: Expression, size: int) -> Expression:
    if size == 1 or (isinstance(left, Constant) and left.value == 0):
        return left
    return folding.arithmetic("*", left, Constant(size, Range(size, size)))
