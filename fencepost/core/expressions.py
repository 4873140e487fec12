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
    """An integer, read as a value of a domain."""

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
    """Whether a condition does not hold."""

    operand: Expression

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class And(Node):
    """Whether all conditions hold; operands from the left, up to the first that does not."""

    operands: tuple[Expression, ...]

    @property
    def domain(self) -> Domain:
        return BOOL


@_hashed_once
@dataclass(frozen=True)
class Or(Node):
    """Whether some condition holds; operands from the left, up to the first that does."""

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
