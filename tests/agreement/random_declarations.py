"""What a random model declares: sorts, fields, barriers, helpers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Sort:
    """A domain as source: how it is declared, what a body calls it, and its values."""

    kind: str
    """One of bool, enum, range, index, maybe, set."""
    declared: str
    inside: str
    low: int
    high: int
    values: tuple[str, ...]
    of: Sort | None = None

    @property
    def size(self) -> int:
        return self.high - self.low + 1

    @property
    def compared_as(self) -> str:
        """What it may be compared with: things that are compared as the same."""
        inner = self.of if self.kind == "maybe" and self.of is not None else self
        return "number" if inner.kind == "range" else inner.declared


@dataclass(frozen=True)
class Cells:
    """A declared field."""

    name: str
    indices: tuple[Sort, ...]
    of: Sort
    initial: str

    @property
    def count(self) -> int:
        cells = 1
        for index in self.indices:
            cells *= index.size
        return cells


@dataclass(frozen=True)
class Helper:
    """A method that a body may call, with the sorts of its arguments."""

    name: str
    arguments: tuple[Sort, ...]


@dataclass
class World:
    """Everything a model declares that its bodies may use."""

    sorts: list[Sort] = field(default_factory=list)
    """Every sort that can index, be an argument or be quantified over."""
    fields: list[Cells] = field(default_factory=list)
    barriers: list[str] = field(default_factory=list)
    conditions: list[Helper] = field(default_factory=list)
    effects: list[Helper] = field(default_factory=list)

    def named(self, kind: str) -> list[Sort]:
        return [sort for sort in self.sorts if sort.kind == kind]


def optional(sort: Sort) -> Sort:
    """The sort with NONE beside its values."""
    return replace(
        sort,
        kind="maybe",
        declared=f"Maybe({sort.declared})",
        inside="",
        low=-1,
        values=("NONE", "NONE", *sort.values),
        of=sort,
    )
