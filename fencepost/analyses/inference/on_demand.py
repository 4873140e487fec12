"""Candidates found on demand: the shortest clauses of a table that exclude one given row.

For a table of many columns it takes too long to list every maximal empty box, and few of them are
ever looked at. Given a row that is not in the table, the columns in which no row of the table
agrees with it all at once are found directly, by sets of rows as bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fencepost.analyses.inference.boxes import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Bits = NDArray[np.uint64]

MOST_KEPT = 256
"""So many answers about differences are kept."""

PART = 16
"""So many words of the rows' bits are looked at before the rest: most combinations occur there."""


class Occurring:
    """The rows of a table in which a column has a value, as bits."""

    def __init__(self, rows: Rows, sizes: Sequence[int], seed: int = 0) -> None:
        import numpy as np

        self.np, self.sizes = np, list(sizes)
        shuffled = rows[np.random.default_rng(seed).permutation(len(rows))]
        self.first = np.cumsum([0, *self.sizes])
        self.bits = self._packed(shuffled)
        self.columns = self._columns_at_first = np.ascontiguousarray(rows.T, dtype=np.uint8)
        """The values of each column, row by row."""
        self._at_first, self._learnt = self.bits, rows[:0]
        self._differences: dict[tuple[int, ...], Any] = {}

    @property
    def words(self) -> int:
        """How many words the bits of a value take."""
        return int(self.bits.shape[1])

    def _packed(self, rows: Rows) -> Bits:
        """For each value of each column the rows that have it, 64 to a word."""
        np = self.np
        words = -(-len(rows) // 64)
        padded = np.full((words * 64, rows.shape[1]), -1, dtype=np.int64)
        padded[: len(rows)] = rows
        bits: Bits = np.zeros((int(self.first[-1]), words), dtype=np.uint64)
        for column, size in enumerate(self.sizes):
            for value in range(size):
                packed = np.packbits(padded[:, column] == value, bitorder="little")
                bits[self.first[column] + value] = packed.view(np.uint64)
        return bits

    def learn(self, rows: Rows) -> None:
        """Rows that occur too. They go before the others: what they tell apart is asked about."""
        np = self.np
        self._differences = {}
        self._learnt = np.concatenate([self._learnt, rows])
        self.bits = np.concatenate([self._packed(self._learnt), self._at_first], axis=1)
        learnt = self._learnt.T.astype(np.uint8)
        self.columns = np.concatenate([learnt, self._columns_at_first], axis=1)

    def forget(self) -> None:
        """Leave the rows of the beginning."""
        self._differences = {}
        self.bits, self._learnt = self._at_first, self._learnt[:0]
        self.columns = self._columns_at_first

    def of(self, column: int, mask: int) -> Bits:
        """The rows in which a column has one of the values of a mask."""
        np = self.np
        inside = [v for v in range(self.sizes[column]) if mask >> v & 1]
        found: Bits = np.bitwise_or.reduce(self.bits[self.first[column] + inside], axis=0)
        return found

    def without(
        self, row: Sequence[int], columns: Sequence[int], literals: int, speaks: Sequence[int] = ()
    ) -> Iterator[tuple[int, ...]]:
        """The sets of so many (1 to 3) of the columns in which no row agrees with the given one,
        while some row does in all but any one of them; in lexicographic order.

        `speaks` has for each column what it speaks of, as bits: of three columns only those are
        told that speak of all that some column does.
        """
        np = self.np
        columns = list(columns)
        same = np.stack([self.bits[self.first[c] + row[c]] for c in columns]) if columns else None
        if same is None or len(columns) < literals:
            return
        part = same[:, :PART]
        alone = ~same.any(axis=1)
        if literals == 1:
            yield from ((columns[n],) for n in np.nonzero(alone)[0])
            return
        fine = [n for n in range(len(columns)) if not alone[n]]
        apart: set[tuple[int, ...]] = set()
        for n, one in enumerate(fine):
            rest = np.array(fine[n + 1 :], dtype=np.int64)
            apart |= {(one, int(o)) for o in self._empty(same, part, (one,), rest)}
        if literals == 2:
            yield from ((columns[a], columns[b]) for a, b in sorted(apart))
            return
        said = np.array([speaks[c] if speaks else 0 for c in columns], dtype=np.int64)
        three = self._three(same, fine, apart, said)
        yield from (tuple(columns[int(c)] for c in found) for found in three)

    def _three(
        self, same: Bits, fine: Sequence[int], apart: set[tuple[int, ...]], said: Rows
    ) -> Iterator[Any]:
        """Three columns that leave no row, any two of which leave some."""
        np = self.np
        part = same[:, :PART]
        every = np.bitwise_or.reduce(said)
        beside = np.ones((len(same), len(same)), dtype=bool)
        for one, other in apart:
            beside[one, other] = beside[other, one] = False
        for n, one in enumerate(fine):
            later = np.array([o for o in fine[n + 1 :] if beside[one, o]], dtype=np.int64)
            if len(later) < 2:
                continue
            possible = np.triu(beside[np.ix_(later, later)], 1)
            possible &= (said[one] | said[later][:, None] | said[later][None, :]) == every
            twos, threes = np.nonzero(possible)
            left = ~(part[later[twos]] & part[later[threes]] & part[one]).any(axis=1)
            twos, threes = later[twos[left]], later[threes[left]]
            if self.words > PART and len(twos):
                left = ~(same[twos] & same[threes] & same[one]).any(axis=1)
                twos, threes = twos[left], threes[left]
            yield from ((one, two, three) for two, three in zip(twos, threes, strict=True))

    def _empty(self, same: Bits, part: Bits, start: tuple[int, ...], others: Any) -> Any:
        """Which of the other columns leave no row beside the first ones."""
        np = self.np
        if not len(others):
            return others
        base = np.bitwise_and.reduce(part[list(start)], axis=0)
        left = others[~(part[others] & base).any(axis=1)]
        if len(left) and self.words > PART:
            base = np.bitwise_and.reduce(same[list(start)], axis=0)
            left = left[~(same[left] & base).any(axis=1)]
        return left

    def differences(self, row: Sequence[int], columns: Sequence[int]) -> Any:
        """For each row, in which of some columns (at most 63) it differs from the given one: the
        combinations that occur, as bits by position."""
        np = self.np
        key = (*columns, *(row[c] for c in columns))
        if key not in self._differences:
            if len(self._differences) == MOST_KEPT:
                self._differences.clear()
            masks = np.zeros(self.columns.shape[1], dtype=np.uint64)
            for bit, column in enumerate(columns):
                masks |= (self.columns[column] != row[column]) * np.uint64(1 << bit)
            self._differences[key] = np.unique(masks)
        return self._differences[key]

    def evidence(self, box: Box) -> float:
        """How many rows would lie in an empty box if one of its sides had nothing to do with the
        others: of all sides the one that makes it most. Where that is little, chance may have left
        it empty."""
        np = self.np
        sides = [self.of(c, m) for c, m in zip(box.columns, box.masks, strict=True)]
        every = self.columns.shape[1]
        best = 0.0
        for n, side in enumerate(sides):
            others = [other for m, other in enumerate(sides) if m != n]
            beside = every
            if others:
                beside = int(np.bitwise_count(np.bitwise_and.reduce(others, axis=0)).sum())
            best = max(best, beside * int(np.bitwise_count(side).sum()) / every)
        return best

    def grown(self, row: Sequence[int], columns: Sequence[int]) -> Box:
        """The box of a row's values in some columns, grown as far as it stays empty: values of the
        first column first."""
        masks = [1 << row[c] for c in columns]
        sides = [self.of(c, m) for c, m in zip(columns, masks, strict=True)]
        for n, column in enumerate(columns):
            others = [side for m, side in enumerate(sides) if m != n]
            base = self.np.bitwise_and.reduce(others, axis=0) if others else None
            for value in range(self.sizes[column]):
                more = self.bits[self.first[column] + value]
                if not masks[n] >> value & 1 and not (more if base is None else more & base).any():
                    masks[n] |= 1 << value
            sides[n] = self.of(column, masks[n])
        return Box(tuple(columns), tuple(masks))
