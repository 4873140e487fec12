"""A model recorded for any size: no number that a size gives has a say in what is recorded.

A recording settles what its sizes settle: with one slot, two slots are the same. So a recording
that is read for every size is made at an unbounded count of each Index, which no body comes near:
to settle a condition by it, a path would have to order, or a body to name, a million members.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from fencepost.core.domains import UNBOUNDED, Index
from fencepost.core.errors import Location, NoReading

MOST_COUNTED = 3
"""A count is compared with no number above this one."""


class AnySize(dict[str, int]):
    """Parameters of a model recorded for any size; `universal` are those that size an Index.

    The others are numbers of the protocol, and keep the value they have.
    """

    def __init__(
        self,
        given: Mapping[str, int],
        universal: Iterable[str],
        bounds: Mapping[str, tuple[int, int]],
    ) -> None:
        """`bounds` are the lowest and the highest value of each parameter."""
        super().__init__(given)
        self.universal = frozenset(universal)
        self.bounds = dict(bounds)

    def index(self, name: str, count: Any, *, ordered: bool) -> Index:
        """An Index of any size. How few and how many members it may have a parameter or a number
        says, and nothing that is calculated."""
        asked = Asked(self)
        least = most = count.value(asked)
        if getattr(count, "name", None) in self.bounds:
            least, most = self.bounds[count.name]
        elif asked.names:
            least, most = 1, UNBOUNDED
        return Index(name, UNBOUNDED, ordered, max(1, least), max(1, min(most, UNBOUNDED)))

    def fixed(self) -> dict[str, int]:
        """The parameters that a proof is about."""
        return {name: value for name, value in self.items() if name not in self.universal}


class Asked(Mapping[str, int]):
    """Parameters that remember which of them were asked for."""

    def __init__(self, given: Mapping[str, int]) -> None:
        self._given = given
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> int:
        self.names.add(name)
        return self._given[name]

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


class AnyMember:
    """Stands for each member of an Index where a function gives the initial value of its cell."""

    def _which(self, *_: Any) -> NoReturn:
        raise NamesAMember

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _which
    __hash__ = __index__ = __int__ = __add__ = __radd__ = __sub__ = __rsub__ = _which
    __mul__ = __rmul__ = __mod__ = __floordiv__ = __str__ = __repr__ = __format__ = _which


class NamesAMember(Exception):  # what happened, as everywhere
    """An initial value depends on which member of an Index its cell belongs to."""


def finite_only(reason: str, at: Location | None, model: str = "the model") -> NoReading:
    """The refusal of a construct that has no reading for any size."""
    return NoReading(
        "F130",
        f"{model} has no reading for any size: {reason}",
        why="a proof for any size knows members of an Index only by what the state says of them",
        write=_instead(reason),
        at=at,
    )


def _instead(reason: str) -> str:
    if reason.startswith("a loop over"):
        return "`for_all`, `exists` or `assign(array, to=..., where=...)` in place of the loop"
    if reason.startswith("an order on"):
        return "`Index(..., ordered=True)` if its members have an order; else no `<` between them"
    if reason.startswith("index arithmetic"):
        return 'an ordered Index and `<`; "next" is the least that is greater, with `for_all`'
    if reason.startswith("the size"):
        return "a quantifier over the Index that the size belongs to"
    if reason.startswith("a count"):
        return "`exists(...)`, `for_all(...)`, or `count(...)` compared with 0, 1, 2 or 3"
    if reason.startswith("a Range"):
        return "a set of what is counted, as an `Array(Index, of=bool)`, in place of the counter"
    if reason.startswith("initial values"):
        return "`initial=ANY` with an `@initial` condition, or one value for all"
    return "an argument of the action, or a field that holds the index"
