"""Symbols: what a body handles while it is recorded.

Operators on symbols build expressions; asking a symbol for its truth asks the recorder. What Python
would decide without asking (identity, hashing, `&` on conditions) is refused here or in
`refusals`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import BOOL, Domain, Enum, Index, Maybe, Range, SetOf
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Expression
from fencepost.language.machine import _is_source, caller
from fencepost.language.values import EmptySet, Nothing, describe_value
from fencepost.language.views import ArrayView, DomainView, SetView

if TYPE_CHECKING:
    from fencepost.language.state_recorder import StateRecorder

NOTHING = Maybe(Range(-1, -1))
NO_MEMBERS = SetOf(Index("EMPTY", 0))
WIDEST = 1 << 62


def sort_of(domain: Domain) -> Domain:
    """What a domain is compared as: the domain inside a `Maybe`."""
    return domain.of if isinstance(domain, Maybe) else domain


def is_number(domain: Domain) -> bool:
    """Whether a domain is plain integers, or `NONE` alone, which fits every sort."""
    return isinstance(sort_of(domain), Range)


def describe(domain: Domain) -> str:
    """A domain in a message."""
    match domain:
        case Index() | Enum():
            return domain.name
        case Maybe() if domain == NOTHING:
            return "NONE"
        case SetOf() if domain == NO_MEMBERS:
            return "EMPTY"
        case Maybe():
            return f"Maybe({describe(domain.of)})"
        case SetOf():
            return f"SetOf({domain.of.name})"
        case Range() if domain.low == domain.high:
            return f"the number {domain.low}"
        case Range():
            return f"a number in {domain.low}..{domain.high}"
        case _:
            return "a Boolean"


def argument_name(domain: Domain) -> str:
    """A name for a value of an index sort or an enum: that of the sort, as a variable's."""
    named = domain.name if isinstance(domain, Index | Enum) else ""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", named.rpartition(".")[2]).lower()


def check_comparable(left: Expression, right: Expression, what: str) -> None:
    """Refuse two things that are never of one sort; `what` has a place for each."""
    if NOTHING in (left.domain, right.domain):
        _check_optional(left, right, what)
        return
    a, b = sort_of(left.domain), sort_of(right.domain)
    same = a == b or (is_number(a) and is_number(b))
    mixed = {type(a), type(b)}
    number_and_named = Range in mixed and (Index in mixed or Enum in mixed)
    both_sets = mixed == {SetOf} and NO_MEMBERS in (a, b)
    if same or number_and_named or both_sets:
        return
    told = [describe(left.domain), describe(right.domain)]
    if isinstance(a, Index) and isinstance(b, Index) and a.name == b.name:
        told = [f"{a.name} ({a.count} members)", f"{b.name} ({b.count} members)"]
    raise InputError(
        "F40",
        what.format(*told),
        why="two sorts have nothing in common but their integers, so it is a slip",
        write=_same_sort(a, b),
        at=caller(),
    )


def _same_sort(left: Domain, right: Domain) -> str:
    """How two sorts meet after all."""
    kinds = {type(left), type(right)}
    if not kinds <= {Index, Enum}:
        return "values of one sort on both sides"
    first = "one Index for both" if kinds == {Index} else "values of one sort on both sides"
    return f"{first}; or arithmetic, as in `i + 0 == j`, which gives a plain number (finite only)"


def _check_optional(left: Expression, right: Expression, what: str) -> None:
    """Refuse `NONE` beside a number that may be -1, which is the same integer, or beside a set."""
    for domain in (left.domain, right.domain):
        if not isinstance(domain, Maybe) and (domain.low < 0 or isinstance(domain, SetOf)):
            raise InputError(
                "F40",
                what.format(describe(left.domain), describe(right.domain)),
                why="only a Maybe holds NONE, which is told apart by being -1",
                write="`== EMPTY` for a set; Maybe(...) for what may hold nothing",
                at=caller(),
            )


