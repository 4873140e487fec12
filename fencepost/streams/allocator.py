"""A caching allocator after PyTorch's: a pool for each stream, best fit, split and merged blocks.

A freed block goes to the pool of its stream at once, because later work of that stream comes after
earlier work. If other streams were recorded on it, it rests until what was queued on them at the
free is done; the allocator looks for that at each allocation, and orders nothing by it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field

from fencepost.core.errors import InputError
from fencepost.streams.queues import Block, Mark, Queue

ALIGNMENT = 512
Pool = Queue | None


@dataclass(slots=True)
class _Pool:
    """Free intervals of one stream, by size and by both of their ends."""

    by_size: list[tuple[int, int]] = field(default_factory=list)
    size_at: dict[int, int] = field(default_factory=dict)
    start_before: dict[int, int] = field(default_factory=dict)

    def put(self, start: int, size: int) -> None:
        """Add an interval, as one with those that it touches."""
        before = self.start_before.pop(start, None)
        if before is not None:
            size += self._cut(before)
            start = before
        after = start + size
        if after in self.size_at:
            size += self._cut(after)
        self.size_at[start] = size
        self.start_before[start + size] = start
        insort(self.by_size, (size, start))

    def take(self, size: int) -> int | None:
        """The beginning of the smallest interval that is large enough; the rest stays."""
        place = bisect_left(self.by_size, (size, -1))
        if place == len(self.by_size):
            return None
        found, start = self.by_size.pop(place)
        del self.size_at[start]
        if found > size:
            rest = start + size
            self.size_at[rest] = found - size
            self.start_before[start + found] = rest
            insort(self.by_size, (found - size, rest))
        else:
            del self.start_before[start + found]
        return start

    def _cut(self, start: int) -> int:
        size = self.size_at.pop(start)
        del self.by_size[bisect_left(self.by_size, (size, start))]
        return size


class Allocator:
    """Addresses of [start, stop), lent as blocks."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop
        self.used = self.peak = 0
        self.lent = self.given_back = 0
        self.lent_bytes = 0
        self.most = 0
        """The most blocks that were lent at once."""
        self._fresh = start
        self._pools: defaultdict[Pool, _Pool] = defaultdict(_Pool)
        self._sizes: dict[int, int] = {}
        self._resting: list[tuple[Block, tuple[Mark, ...]]] = []
        self._kept: dict[int, tuple[Mark, ...]] = {}

    @property
    def reserved(self) -> int:
        """Bytes that were ever lent, from `start`."""
        return self._fresh - self.start

    def allocate(self, size: int, pool: Pool) -> int:
        """The address of a block of at least `size` bytes.

        Raises `InputError` F201 where the range of addresses is used up.
        """
        size = -(-size // ALIGNMENT) * ALIGNMENT or ALIGNMENT
        if self._resting:
            self._collect()
        place = self._pools[pool].take(size)
        if place is None:
            place = self._fresh
            if place + size > self.stop:
                raise InputError(
                    "F201",
                    f"the virtual device has no room for {size} bytes more",
                    why=f"{self.used} of {self.stop - self.start} bytes are in use",
                    write="a smaller program, or a device with more memory",
                )
            self._fresh += size
        self._sizes[place] = size
        self.used += size
        self.peak = max(self.peak, self.used)
        self.lent += 1
        self.lent_bytes += size
        self.most = max(self.most, self.lent - self.given_back)
        return place

    def free(self, block: Block, rest: tuple[Mark, ...], *, keeps_addresses: bool = False) -> None:
        """Give a block back, after what is marked in `rest`.

        With `keeps_addresses` nobody is lent its addresses before `give_back`.
        """
        self.given_back += 1
        self.used -= self._sizes[block.start]
        if keeps_addresses:
            self._kept[block.start] = rest
        elif rest:
            self._resting.append((block, rest))
        else:
            self._pools[block.queue].put(block.start, self._sizes.pop(block.start))

    def give_back(self, block: Block) -> None:
        """The addresses of a block that is free may be lent again."""
        self._resting.append((block, self._kept.pop(block.start)))

    def _collect(self) -> None:
        resting, self._resting = self._resting, []
        for block, rest in resting:
            if all(mark.reached for mark in rest):
                self._pools[block.queue].put(block.start, self._sizes.pop(block.start))
            else:
                self._resting.append((block, rest))
