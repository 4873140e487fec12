"""Minimal hitting sets: the fewest columns that tell one row from every row of a table.

Each row of a table differs from the given one in some columns. A set of columns that has one of
these for every row, and no column too many, is a shortest clause that all rows satisfy and the
given one does not. Method: branch on the row that is left with the fewest columns (Reiter 1987;
the order of Murakami and Uno 2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Masks = NDArray[np.uint64]

MOST_HIT_COLUMNS = 63
"""So many columns fit into a mask."""


def hitting_sets(masks: Masks, size: int) -> Iterator[tuple[int, ...]]:
    """Every minimal hitting set of exactly that size, as the positions of its bits; none where a
    mask is empty."""
    if len(masks) and not masks.min():
        return
    for found in _branched(masks, 0, 0, size):
        bits = list(_bits(found))
        if all((masks & _word(found) == _word(bit)).any() for bit in bits):
            yield tuple(bit.bit_length() - 1 for bit in bits)


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
    chosen = int(open_[np.bitwise_count(open_).argmin()])
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
