"""Maximal empty boxes of a table: the strongest short clauses that all of its rows satisfy.

Each column of a table has a few values. A box is a set of values in each of some columns; it is
empty if no row lies in it, and then "not all of these" is a clause that every row satisfies. It is
maximal if no value can be added without a row coming in: such clauses are the prime implicates of
the table, and every clause that holds follows from one of them.

Method: for each pair of columns and each pair of sets of values, the values of all other columns
that occur beside them, as bits, by a transform over subsets. What does not occur completes a box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_LITERALS = 3


@dataclass(frozen=True, order=True)
class Box:
    """Sets of values, as bits, in one to three columns; columns ascend."""

    columns: tuple[int, ...]
    masks: tuple[int, ...]


def maximal_empty_boxes(
    rows: Rows, sizes: Sequence[int], literals: int = MOST_LITERALS
) -> list[Box]:
    """Every maximal empty box over at most so many columns (1 to 3), shortest first, in order.

    `rows` has a row for each combination that occurs, `sizes` the number of values of each column
    (at most 16).
    """
    import numpy as np

    if not len(rows):
        raise ValueError("a table without rows excludes everything")
    sides = _Sides(np.asarray(rows), sizes)
    found = [Box((n,), (free,)) for n, free in enumerate(sides.unused()) if free]
    if literals >= 2:
        found += _of_two(sides)
    if literals >= 3:
        found += _of_three(sides)
    return sorted(found, key=lambda b: (len(b.columns), b))


class _Sides:
    """The rows with each value of each column as a bit of a few words."""

    def __init__(self, rows: Rows, sizes: Sequence[int]) -> None:
        import numpy as np

        self.np, self.rows, self.sizes = np, rows, list(sizes)
        self.word: list[int] = []
        self.shift: list[int] = []
        word = used = 0
        for size in sizes:
            if used + size > 64:
                word, used = word + 1, 0
            self.word.append(word)
            self.shift.append(used)
            used += size
        self.words = word + 1
        self.bits = np.zeros((len(rows), self.words), dtype=np.uint64)
        for n in range(len(self.sizes)):
            at = rows[:, n].astype(np.uint64) + np.uint64(self.shift[n])
            self.bits[:, self.word[n]] |= np.uint64(1) << at
        self.full = np.array([(1 << size) - 1 for size in sizes], dtype=np.uint64)

    def unused(self) -> list[int]:
        """For each column, the values that never occur."""
        every = self.np.bitwise_or.reduce(self.bits, axis=0)[None, :]
        masks = self.values(every, range(len(self.sizes)))[0]
        return [int(f & ~m) for f, m in zip(self.full, masks, strict=True)]

    def values(self, words: Any, columns: Sequence[int]) -> Any:
        """From words the mask of each of some columns, along a last axis of its own."""
        np = self.np
        columns = list(columns)
        shifts = np.array([self.shift[c] for c in columns], dtype=np.uint64)
        taken = words[..., [self.word[c] for c in columns]]
        return taken >> shifts & self.full[columns]

    def beside(self, first: int, second: int) -> Any:
        """For each set of values of two columns the bits of every row in it: an array of
        2**size by 2**size by words."""
        np = self.np
        a, b = self.sizes[first], self.sizes[second]
        code = self.rows[:, first] * b + self.rows[:, second]
        order = np.argsort(code, kind="stable")
        present, starts = np.unique(code[order], return_index=True)
        cells = np.zeros((a * b, self.words), dtype=np.uint64)
        cells[present] = np.bitwise_or.reduceat(self.bits[order], starts, axis=0)
        cells = cells.reshape(a, b, self.words)
        return _over_subsets(_over_subsets(cells, 0, np), 1, np)

    def beside_one(self, column: int) -> Any:
        """For each set of values of a column the bits of every row in it."""
        np = self.np
        order = np.argsort(self.rows[:, column], kind="stable")
        present, starts = np.unique(self.rows[order, column], return_index=True)
        cells = np.zeros((self.sizes[column], self.words), dtype=np.uint64)
        cells[present] = np.bitwise_or.reduceat(self.bits[order], starts, axis=0)
        return _over_subsets(cells, 0, np)


def _over_subsets(cells: Any, axis: int, np: Any) -> Any:
    """Along an axis of values the union over every subset of them."""
    cells = np.moveaxis(cells, axis, 0)
    size = cells.shape[0]
    result = np.zeros((1 << size, *cells.shape[1:]), dtype=np.uint64)
    for bit in range(size):
        half = 1 << bit
        result[half : 2 * half] = result[:half] | cells[bit]
    return np.moveaxis(result, 0, axis)


def _grown(free: Any, taken: Any, size: int, axis: int, np: Any) -> Any:
    """Where a set along an axis can take in one more value and still leave all of `free` free."""
    free, taken = np.moveaxis(free, axis, 0), np.moveaxis(taken, axis, 0)
    can = np.zeros(free.shape, dtype=bool)
    every = np.arange(1 << size)
    for bit in range(size):
        without = every[(every >> bit & 1) == 0]
        can[without] |= (free[without] & taken[without | 1 << bit]) == 0
    return np.moveaxis(can, 0, axis)


def _of_two(sides: _Sides) -> Iterator[Box]:
    np, count = sides.np, len(sides.sizes)
    for first in range(count):
        others = [c for c in range(count) if _comes_before(sides, first, c)]
        if not others:
            continue
        size = sides.sizes[first]
        taken = sides.values(sides.beside_one(first), others)
        free = sides.full[others] & ~taken
        good = (free != 0) & (free != sides.full[others]) & ~_grown(free, taken, size, 0, np)
        good[-1] = False
        for mask, at in zip(*np.nonzero(good), strict=True):
            yield _box((first, int(mask)), (others[at], int(free[mask, at])))


def _of_three(sides: _Sides) -> Iterator[Box]:
    np, count = sides.np, len(sides.sizes)
    for first in range(count):
        for second in range(count):
            if not _comes_before(sides, first, second):
                continue
            others = [c for c in range(count) if _comes_before(sides, second, c)]
            if not others:
                continue
            taken = sides.values(sides.beside(first, second), others)
            free = sides.full[others] & ~taken
            good = (free != 0) & (free != sides.full[others])
            good[-1, :] = good[:, -1] = False
            if not good.any():
                continue
            good &= ~_grown(free, taken, sides.sizes[first], 0, np)
            good &= ~_grown(free, taken, sides.sizes[second], 1, np)
            for one, two, at in zip(*np.nonzero(good), strict=True):
                third = (others[at], int(free[one, two, at]))
                yield _box((first, int(one)), (second, int(two)), third)


def _comes_before(sides: _Sides, one: int, other: int) -> bool:
    """Columns are taken in the order of their sizes, so that the largest is never spelt out."""
    return (sides.sizes[one], one) < (sides.sizes[other], other)


def _box(*literals: tuple[int, int]) -> Box:
    columns, masks = zip(*sorted(literals), strict=True)
    return Box(columns, masks)
