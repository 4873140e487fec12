"""What a model declares: parameters, barriers, index sorts, domains and fields.

Declarations are made while a class body runs, so sizes may still depend on parameters; they
become numbers when the model is built.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, NoReturn

from fencepost.core import domains
from fencepost.core.errors import InputError, Location
from fencepost.core.system import Fairness
from fencepost.language.any_size import AnySize, Asked, finite_only
from fencepost.language.machine import caller
from fencepost.language.values import describe_value

MOST_COUNT = 1 << 20


class Declared:
    """What a class body declares; it has a meaning in bodies (`self.x`) and is no value itself."""

    name = ""
    location: Location | None = None

    def _no_value(self, *_: Any) -> NoReturn:
        raise InputError(
            "F114",
            f"{describe_value(self)} is used as a value",
            why="its value differs from state to state, design to design or run to run",
            write=f"`self.{self.name or 'name'}` in a body (`m.{self.name or 'name'}` in a "
            "property); sizes may only + - * //",
            at=caller(),
        )

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _no_value
    __getitem__ = __contains__ = __iter__ = __len__ = __index__ = _no_value
    __hash__ = object.__hash__


class Size(Declared):
    """An integer that may depend on parameters: they add, subtract, multiply and divide."""

    def __init__(self, text: Callable[[], str], value: Callable[[Mapping[str, int]], int]) -> None:
        self._text = text
        self.value = value

    @property
    def text(self) -> str:
        """As it is written; names are known only once the class body has run."""
        return self._text()

    def _combine(self, sign: str, left: Any, right: Any) -> Size:
        apply = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv}
        left, right = as_size(left), as_size(right)
        return Size(
            lambda: f"{_enclosed(left.text)} {sign} {_enclosed(right.text)}",
            lambda values: int(apply[sign](left.value(values), right.value(values))),
        )

    def __add__(self, other: Any) -> Size:
        return self._combine("+", self, other)

    def __radd__(self, other: Any) -> Size:
        return self._combine("+", other, self)

    def __sub__(self, other: Any) -> Size:
        return self._combine("-", self, other)

    def __rsub__(self, other: Any) -> Size:
        return self._combine("-", other, self)

    def __mul__(self, other: Any) -> Size:
        return self._combine("*", self, other)

    def __rmul__(self, other: Any) -> Size:
        return self._combine("*", other, self)

    def __floordiv__(self, other: Any) -> Size:
        if isinstance(other, Size) or other < 1:
            raise InputError(
                "F20",
                "a size is divided by something other than a positive number",
                why="a size must be a number for every value of the parameters",
                write="`slots // 2`",
                at=caller(),
            )
        return self._combine("//", self, other)

    __truediv__ = __rtruediv__ = __rfloordiv__ = __mod__ = __pow__ = Declared._no_value


def _enclosed(text: str) -> str:
    return f"({text})" if " " in text else text


def as_size(value: Any) -> Size:
    """An int, an `IntEnum` member or a `Size` as a `Size`."""
    if isinstance(value, Size):
        return value
    if isinstance(value, int):
        number = int(value)
        return Size(lambda: str(number), lambda _: number)
    raise InputError(
        "F20",
        f"{describe_value(value)} is not a size",
        why="a size is an integer, a Parameter, or a sum, difference or product of these",
        write="`Index(requests)` with `requests = Parameter(2)`",
        at=caller(),
    )


class Parameter(Size):
    """A size or switch of a model, fixed per run: `requests = Parameter(2)`.

    `low` and `high` bound what `--set` accepts. A body may read a parameter as an int; the model
    is then finite only.
    """

    def __init__(self, default: int, *, low: int = 0, high: int = MOST_COUNT) -> None:
        self.location = caller()
        if not isinstance(default, int):
            raise InputError(
                "F20",
                f"a Parameter with the default {default!r}",
                why="a parameter is a size or a switch: an integer",
                write="`requests = Parameter(2)`",
                at=self.location,
            )
        self.name = ""
        self.default = int(default)
        self.low = low
        self.high = high
        super().__init__(lambda: self.name, self._given)

    def _given(self, values: Mapping[str, int]) -> int:
        if self.name not in values:
            raise unnamed(self, "requests = Parameter(2)")
        return values[self.name]

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


def unnamed(declared: Declared, example: str, at: Location | None = None) -> InputError:
    """What to say of a declaration that is no attribute of the model it is used in."""
    return InputError(
        "F116",
        f"{describe_value(declared)} is no attribute of the model",
        why="a declaration gets its name from the class that it is an attribute of",
        write=f"`{example}` in the class body, and that name where it is used",
        at=at or declared.location,
    )


class Barrier(Declared):
    """A switch for ONE piece of synchronisation; inside a body it is a condition.

    `kind="edge"` orders two things (an event wait, an acknowledgement, a fence); `kind="guard"`
    detects that they were not ordered (a generation tag, a digest). `buys` names the properties
    that break without it: a note for the reader, of which only the names are checked. That they
    break is what designs without the barrier show, with `expect=violates(...)`.
    """

    def __init__(
        self, text: str, *, buys: Sequence[str], kind: Literal["edge", "guard"] = "edge"
    ) -> None:
        self.name = ""
        self.text = text
        self.kind = kind
        self.buys = (buys,) if isinstance(buys, str) else tuple(buys)
        self.location = caller()
        if kind not in ("edge", "guard"):
            raise InputError(
                "F34",
                f"a barrier of kind {kind!r}",
                why="a barrier orders two things (edge) or detects that they were not (guard)",
                write='`kind="edge"` or `kind="guard"`',
                at=self.location,
            )

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


class DomainDeclaration(Declared):
    """The values of a field or argument, with sizes that may depend on parameters."""

    def elaborate(self, sizes: Mapping[str, int]) -> domains.Domain:
        raise NotImplementedError


class Index(DomainDeclaration):
    """A sort of thing with `count` members: `Request = Index(requests)`.

    Two sorts are never compared. Members have no order unless `ordered=True`.
    """

    def __init__(self, count: int | Size, *, ordered: bool = False) -> None:
        self.name = ""
        self.count = as_size(count)
        self.ordered = ordered
        self.location = caller()

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    def elaborate(self, sizes: Mapping[str, int]) -> domains.Index:
        if not self.name:
            raise unnamed(self, "Request = Index(requests)")
        if isinstance(sizes, AnySize):
            return sizes.index(self.name, self.count, ordered=self.ordered)
        count = self.count.value(sizes)
        if not 1 <= count <= MOST_COUNT:
            raise InputError(
                "F21",
                f"{self.name or 'an Index'} has {count} members ({self.count.text})",
                why=f"an index has between 1 and {MOST_COUNT} members",
                write="a larger parameter" if count < 1 else "a smaller parameter",
                at=self.location,
            )
        return domains.Index(self.name, count, self.ordered)


class Range(DomainDeclaration):
    """The integers from `low` to `high`, both included."""

    def __init__(self, low: int | Size, high: int | Size) -> None:
        self.low = as_size(low)
        self.high = as_size(high)
        self.location = caller()

    def elaborate(self, sizes: Mapping[str, int]) -> domains.Range:
        asked = Asked(sizes)
        low, high = self.low.value(asked), self.high.value(asked)
        if isinstance(sizes, AnySize) and asked.names & sizes.universal:
            written = f"Range({self.low.text}, {self.high.text})"
            raise finite_only(f"a Range whose bounds are sizes, {written}", self.location)
        if low > high or max(abs(low), abs(high)) >= 1 << 31:
            raise InputError(
                "F22",
                f"Range({self.low.text}, {self.high.text}) is {low}..{high}",
                why="a range has at least one value, and none of 2^31 or more",
                write="`Range(0, most)` with both ends included",
                at=self.location,
            )
        return domains.Range(low, high)


class Maybe(DomainDeclaration):
    """A value of another domain, or `NONE`; the other domain starts at 0."""

    def __init__(self, of: Any) -> None:
        self.of = of
        self.location = caller()

    def elaborate(self, sizes: Mapping[str, int]) -> domains.Maybe:
        inner = elaborate_domain(self.of, sizes, self.location)
        if isinstance(inner, domains.Maybe | domains.SetOf) or inner.low != 0:
            raise InputError(
                "F23",
                "Maybe(...) of a domain that is itself optional, a set, or does not start at 0",
                why="NONE is -1, and a domain has no gaps",
                write="`Maybe(Index)`, or a range or enum that starts at 0",
                at=self.location,
            )
        return domains.Maybe(inner)


class SetOf(DomainDeclaration):
    """A small set of the members of an `Index` (at most 62)."""

    def __init__(self, of: Index) -> None:
        self.of = of
        self.location = caller()

    def elaborate(self, sizes: Mapping[str, int]) -> domains.SetOf:
        inner = elaborate_domain(self.of, sizes, self.location)
        too_many = isinstance(inner, domains.Index) and inner.count > domains.MOST_SET_MEMBERS
        if not isinstance(inner, domains.Index) or (too_many and not isinstance(sizes, AnySize)):
            raise InputError(
                "F24",
                f"SetOf(...) of {inner.name}, which has {inner.count} members"
                if isinstance(inner, domains.Index)
                else "SetOf(...) of something other than an Index",
                why=f"a set holds members of one Index with at most {domains.MOST_SET_MEMBERS}",
                write="`SetOf(Request)`, or `Array(Request, of=bool)` for more",
                at=self.location,
            )
        return domains.SetOf(inner)


def elaborate_domain(
    declared: Any, sizes: Mapping[str, int], at: Location | None
) -> domains.Domain:
    """The domain that a declaration, `bool` or an `IntEnum` class stands for."""
    if isinstance(declared, domains.Domain):
        return declared
    if isinstance(declared, DomainDeclaration):
        return declared.elaborate(sizes)
    if declared is bool:
        return domains.BOOL
    if isinstance(declared, type) and issubclass(declared, IntEnum):
        values = sorted(int(member) for member in declared)
        if not values or values != list(range(values[0], values[0] + len(values))):
            raise InputError(
                "F25",
                f"the values of {declared.__name__} are not consecutive",
                why="a domain is a gap-free interval",
                write=f"`class {declared.__name__}(IntEnum): A, B, C = range(3)`",
                at=at,
            )
        names = tuple(declared(value).name for value in values)
        return domains.Enum(declared.__name__, names, values[0])
    write = "bool, an IntEnum class, Range(low, high), an Index, Maybe(...) or SetOf(...)"
    kind = declared if isinstance(declared, type) else type(declared)
    if getattr(kind, "declared_as", "") == "component":
        write = f"a component is a field of its own: `name = {kind.__name__}(...)`"
    elif isinstance(declared, int) and not isinstance(declared, bool):
        write = f"did you mean an Index of {int(declared)} members? Otherwise {write}"
    raise InputError(
        "F26",
        f"{describe_value(declared)} is not a domain",
        why="every field and argument has a finite set of values",
        write=write,
        at=at,
    )


_UNSET = object()


class FieldDeclaration(Declared):
    """A part of the state; `initial` is a value, `one_of(...)`, `ANY`, or a function of indices."""

    def __init__(self, indices: Sequence[Any], of: Any, initial: Any) -> None:
        self.indices = tuple(indices)
        self.of = of
        self.initial = initial
        self.location = caller()

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def has_initial(self) -> bool:
        return self.initial is not _UNSET


def Array(*indices: Any, of: Any, initial: Any = _UNSET) -> Any:  # noqa: N802  (reads as a type)
    """One cell for each value of its index domains: `Array(Request, Chunk, of=bool)`.

    Without `initial`, Booleans start False, optional values NONE and sets empty. It is declared to
    give `Any`, since what a body sees under its name is the cells.
    """
    if not indices:
        raise InputError(
            "F27",
            "an Array with no index",
            why="a field without indices is a Var",
            write="`Var(bool, initial=False)` or `Array(Request, of=bool)`",
            at=caller(),
        )
    return FieldDeclaration(indices, of, initial)


def Var(of: Any, *, initial: Any = _UNSET) -> Any:  # noqa: N802  (reads as a type)
    """One cell, with its domain and the value it starts with."""
    return FieldDeclaration((), of, initial)


@dataclass(frozen=True)
class ActionDeclaration:
    """A method that is a rule of the model, with the domains of its arguments."""

    body: Callable[..., Any]
    domains: Mapping[str, Any]
    actor: str
    location: Location
    starred: str = ""
    """The argument `*parts`, if there is one: its domain may be a tuple of several."""
    fairness: Fairness = ""

    @property
    def name(self) -> str:
        return self.body.__name__


@dataclass(frozen=True)
class ConditionDeclaration:
    """A method marked `@initial`, `@final`, or `@component_always` in a component."""

    body: Callable[..., Any]
    role: Literal["initial", "final", "always"]
    location: Location