class Symbol:
    """An expression that a body handles as if it were a value."""

    __slots__ = ("born", "expression", "recorder", "run")

    def __init__(
        self, recorder: StateRecorder, expression: Expression, born: Location | None = None
    ) -> None:
        self.recorder = recorder
        self.run = recorder.run
        self.expression = expression
        self.born = born
        """Where a condition was computed, so that one nobody uses is noticed."""

    def __repr__(self) -> str:
        if self.recorder.recording and _is_source(sys._getframe(1).f_code.co_filename):
            _TEXT()
        return f"<symbol of {describe(self.expression.domain)}>"

    def __bool__(self) -> bool:
        return self.recorder.ask_truth(self)

    def _compare(self, other: Any, what: str) -> tuple[Expression, Expression] | None:
        lifted = lift(other)
        if lifted is None:
            return None
        mine = use(self)
        check_comparable(mine, lifted, what)
        for one, other_side in ((mine, lifted), (lifted, mine)):
            if isinstance(sort_of(one.domain), Index) and isinstance(other_side.domain, Range):
                self.recorder.finite_only("a number beside an index")
            self.recorder.check_count(one, other_side)
        return mine, lifted

    def __eq__(self, other: object) -> Any:
        sides = self._compare(other, "a comparison of {} and {}")
        if sides is None:
            return self._unusable(other)
        return self.recorder.condition(folding.equal(*sides, caller()))

    def __ne__(self, other: object) -> Any:
        sides = self._compare(other, "a comparison of {} and {}")
        if sides is None:
            return self._unusable(other)
        at = caller()
        return self.recorder.condition(folding.negate(folding.equal(*sides, at), at))

    def _ordered(self, other: object, swap: bool, invert: bool) -> Any:
        sides = self._compare(other, "an order between {} and {}")
        if sides is None:
            return self._unusable(other)
        at = caller()
        left, right = (self.recorder.number(side, "an order") for side in sides)
        for side in (left, right):
            sort = sort_of(side.domain)
            if isinstance(sort, Index) and not sort.ordered:
                self.recorder.finite_only(f"an order on {sort.name}")
        result = folding.less(right, left, at) if swap else folding.less(left, right, at)
        return self.recorder.condition(folding.negate(result, at) if invert else result)

    def __lt__(self, other: object) -> Any:
        return self._ordered(other, False, False)

    def __gt__(self, other: object) -> Any:
        return self._ordered(other, True, False)

    def __le__(self, other: object) -> Any:
        return self._ordered(other, True, True)

    def __ge__(self, other: object) -> Any:
        return self._ordered(other, False, True)

    def _calculate(self, operator: x.Operator, other: object, swap: bool) -> Any:
        lifted = lift(other)
        if lifted is None:
            return self._unusable(other)
        mine = use(self)
        left, right = (lifted, mine) if swap else (mine, lifted)
        return self.recorder.arithmetic(operator, left, right)

    def __add__(self, other: object) -> Any:
        return self._calculate("+", other, False)

    def __radd__(self, other: object) -> Any:
        return self._calculate("+", other, True)

    def __sub__(self, other: object) -> Any:
        return self._calculate("-", other, False)

    def __rsub__(self, other: object) -> Any:
        return self._calculate("-", other, True)

    def __mul__(self, other: object) -> Any:
        return self._calculate("*", other, False)

    def __rmul__(self, other: object) -> Any:
        return self._calculate("*", other, True)

    def __floordiv__(self, other: object) -> Any:
        return self._calculate("//", other, False)

    def __rfloordiv__(self, other: object) -> Any:
        return self._calculate("//", other, True)

    def __mod__(self, other: object) -> Any:
        return self._calculate("%", other, False)

    def __rmod__(self, other: object) -> Any:
        return self._calculate("%", other, True)

    def __neg__(self) -> Any:
        return self._calculate("-", 0, True)

    def _usable(self, other: object) -> str:
        """What may stand instead of something that is no part of a state."""
        mine = self.expression
        if isinstance(other, DomainView) and isinstance(mine.domain, SetOf):
            name = mine.field if isinstance(mine, x.Read) else "members"
            element = argument_name(mine.domain.of) or "i"
            return f"`for_all(self.{other}, lambda {element}: {element} in self.{name})`"
        return "NONE" if other is None else "a value of the same sort"

    def _unusable(self, other: object) -> NoReturn:
        raise InputError(
            "F41",
            f"{describe_value(other)} meets {describe(self.expression.domain)} of the state",
            why="the state holds Booleans, integers, enum members, indices and sets only",
            write=self._usable(other),
            at=caller(),
        )


def _refuse(code: str, what: str, why: str, write: str) -> Callable[..., Any]:
    def refused(*_: Any) -> NoReturn:
        raise InputError(code, what, why=why, write=write, at=caller())

    return refused


_BITWISE = _refuse(
    "F42",
    "`&`, `|`, `^` or `~` on a part of the state",
    "Python would combine both sides without asking either",
    "`and`, `or`, `!=`, `not`",
)
for _name in ("and", "rand", "or", "ror", "xor", "rxor", "invert", "lshift", "rshift"):
    setattr(Symbol, f"__{_name}__", _BITWISE)

