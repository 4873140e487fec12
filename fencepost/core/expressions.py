"""Expressions over the state before a step.

An expression never faults: whoever builds one has put the check that could fail into the decision
tree (or the fault condition of a property) in front of it. Where such a check guards one branch of
a `Choose`, or a later operand of an `And` or `Or`, what it guards may read out of range when the
check fails; so a reader evaluates left to right and stops early, or makes such a read harmless.

Equality of expressions is structural and ignores source locations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, assert_never

from fencepost.core.domains import BOOL, Domain, Range
from fencepost.core.errors import Location

QuantifierKind = Literal["for_all", "exists", "count"]
Operator = Literal["+", "-", "*", "//", "%"]


@dataclass(frozen=True)
class Node:
    """What every expression has; `location` is where it was written."""

    location: Location | None = field(default=None, compare=False, repr=False, kw_only=True)

    @property
    def domain(self) -> Domain:
        """The values it can take, as far as its form tells."""
        raise NotImplementedError


def _hashed_once(cls: type[Node]) -> type[Node]:
    """Keep the structural hash of a node, which is asked for often and is deep to compute."""
    structural: Callable[[Node], int] = cls.__hash__

    def hash_of(self: Node) -> int:
        cache = self.__dict__
        if "_hash" not in cache:
            cache["_hash"] = structural(self)
        return int(cache["_hash"])

    cls.__hash__ = hash_of  # type: ignore[method-assign,assignment]  # the same function, cached
    return cls


@_hashed_once
@dataclass(frozen=True)
class Constant(Node):
    value: int
    of: Domain

    @property
    def domain(self) -> Domain:
        return self.of


@_hashed_once
@dataclass(frozen=True)
class Variable(Node):
    """An argument of an action or property, or the bound variable of a quantifier."""

    name: str
    of: Domain

    @property
    def domain(self) -> Domain:
        return self.of


@_hashed_once
@dataclass(frozen=True)
class BarrierOn(Node):
    """Whether a barrier is on in the design being checked."""

    name: str

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class Read(Node):
    """The value of one cell before the step."""

    field: str
    indices: tuple[Expression, ...]
    of: Domain

    @property
    def domain(self) -> Domain:
        return self.of


@_hashed_once
@dataclass(frozen=True)
class Not(Node):
    operand: Expression

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class And(Node):
    operands: tuple[Expression, ...]

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class Or(Node):
    operands: tuple[Expression, ...]

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class Equal(Node):
    """Whether two integers are the same; either side may be `NONE` (-1)."""

    left: Expression
    right: Expression

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class Less(Node):
    """Whether the left integer is strictly below the right one."""

    left: Expression
    right: Expression

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class Arithmetic(Node):
    """`//` and `%` have a constant positive right side and a left side that is never negative."""

    operator: Operator
    left: Expression
    right: Expression

    @cached_property
    def of(self) -> Range:
        a, b = self.left.domain, self.right.domain
        match self.operator:
            case "+":
                return Range(a.low + b.low, a.high + b.high)
            case "-":
                return Range(a.low - b.high, a.high - b.low)
            case "*":
                corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
                return Range(min(corners), max(corners))
            case "//":
                return Range(a.low // b.low, a.high // b.low)
            case "%":
                return Range(0, min(a.high, b.low - 1))
            case _ as other:
                assert_never(other)

    @property
    def domain(self) -> Domain:
        return self.of


@_hashed_once
@dataclass(frozen=True)
class Choose(Node):
    """`then` where the condition holds, else `otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression
    of: Domain

    @property
    def domain(self) -> Domain:
        return self.of


@_hashed_once
@dataclass(frozen=True)
class Contains(Node):
    """Whether a set holds an element, which is in range."""

    members: Expression
    element: Expression

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class SetUpdate(Node):
    """A set with one element (in range) put in, or taken out."""

    members: Expression
    element: Expression
    present: bool

    @property
    def domain(self) -> Domain:
        return self.members.domain


@_hashed_once
@dataclass(frozen=True)
class Quantified(Node):
    """`for_all`, `exists` or `count` of a Boolean body over every value of each variable."""

    kind: QuantifierKind
    variables: tuple[Variable, ...]
    body: Expression

    @cached_property
    def of(self) -> Domain:
        if self.kind != "count":
            return BOOL
        most = 1
        for variable in self.variables:
            most *= variable.of.size
        return Range(0, most)

    @property
    def domain(self) -> Domain:
        return self.of


Expression = (
    Constant
    | Variable
    | BarrierOn
    | Read
    | Not
    | And
    | Or
    | Equal
    | Less
    | Arithmetic
    | Choose
    | Contains
    | SetUpdate
    | Quantified
)

TRUE = Constant(1, BOOL)
FALSE = Constant(0, BOOL)


def children(node: Expression) -> tuple[Expression, ...]:
    """The direct operands of a node, in source order."""
    match node:
        case Constant() | Variable() | BarrierOn():
            return ()
        case Read():
            return node.indices
        case Not():
            return (node.operand,)
        case And() | Or():
            return node.operands
        case Equal() | Less() | Arithmetic():
            return (node.left, node.right)
        case Choose():
            return (node.condition, node.then, node.otherwise)
        case Contains() | SetUpdate():
            return (node.members, node.element)
        case Quantified():
            return (node.body,)
        case _:
            assert_never(node)


def walk(node: Expression) -> Iterator[Expression]:
    """A node and everything below it, parents first."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def substitute(node: Expression, values: dict[str, Expression]) -> Expression:
    """Put expressions in place of free variables; bound variables that clash are renamed."""
    if not values:
        return node

    def into(child: Expression) -> Expression:
        return substitute(child, values)

    match node:
        case Variable():
            return values.get(node.name, node)
        case Quantified():
            return _substitute_under(node, values)
        case _:
            return rebuild(node, into)


def _substitute_under(node: Quantified, values: dict[str, Expression]) -> Expression:
    bound = {variable.name for variable in node.variables}
    values = {name: value for name, value in values.items() if name not in bound}
    arriving = {n.name for value in values.values() for n in walk(value) if isinstance(n, Variable)}
    within = {n.name for n in walk(node.body) if isinstance(n, Variable)} | bound
    variables = []
    for variable in node.variables:
        name = variable.name
        while name in arriving or (name != variable.name and name in within):
            name += "_"
        if name != variable.name:
            within = within | {name}
            renamed = Variable(name, variable.of)
            values = values | {variable.name: renamed}
            variable = renamed
        variables.append(variable)
    body = substitute(node.body, values)
    return Quantified(node.kind, tuple(variables), body, location=node.location)


def rebuild(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The node with every direct operand replaced by `change(operand)`, folded where it can be."""
    at = node.location
    match node:
        case Constant() | Variable() | BarrierOn():
            return node
        case Read():
            indices = tuple(change(i) for i in node.indices)
            return Read(node.field, indices, node.of, location=at)
        case Not():
            return negate(change(node.operand), at)
        case And():
            return conjunction([change(o) for o in node.operands], at)
        case Or():
            return disjunction([change(o) for o in node.operands], at)
        case Equal():
            return equal(change(node.left), change(node.right), at)
        case Less():
            return less(change(node.left), change(node.right), at)
        case Arithmetic():
            return arithmetic(node.operator, change(node.left), change(node.right), at)
        case Choose():
            return choose(
                change(node.condition), change(node.then), change(node.otherwise), node.of, at
            )
        case Contains():
            return contains(change(node.members), change(node.element), at)
        case SetUpdate():
            return set_update(change(node.members), change(node.element), node.present, at)
        case Quantified():
            return quantified(node.kind, node.variables, change(node.body), at)
        case _:
            assert_never(node)


# Constructors that fold constants. They keep the meaning exactly; nothing else may simplify.


def negate(operand: Expression, at: Location | None = None) -> Expression:
    match operand:
        case Constant():
            return FALSE if operand.value else TRUE
        case Not():
            return operand.operand
        case _:
            return Not(operand, location=at)


def conjunction(operands: list[Expression], at: Location | None = None) -> Expression:
    kept: list[Expression] = []
    for operand in operands:
        parts = operand.operands if isinstance(operand, And) else (operand,)
        for part in parts:
            if isinstance(part, Constant):
                if not part.value:
                    return FALSE
            elif part not in kept:
                kept.append(part)
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else And(tuple(kept), location=at)


def disjunction(operands: list[Expression], at: Location | None = None) -> Expression:
    kept: list[Expression] = []
    for operand in operands:
        parts = operand.operands if isinstance(operand, Or) else (operand,)
        for part in parts:
            if isinstance(part, Constant):
                if part.value:
                    return TRUE
            elif part not in kept:
                kept.append(part)
    if not kept:
        return FALSE
    return kept[0] if len(kept) == 1 else Or(tuple(kept), location=at)


def equal(left: Expression, right: Expression, at: Location | None = None) -> Expression:
    if left == right:
        return TRUE
    if isinstance(left, Constant) and isinstance(right, Constant):
        return TRUE if left.value == right.value else FALSE
    if left.domain.high < right.domain.low or right.domain.high < left.domain.low:
        return FALSE
    return Equal(left, right, location=at)


def less(left: Expression, right: Expression, at: Location | None = None) -> Expression:
    if left.domain.high < right.domain.low:
        return TRUE
    if left.domain.low >= right.domain.high or left == right:
        return FALSE
    return Less(left, right, location=at)


def calculate(operator: Operator, left: int, right: int) -> int:
    """The integer an operator gives."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
        case _:
            assert_never(operator)


def arithmetic(
    operator: Operator, left: Expression, right: Expression, at: Location | None = None
) -> Expression:
    if isinstance(left, Constant) and isinstance(right, Constant):
        value = calculate(operator, left.value, right.value)
        return Constant(value, Range(value, value), location=at)
    return Arithmetic(operator, left, right, location=at)


def choose(
    condition: Expression,
    then: Expression,
    otherwise: Expression,
    of: Domain,
    at: Location | None = None,
) -> Expression:
    if isinstance(condition, Constant):
        return then if condition.value else otherwise
    if then == otherwise:
        return then
    if of == BOOL:
        if then == TRUE:
            return disjunction([condition, otherwise], at)
        if then == FALSE:
            return conjunction([negate(condition), otherwise], at)
        if otherwise == TRUE:
            return disjunction([negate(condition), then], at)
        if otherwise == FALSE:
            return conjunction([condition, then], at)
    return Choose(condition, then, otherwise, of, location=at)


def contains(members: Expression, element: Expression, at: Location | None = None) -> Expression:
    if isinstance(members, Constant) and isinstance(element, Constant) and element.value >= 0:
        return TRUE if members.value >> element.value & 1 else FALSE
    return Contains(members, element, location=at)


def set_update(
    members: Expression, element: Expression, present: bool, at: Location | None = None
) -> Expression:
    if isinstance(members, Constant) and isinstance(element, Constant) and element.value >= 0:
        bit = 1 << element.value
        value = members.value | bit if present else members.value & ~bit
        return Constant(value, members.of, location=at)
    return SetUpdate(members, element, present, location=at)


def quantified(
    kind: QuantifierKind,
    variables: tuple[Variable, ...],
    body: Expression,
    at: Location | None = None,
) -> Expression:
    if isinstance(body, Constant):
        if kind != "count":
            return body
        most = 1
        for variable in variables:
            most *= variable.of.size
        value = most if body.value else 0
        return Constant(value, Range(value, value), location=at)
    return Quantified(kind, variables, body, location=at)
