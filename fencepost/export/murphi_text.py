"""Expressions in Murphi.

Murphi tells Booleans from numbers, so every expression is written as the one its place asks for.
A set is an array of Booleans, and a set-valued expression is written member by member. Rumur's
`&`, `|` and `? :` stop early, as in C.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import Bool, Domain, Enum, Index, Maybe, SetOf
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Constant, Expression, Variable
from fencepost.core.system import Field
from fencepost.export.naming import Names, Vocabulary
from fencepost.export.width import fits, refuse_wide

LONGEST_LINE = 84

# How tightly an operator binds; a weaker operand is put in parentheses.
WHOLE, OR, AND, COMPARE, SUM, PRODUCT, UNARY, ATOM = range(8)
_BINDS = {"+": SUM, "-": SUM, "*": PRODUCT, "//": PRODUCT, "%": PRODUCT}
_SYMBOL = {"+": "+", "-": "-", "*": "*", "//": "/", "%": "%"}


class Types:
    """The named types of a system: one for each index sort, enumeration, and either-or-NONE."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.names: dict[Domain, str] = {}
        for domain in vocabulary.typed:
            match domain:
                case Index() | Enum():
                    self.names[domain] = vocabulary.names.take(domain.name)
                case Maybe(of=(Index() | Enum()) as inner):
                    wanted = f"{self.names[inner]}_or_none"
                    self.names[domain] = vocabulary.names.take(wanted)

    def declarations(self) -> list[str]:
        return [f"{name}: {self.interval(domain)};" for domain, name in self.names.items()]

    def interval(self, domain: Domain) -> str:
        shown = (self.vocabulary.value(v, domain) or str(v) for v in (domain.low, domain.high))
        return " .. ".join(shown)

    def of(self, domain: Domain, at: Location | None = None) -> str:
        """The type of a cell, argument or bound variable."""
        match domain:
            case Bool():
                return "boolean"
            case SetOf():
                return f"array [{self.of(domain.of)}] of boolean"
            case _ if domain in self.names:
                return self.names[domain]
            case _ if not fits(domain):
                raise InputError(
                    "F60",
                    f"a value may go from {domain.low} to {domain.high}",
                    why="Rumur's values have 32 bits here",
                    write="smaller sizes for the export (`--set`)",
                    at=at,
                )
            case _:
                return self.interval(domain)

    def of_index(self, domain: Domain, at: Location | None = None) -> str:
        """The type of what is counted through: an argument, a bound variable, an index."""
        if isinstance(domain, SetOf):
            raise _set_as_number(at)
        return self.of(domain, at)


