"""Sets of bytes as tensors touch them: runs of one length at regular distances, kept as that.

A column of a matrix with a million rows is one `Region`, not a million intervals, and whether two
regions share a byte is decided by arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

Dims = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Runs of `length` bytes, the first of them at the address `start`.

    `dims` says how the runs repeat, outermost first: pairs of a count and a distance in bytes.
    Without dims the region is one interval. `strided` makes the canonical form.
    """

    start: int
    length: int
    dims: Dims = ()

    @property
    def stop(self) -> int:
        """The address after the last byte."""
        return self.start + self.length + sum((count - 1) * step for count, step in self.dims)

    @property
    def runs(self) -> int:
        """How many runs of consecutive bytes there are."""
        return prod(count for count, _ in self.dims)

    def pieces(self) -> Iterator[tuple[int, int]]:
        """The runs as intervals, in order of their addresses where dims nest."""
        yield from _pieces(self.start, self.length, self.dims)

    def moved(self, distance: int) -> Region:
        """The same bytes further up by a distance."""
        return Region(self.start + distance, self.length, self.dims)


@dataclass(frozen=True, slots=True)
class Bytes:
    """The bytes of one tensor that an operation touches, with the name it has in a report."""

    regions: tuple[Region, ...]
    label: str = ""


def interval(start: int, stop: int) -> Region:
    """The bytes from `start` up to and without `stop`."""
    return Region(start, stop - start)


@lru_cache(maxsize=1 << 14)
def whole(start: int, size: int, label: str = "") -> Bytes:
    """`size` bytes from an address."""
    return Bytes((Region(start, size),), label)


def strided(
    start: int, shape: Sequence[int], strides: Sequence[int], itemsize: int
) -> tuple[Region, ...]:
    """The bytes of a strided tensor whose first element is at `start`.

    `strides` are in elements, as torch gives them, and may be zero or negative. An empty tensor
    has no region. The result is exact for views that overlap themselves, too.
    """
    shift, length, dims = _canonical(tuple(shape), tuple(strides), itemsize)
    return (Region(start + shift, length, dims),) if length else ()


def intervals(start: int, relative: Iterable[tuple[int, int]]) -> tuple[Region, ...]:
    """Intervals given relative to an address."""
    return tuple(Region(start + a, b - a) for a, b in relative if b > a)


@lru_cache(maxsize=1 << 14)
def _canonical(
    shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int
) -> tuple[int, int, Dims]:
    if 0 in shape:
        return 0, 0, ()
    shift, length = 0, itemsize
    dims: list[tuple[int, int]] = []
    for count, step in sorted(zip(shape, strides, strict=True), key=lambda dim: abs(dim[1])):
        if step < 0:
            shift += (count - 1) * step * itemsize
        distance = abs(step) * itemsize
        if count == 1 or distance == 0:
            continue
        if not dims and distance <= length:
            length += (count - 1) * distance  # the runs touch or overlap
        elif dims and distance == dims[-1][0] * dims[-1][1]:
            dims[-1] = (dims[-1][0] * count, dims[-1][1])  # two loops that count as one
        else:
            dims.append((count, distance))
    return shift, length, tuple(reversed(dims))


def _pieces(start: int, length: int, dims: Dims) -> Iterator[tuple[int, int]]:
    if not dims:
        yield start, start + length
        return
    (count, step), rest = dims[0], dims[1:]
    for place in range(count):
        yield from _pieces(start + place * step, length, rest)


def overlap(a: Region, b: Region, low: int, high: int) -> tuple[int, int] | None:
    """Bytes that both regions have within [low, high), as one interval; None if there are none.

    Two regions with the same outer distance, such as columns of one matrix, are compared by the
    few differences of their positions that can meet. Otherwise the runs of the smaller one are
    walked, as far as the other reaches.
    """
    low, high = max(low, a.start, b.start), min(high, a.stop, b.stop)
    if low >= high:
        return None
    if a.dims and b.dims and a.dims[0][1] == b.dims[0][1] and _nested(a) and _nested(b):
        return _in_step(a, b, low, high)
    if a.runs > b.runs:
        a, b = b, a
    for start, stop in _within(a, low, high):
        for first, last in _within(b, start, stop):
            return first, last
    return None


def _nested(region: Region) -> bool:
    """Whether what is repeated fits into the distance of the outermost loop."""
    (count, step), *_ = region.dims
    return region.stop - region.start - (count - 1) * step <= step


def _in_step(a: Region, b: Region, low: int, high: int) -> tuple[int, int] | None:
    """The overlap of two nested regions whose outermost loops have one distance."""
    (count_a, step), (count_b, _) = a.dims[0], b.dims[0]
    row_a, row_b = Region(a.start, a.length, a.dims[1:]), Region(b.start, b.length, b.dims[1:])
    reach_a, reach_b = row_a.stop - row_a.start, row_b.stop - row_b.start
    apart = a.start - b.start
    # Row i of a meets row i + k of b only if they lie within one another's reach.
    for k in range(-(-(apart - reach_b + 1) // step), (apart + reach_a - 1) // step + 1):
        first = max(0, -k, -(-(low - a.start - reach_a + 1) // step))
        last = min(count_a - 1, count_b - 1 - k, (high - 1 - a.start) // step)
        # Only the rows at the two ends can be cut by the bounds; all others are alike.
        for i in sorted({first, first + 1, last - 1, last}):
            if first <= i <= last:
                at = i * step
                found = overlap(row_a.moved(at), row_b.moved(at + k * step), low, high)
                if found:
                    return found
    return None


def _within(region: Region, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The runs that reach into [low, high), each cut to it; loops outside of it are not walked."""
    if low >= high:
        return
    if not region.dims:
        first, last = max(region.start, low), min(region.start + region.length, high)
        if first < last:
            yield first, last
        return
    (count, step), rest = region.dims[0], region.dims[1:]
    inner = Region(region.start, region.length, rest)
    reach = inner.stop - inner.start
    # Run i covers start + i * step up to reach bytes further.
    begin = max(0, -(-(low - region.start - reach + 1) // step))
    end = min(count - 1, (high - 1 - region.start) // step)
    for place in range(begin, end + 1):
        yield from _within(inner.moved(place * step), low, high)