Symbol.__hash__ = _refuse(  # type: ignore[method-assign]
    "F43",
    "a part of the state is a key of a set or dictionary",
    "Python would look it up by hash, without asking what it is equal to",
    "`x in (A, B)` with a tuple, or if/elif for a table",
)
_NUMBER = _refuse(
    "F44",
    "a part of the state is needed as a Python number",
    "while a body is recorded its values are symbols",
    "an Array for a table; `for i in self.Index` for a loop; self.array[x] to look up",
)
for _name in ("__index__", "__int__", "__float__"):
    setattr(Symbol, _name, _NUMBER)

_ELEMENTS = _refuse(
    "F44",
    "a part of the state is taken apart as if it were a collection",
    "while a body is recorded its values are symbols, and each is one value",
    "`for i in self.Index` for a loop; `x in self.members` for a set that is a field",
)
for _name in ("__len__", "__iter__", "__getitem__", "__contains__", "__reversed__"):
    setattr(Symbol, _name, _ELEMENTS)

_TEXT = _refuse(
    "F110",
    "a part of the state is made into text",
    "while a body is recorded it is a symbol, whose text says nothing of the state",
    "a text without it; `fencepost replay` shows the state before and after each step",
)
for _name in ("__str__", "__format__"):
    setattr(Symbol, _name, _TEXT)

_OPERATOR = _refuse(
    "F112",
    "an operator other than + - * // % on a part of the state",
    "the state holds integers in small ranges, and only these operators are recorded",
    "`choose(x < 0, -x, x)` for abs(x), `x * x` for x ** 2, `x // 2` for x / 2",
)
for _name in ("truediv", "pow", "divmod", "matmul"):
    setattr(Symbol, f"__{_name}__", _OPERATOR)
    setattr(Symbol, f"__r{_name}__", _OPERATOR)
for _name in ("abs", "pos", "round", "trunc", "floor", "ceil"):
    setattr(Symbol, f"__{_name}__", _OPERATOR)


def use(symbol: Symbol) -> Expression:
    """The expression of a symbol that is being used for something."""
    if not symbol.recorder.is_live(symbol.run):
        raise InputError(
            "F108",
            "a value is used outside of the run, quantifier or bulk write it belongs to",
            why="it stands for one state, or for the element that was asked about",
            write="the condition inside the function of the quantifier; a fresh read outside of it",
            at=caller(),
        )
    if symbol.born is not None:
        symbol.recorder.used_conditions.add(symbol.born)
    return symbol.expression


def lift(value: Any) -> Expression | None:
    """A value of a body as an expression, or None where it cannot be part of the state."""
    match value:
        case Symbol():
            return use(value)
        case bool():
            return x.TRUE if value else x.FALSE
        case Nothing():
            return x.Constant(-1, NOTHING)
        case IntEnum():
            return x.Constant(int(value), _enum_of(type(value)) or Range(int(value), int(value)))
        case int():
            return x.Constant(value, Range(value, value))
        case EmptySet():
            return x.Constant(0, NO_MEMBERS)
        case SetView():
            return lift(value.members())
        case ArrayView():
            raise InputError(
                "F46",
                f"{value.field.name} is used without all its indices",
                why=f"it has {len(value.field.indices)}, and a row is not a value",
                write=f"`self.{value.field.name}[...]` with one index for each domain",
                at=caller(),
            )
        case _:
            return None


@cache
def _enum_of(declared: type[IntEnum]) -> Enum | None:
    """The domain of an `IntEnum`, or None where its values have gaps and are mere numbers."""
    values = sorted(int(member) for member in declared)
    if values != list(range(values[0], values[0] + len(values))):
        return None
    return Enum(declared.__name__, tuple(declared(v).name for v in values), values[0])


def truth_of(expression: Expression, at: Location | None) -> Expression:
    """The condition that Python's truth of a value stands for."""
    domain = expression.domain
    if domain == BOOL:
        return expression
    if isinstance(domain, Range):
        return folding.negate(folding.equal(expression, x.Constant(0, Range(0, 0)), at), at)
    raise InputError(
        "F45",
        f"{describe(domain)} is used as a condition",
        why="its member 0 would count as false, which is seldom meant",
        write="a comparison: `self.owner[slot] != NONE`, `request == other`",
        at=at,
    )
