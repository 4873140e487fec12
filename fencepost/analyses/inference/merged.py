"""Attributes that go together, as one: "queued, stored, seen to be stored" in place of three flags.

Where few combinations of two attributes occur, both together are an attribute of few cases, and
what takes a literal each takes one for both. Method: attributes are merged in pairs as long as the
combinations that occur are fewer than the cases of both; of the rest it is only said that they do
not occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

from fencepost.analyses.inference.attributes import Attribute
from fencepost.core import folding
from fencepost.core.expressions import Expression

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_MERGED_CASES = 8


@dataclass(frozen=True)
class Merged(Attribute):
    """Several attributes as one: a case for each combination that occurs, and a last one for all
    others. A lemma excludes what can be said as a set of values of each of the parts."""

    members: tuple[Attribute, ...] = ()
    occurring: tuple[tuple[int, ...], ...] = field(default=())

    def parts(self, mask: int) -> tuple[int, ...]:
        """The largest sets within a mask that can be said, the last case aside."""
        inside = [m for m in self._said if m & ~mask == 0]
        return tuple(m for m in inside if not any(m != n and m & ~n == 0 for n in inside))

    @cached_property
    def _said(self) -> tuple[int, ...]:
        """The sets of cases that are all combinations of some values of each part."""
        return tuple(
            mask
            for mask in range(1, 1 << len(self.occurring))
            if self._box(mask) is not None and mask != (1 << len(self.occurring)) - 1
        )

    def _box(self, mask: int) -> list[frozenset[int]] | None:
        chosen = [c for n, c in enumerate(self.occurring) if mask >> n & 1]
        sides = [frozenset(c[k] for c in chosen) for k in range(len(self.members))]
        same = [c for c in self.occurring if all(v in s for v, s in zip(c, sides, strict=True))]
        return sides if len(same) == len(chosen) else None

    def within(self, mask: int) -> Expression:
        """That none of the other cases holds, told by the values of as few parts as can be."""
        excluded = ~mask & ((1 << len(self.occurring)) - 1)
        sides = self._box(excluded)
        if sides is None:
            raise ValueError(f"{excluded:b} is no set of values of each part")
        count = excluded.bit_count()
        used = list(range(len(self.members)))
        for k in tuple(used):
            fewer = [n for n in used if n != k]
            if sum(all(c[n] in sides[n] for n in fewer) for c in self.occurring) == count:
                used = fewer
        literals = []
        for k in used:
            member = self.members[k]
            outside = (1 << member.size) - 1 & ~sum(1 << v for v in sides[k])
            literals.append(member.within(outside))
        return folding.disjunction(literals)


def merged(attributes: Sequence[Attribute], rows: Rows) -> tuple[Merged, ...]:
    """The merged attributes of a table, in a fixed order."""
    import numpy as np

    plain = [a for a in attributes if not a.forbidden and not a.open_ and len(a.fields) == 1]
    position = {a: n for n, a in enumerate(attributes)}
    groups: list[tuple[Attribute, ...]] = [(a,) for a in plain]
    codes: dict[tuple[Attribute, ...], tuple[Any, int]] = {}
    for group in groups:
        found, code = np.unique(rows[:, position[group[0]]], return_inverse=True)
        codes[group] = code, len(found)
    together: dict[tuple[tuple[Attribute, ...], tuple[Attribute, ...]], int] = {}

    def beside(one: tuple[Attribute, ...], other: tuple[Attribute, ...]) -> int:
        """How many combinations of two groups occur."""
        if (one, other) not in together:
            (a, _), (b, width) = codes[one], codes[other]
            together[one, other] = int((np.bincount(a * width + b) > 0).sum())
        return together[one, other]

    while True:
        best: tuple[int, tuple[Attribute, ...], tuple[Attribute, ...]] | None = None
        for one, other in combinations(groups, 2):
            if one[0].variables != other[0].variables:
                continue
            count, apart = beside(one, other), codes[one][1] + codes[other][1]
            if (
                count < apart
                and count <= MOST_MERGED_CASES
                and (best is None or count - apart < best[0])
            ):
                best = count - apart, one, other
        if best is None:
            break
        _, one, other = best
        (a, _), (b, width) = codes[one], codes[other]
        found, code = np.unique(a * width + b, return_inverse=True)
        codes[one + other] = code, len(found)
        groups = [g for g in groups if g not in (one, other)] + [one + other]
    return tuple(_made(g, _occurring(rows, [position[a] for a in g])) for g in groups if len(g) > 1)


def _occurring(rows: Rows, columns: list[int]) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in row) for row in _combinations(rows, columns)[0]]


def _combinations(rows: Rows, columns: list[int]) -> tuple[Rows, Rows]:
    """The combinations of some columns that occur, in order, and which of them each row has."""
    import numpy as np

    code = np.zeros(len(rows), dtype=np.int64)
    for column in columns:
        code = code * (int(rows[:, column].max(initial=0)) + 1) + rows[:, column]
    _, first, back = np.unique(code, return_index=True, return_inverse=True)
    return rows[first][:, columns], back.reshape(-1)


def with_merged(rows: Rows, plain: Sequence[Attribute], more: Sequence[Merged]) -> Rows:
    """The rows with a column for each merged attribute."""
    import numpy as np

    columns = [rows]
    for each in more:
        found, code = _combinations(rows, [plain.index(member) for member in each.members])
        numbers = [each.occurring.index(tuple(int(v) for v in row)) for row in found]
        columns.append(np.array(numbers, dtype=np.int64)[code][:, None])
    whole: Rows = np.concatenate(columns, axis=1)
    return whole


def _made(group: tuple[Attribute, ...], occurring: list[tuple[int, ...]]) -> Merged:
    cases = [
        folding.conjunction([a.cases[v] for a, v in zip(group, each, strict=True)])
        for each in occurring
    ]
    rest = folding.negate(folding.disjunction(list(cases)))
    return Merged((*cases, rest), open_=True, members=group, occurring=tuple(occurring))