class Writer:
    """Writes expressions; `variables` gives the name of each free variable."""

    def __init__(
        self, vocabulary: Vocabulary, types: Types, names: Names, variables: dict[str, str]
    ) -> None:
        self.vocabulary = vocabulary
        self.types = types
        self.names = names
        self.variables = variables

    def inside(self, variables: Sequence[Variable]) -> Writer:
        """A writer for the scope of these variables."""
        names = self.names.inner()
        named = {v.name: names.take(v.name) for v in variables}
        return Writer(self.vocabulary, self.types, names, self.variables | named)

    def value(self, node: Expression, domain: Domain, at_least: int = WHOLE) -> str:
        """An expression as its place's domain asks for it: a Boolean or a number."""
        if isinstance(domain, Bool):
            return self.boolean(node, at_least)
        return self.number(node, domain, at_least)

    def constant(self, value: int, domain: Domain) -> str:
        if isinstance(domain, Bool):
            return "true" if value else "false"
        name = self.vocabulary.value(value, domain)
        return name or (str(value) if value >= 0 else f"({value})")

    def cell(self, field: Field, indices: Sequence[Expression | int]) -> str:
        name = self.vocabulary.fields[field.name]
        for index, domain in zip(indices, field.indices, strict=True):
            node = Constant(index, domain) if isinstance(index, int) else index
            name += f"[{self.value(node, domain)}]"
        return name

    def boolean(self, node: Expression, at_least: int = WHOLE) -> str:
        if isinstance(node.domain, Bool):
            written, binds = self._boolean(node)
        elif isinstance(node, Constant):
            written, binds = "true" if node.value else "false", ATOM
        else:
            written, binds = f"{self.number(node, at_least=SUM)} != 0", COMPARE
        return written if binds >= at_least else f"({written})"

    def condition(self, node: Expression) -> list[str]:
        """A condition on one line, or on a line for each part where one would be long."""
        line = self.boolean(node)
        if len(line) <= LONGEST_LINE or not isinstance(node, x.And):
            return [line]
        parts = [self.boolean(operand, COMPARE) for operand in node.operands]
        return [*(f"{part} &" for part in parts[:-1]), parts[-1]]

    def number(self, node: Expression, beside: Domain | None = None, at_least: int = WHOLE) -> str:
        """A number; `beside` is the domain of what it is compared with or assigned to."""
        if isinstance(node.domain, SetOf) and not isinstance(node, Constant):
            raise _set_as_number(node.location)
        if isinstance(node.domain, Bool) and not isinstance(node, Constant):
            return f"({self.boolean(node)} ? 1 : 0)"
        written, binds = self._number(node, beside)
        return written if binds >= at_least else f"({written})"

    def member(self, members: Expression, element: Expression) -> Expression | str:
        """Whether a set holds an element: as an expression, or as text where it is a cell."""
        match members:
            case Constant():
                held = [i for i in range(members.value.bit_length()) if members.value >> i & 1]
                return folding.disjunction(
                    [folding.equal(element, Constant(i, element.domain)) for i in held]
                )
            case x.Read():
                field = self.vocabulary.system.field[members.field]
                return f"{self.cell(field, members.indices)}[{self.number(element)}]"
            case x.Variable():
                return f"{self.variables[members.name]}[{self.number(element)}]"
            case x.SetUpdate():
                before = self.contains(members.members, element, COMPARE)
                same = folding.equal(element, members.element)
                if members.present:
                    if same == x.TRUE:
                        return x.TRUE
                    return before if same == x.FALSE else f"({self.boolean(same)} | {before})"
                if same == x.TRUE:
                    return x.FALSE
                other = self.boolean(folding.negate(same))
                return before if same == x.FALSE else f"({other} & {before})"
            case x.Choose():
                then = self.contains(members.then, element)
                otherwise = self.contains(members.otherwise, element)
                return f"({self.boolean(members.condition)} ? {then} : {otherwise})"
            case _:
                raise _set_as_number(members.location)

    def contains(self, members: Expression, element: Expression, at_least: int = WHOLE) -> str:
        written = self.member(members, element)
        return written if isinstance(written, str) else self.boolean(written, at_least)

    def _boolean(self, node: Expression) -> tuple[str, int]:
        match node:
            case Constant():
                return "true" if node.value else "false", ATOM
            case Variable():
                return self.variables[node.name], ATOM
            case x.BarrierOn():
                return self.vocabulary.barriers[node.name], ATOM
            case x.Read():
                return self.cell(self.vocabulary.system.field[node.field], node.indices), ATOM
            case x.Not():
                return self._not(node.operand)
            case x.And():
                return " & ".join(self.boolean(o, COMPARE) for o in node.operands), AND
            case x.Or():
                return " | ".join(self.boolean(o, COMPARE) for o in node.operands), OR
            case x.Equal():
                return self._equal(node.left, node.right, "=")
            case x.Less():
                return self._compare("<", node.left, node.right)
            case x.Choose():
                then, otherwise = self.boolean(node.then), self.boolean(node.otherwise)
                return f"({self.boolean(node.condition)} ? {then} : {otherwise})", ATOM
            case x.Contains():
                return self.contains(node.members, node.element, ATOM), ATOM
            case x.Quantified():
                return self._quantified(node), ATOM
            case x.Arithmetic() | x.SetUpdate():
                raise AssertionError(f"not a condition: {node}")
            case _:
                assert_never(node)

    def _not(self, operand: Expression) -> tuple[str, int]:
        match operand:
            case x.Equal():
                return self._equal(operand.left, operand.right, "!=")
            case x.Less():
                return self._compare(">=", operand.left, operand.right)
            case _:
                return f"!{self.boolean(operand, ATOM)}", UNARY

    def _equal(self, left: Expression, right: Expression, symbol: str) -> tuple[str, int]:
        sets = [side.domain for side in (left, right) if isinstance(side.domain, SetOf)]
        if sets:
            element = Variable("i", sets[0].of)
            inner = self.inside([element])
            sides = f"{inner.contains(left, element, SUM)} = {inner.contains(right, element, SUM)}"
            name, kind = inner.variables["i"], self.types.of(sets[0].of)
            every = f"(forall {name}: {kind} do {sides} end)"
            return (every, ATOM) if symbol == "=" else (f"!{every}", UNARY)
        if isinstance(left.domain, Bool) and isinstance(right.domain, Bool):
            return f"{self.boolean(left, SUM)} {symbol} {self.boolean(right, SUM)}", COMPARE
        return self._compare(symbol, left, right)

    def _compare(self, symbol: str, left: Expression, right: Expression) -> tuple[str, int]:
        first = self.number(left, right.domain, SUM)
        return f"{first} {symbol} {self.number(right, left.domain, SUM)}", COMPARE

    def _number(self, node: Expression, beside: Domain | None) -> tuple[str, int]:
        match node:
            case Constant():
                known = self.vocabulary.value(node.value, node.of)
                domain = beside if known is None and beside is not None else node.of
                if isinstance(domain, Bool):
                    return str(node.value), ATOM
                return self.constant(node.value, domain), ATOM
            case Variable():
                return self.variables[node.name], ATOM
            case x.Read():
                return self.cell(self.vocabulary.system.field[node.field], node.indices), ATOM
            case x.Arithmetic():
                refuse_wide(node)
                binds = _BINDS[node.operator]
                left = self.number(node.left, at_least=binds)
                right = self.number(node.right, at_least=binds + 1)
                return f"{left} {_SYMBOL[node.operator]} {right}", binds
            case x.Choose():
                then, otherwise = (
                    self.number(node.then, beside),
                    self.number(node.otherwise, beside),
                )
                return f"({self.boolean(node.condition)} ? {then} : {otherwise})", ATOM
            case x.Quantified():
                return self._count(node)
            case _:
                raise AssertionError(f"not a number: {node}")

    def _quantified(self, node: x.Quantified) -> str:
        word = "forall" if node.kind == "for_all" else "exists"
        inner = self.inside(node.variables)
        text = inner.boolean(node.body)
        for variable in reversed(node.variables):
            kind = self.types.of_index(variable.of, node.location)
            text = f"({word} {inner.variables[variable.name]}: {kind} do {text} end)"
        return text

    def _count(self, node: x.Quantified) -> tuple[str, int]:
        """Murphi does not count; the instances are added up."""
        counted = []
        for chosen in product(*(v.of.values() for v in node.variables)):
            values: dict[str, Expression] = {
                v.name: Constant(value, v.of)
                for v, value in zip(node.variables, chosen, strict=True)
            }
            instance = folding.substitute(node.body, values)
            if instance != x.FALSE:
                counted.append(f"({self.boolean(instance)} ? 1 : 0)")
        return (" + ".join(counted), SUM) if counted else ("0", ATOM)


def _set_as_number(at: Location | None) -> InputError:
    return InputError(
        "F62",
        "a set is used as a number",
        why="in Murphi a set is an array of Booleans: it can be no argument, index or number",
        write="arguments that name one member, or export to Promela",
        at=at,
    )


def set_members(writer: Writer, cell: str, value: Expression, domain: SetOf) -> list[str]:
    """The assignment of a whole set, member by member."""
    element = Variable("i", domain.of)
    inner = writer.inside([element])
    name = inner.variables["i"]
    assign = f"{cell}[{name}] := {inner.contains(value, element)};"
    return [f"for {name}: {writer.types.of(domain.of)} do {assign} end;"]


def loops(writer: Writer, variables: Sequence[Variable], statement: str) -> str:
    """A statement for every value of the variables, which the writer has names for."""
    for variable in reversed(variables):
        name, kind = writer.variables[variable.name], writer.types.of_index(variable.of)
        statement = f"for {name}: {kind} do {statement} end;"
    return statement
