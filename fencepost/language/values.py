"""The values a person writes in a model that Python has no word for: `NONE`, `EMPTY`, `ANY`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, Self

from fencepost.core.domains import NONE_VALUE
from fencepost.core.errors import InputError, Location
from fencepost.language.machine import _running, caller


class Nothing(int):
    """The value of a `Maybe` that holds nothing. It is equal to itself only, and no number."""

    def __new__(cls) -> Self:
        return super().__new__(cls, NONE_VALUE)

    def __repr__(self) -> str:
        return "NONE"

    __str__ = __repr__

    def _no_number(self, *_: Any) -> NoReturn:
        if _running:
            _running[-1].none_as_number()
        raise InputError(
            "F32",
            "NONE is used as a number",
            why="it has no order and no arithmetic; it can only be compared with == and !=",
            write="compare with NONE first: `if self.owner[slot] != NONE:`",
            at=caller(),
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _no_number
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _no_number
    __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __bool__ = _no_number

    def __hash__(self) -> int:
        return hash(NONE_VALUE)

    def __eq__(self, other: object) -> bool:
        # Called for NONE == symbol too: then the symbol decides.
        if isinstance(other, int):
            return int.__eq__(self, other)
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        if isinstance(other, int):
            return int.__ne__(self, other)
        return NotImplemented


@dataclass(frozen=True, slots=True)
class Several:
    """What `one_of(...)` and `ANY` give: the values a cell may start with (None: all of them)."""

    values: tuple[Any, ...] | None


class EmptySet:
    """The set with no members: as an initial value, assigned, or compared with."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return other == 0
        return NotImplemented

    def __hash__(self) -> int:
        return hash(0)

    def __repr__(self) -> str:
        return "EMPTY"


NONE = Nothing()
EMPTY = EmptySet()
ANY = Several(None)


def one_of(*values: Any) -> Several:
    """Any of these values, as the `initial=` of a field: one initial state for each."""
    if not values:
        raise InputError(
            "F33",
            "`one_of()` has no values",
            why="a field needs at least one value to start with",
            write="`initial=one_of(0, 2)`, or `initial=ANY` for every value of its domain",
            at=caller(),
        )
    return Several(values)


def describe_value(value: Any) -> str:
    """Something that is no part of a state, in a message; equal in every process."""
    if isinstance(value, Several):
        return "`one_of(...)` or `ANY`"
    kind = {"FieldDeclaration": "field"}.get(type(value).__name__, type(value).__name__)
    article = "an" if kind[0] in "AEIOU" else "a"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function `{value.__name__}`"
    name = getattr(value, "name", None)
    if isinstance(name, str) and type(value).__module__.startswith("fencepost."):
        return f"the {kind} `{name}`" if name else f"{article} {kind}"
    shown = repr(value)
    return shown if " at 0x" not in shown else f"{article} {kind}"


def premise_and_goal(given: Any, name: str, at: Location | None) -> tuple[Any, Any]:
    """The two conditions that a `leads_to` returns."""
    if isinstance(given, tuple) and len(given) == 2:
        return given
    raise InputError(
        "F154",
        f"`{name}` returns {describe_value(given)}, not a premise and a goal",
        why="@leads_to says that a state with the premise is followed by one with the goal",
        write="`return premise, goal`, two conditions with a comma between them",
        at=at,
    )
