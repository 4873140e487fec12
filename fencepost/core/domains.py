"""The values a cell may hold.

Every domain is a gap-free interval of integers `low..high`, so a cell is in its domain if and only
if its integer is in that interval. `NONE` is the integer -1, and a set of indices is the integer
whose bit *i* says whether *i* is a member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

NONE_VALUE = -1
MOST_SET_MEMBERS = 62
UNBOUNDED = 1 << 20
"""How many members every Index has in a recording for any size: a number that says nothing."""


@dataclass(frozen=True, slots=True)
class Domain:
    """An interval of integers with a meaning."""

    @property
    def low(self) -> int:
        raise NotImplementedError

    @property
    def high(self) -> int:
        raise NotImplementedError

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.high - self.low + 1

    def values(self) -> Iterator[int]:
        """Every value, smallest first."""
        return iter(range(self.low, self.high + 1))

    def show(self, value: int) -> str:
        """A value as a person reads it."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Bool(Domain):
    """False (0) or True (1)."""

    @property
    def low(self) -> int:
        return 0

    @property
    def high(self) -> int:
        return 1

    def show(self, value: int) -> str:
        return "True" if value else "False"


@dataclass(frozen=True, slots=True)
class Enum(Domain):
    """The members of an `IntEnum`, whose values are consecutive."""

    name: str
    members: tuple[str, ...]
    first: int = 0

    @property
    def low(self) -> int:
        return self.first

    @property
    def high(self) -> int:
        return self.first + len(self.members) - 1

    def show(self, value: int) -> str:
        if self.low <= value <= self.high:
            return self.members[value - self.first]
        return f"{self.name}({value})"


@dataclass(frozen=True, slots=True)
class Range(Domain):
    """The integers from `start` to `stop`, both included."""

    start: int
    stop: int

    @property
    def low(self) -> int:
        return self.start

    @property
    def high(self) -> int:
        return self.stop


@dataclass(frozen=True, slots=True)
class Index(Domain):
    """The names 0 .. count-1 of one sort of thing; two sorts are never compared."""

    name: str
    count: int
    ordered: bool = False
    least: int = field(default=1, compare=False, repr=False)
    most: int = field(default=UNBOUNDED, compare=False, repr=False)
    """Of a recording for any size: the counts that the model's parameters allow."""

    @property
    def low(self) -> int:
        return 0

    @property
    def high(self) -> int:
        return self.count - 1


@dataclass(frozen=True, slots=True)
class Maybe(Domain):
    """A value of another domain, which starts at 0, or `NONE`."""

    of: Domain

    @property
    def low(self) -> int:
        return NONE_VALUE

    @property
    def high(self) -> int:
        return self.of.high

    def show(self, value: int) -> str:
        return "NONE" if value == NONE_VALUE else self.of.show(value)


@dataclass(frozen=True, slots=True)
class SetOf(Domain):
    """A set of indices (at most 62 of them), as the integer with their bits set."""

    of: Index

    @property
    def low(self) -> int:
        return 0

    @property
    def high(self) -> int:
        return (1 << self.of.count) - 1

    def show(self, value: int) -> str:
        return "{" + ", ".join(str(i) for i in range(self.of.count) if value >> i & 1) + "}"


BOOL = Bool()
