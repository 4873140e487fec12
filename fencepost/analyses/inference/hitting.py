"""Minimal hitting sets: the fewest columns that tell one row from every row of a table.

Each row of the table differs from the given one in some columns. A set of columns that has one of
these for every row, and no column too many, is a shortest clause that all rows satisfy and the
given one does not. Method: branch on the row that is left with the fewest columns (Reiter 1987,
with Murakami and Uno's order, 2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Masks = NDArray[np.uint64]

MOST_COLUMNS = 63


def differences(table: Any, row: Any) -> Masks:
    """For each row of a table (at most 63 columns) the columns in which it differs from the given
    one, as bits, each combination once."""
    import numpy as np

    masks: Masks = np.zeros(len(table), dtype=np.uint64)
    for column in range(table.shape[1]):
        masks |= (table[:, column] != row[column]).astype(np.uint64) << np.uint64(column)
    return np.unique(masks)


def hitting_sets(masks: Masks, size: int) -> Iterator[int]:
    """Every minimal hitting set of exactly that size, as bits; none where a mask is 0."""
    if len(masks) and not masks.min():
        return
    for found in _branched(masks, 0, 0, size):
        if all((masks & ~_word(bit) & _word(found) == 0).any() for bit in _bits(found)):
            yield found


def _branched(masks: Masks, taken: int, closed: int, left: int) -> Iterator[int]:
    """Hitting sets that have `taken` and none of `closed`, with so many columns left to take."""
    import numpy as np

    if not len(masks):
        if not left:
            yield taken
        return
    if not left:
        return
    open_ = masks & ~_word(closed)
    counts = np.bitwise_count(open_)
    chosen = int(open_[counts.argmin()])
    for bit in _bits(chosen):
        rest = masks[masks & _word(bit) == 0]
        yield from _branched(rest, taken | bit, closed, left - 1)
        closed |= bit


def _bits(mask: int) -> Iterator[int]:
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


def _word(bits: int) -> Any:
    import numpy as np

    return np.uint64(bits)
