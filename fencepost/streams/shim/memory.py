"""The bytes of torch's tensors as a device and its replays see them.

A replay writes where the program's tensors lie, so everything that it may write is put back
afterwards: what the arena has lent, and the memory of the host that is watched.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fencepost.streams.allocator import Allocator
from fencepost.streams.shim.arena import Arena

MOST_SAVED = 1 << 31
"""Bytes that are saved for a replay; a program with more is not replayed."""


class ArenaMemory:
    """The arena, and `outside` it the host memory that copies use: by address, how much it is and
    the storage that it belongs to, where that is known.
    """

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self.allocators: tuple[Allocator, ...] = ()
        self.outside: dict[int, tuple[int, torch.UntypedStorage | None]] = {}

    def read(self, start: int, size: int) -> bytes:
        """The bytes from an address; none where nothing is known to lie."""
        return ctypes.string_at(start, size) if self._knows(start, size) else b""

    def write(self, start: int, data: bytes) -> None:
        """Put bytes at an address."""
        if self._knows(start, len(data)):
            ctypes.memmove(start, data, len(data))

    def fill(self, start: int, size: int, value: int) -> None:
        """Put the same byte at `size` addresses."""
        if self._knows(start, size):
            ctypes.memset(start, value, size)

    def clear(self) -> None:
        """Zero everywhere, as a new arena is."""
        for start, size in self._ranges():
            ctypes.memset(start, 0, size)

    @property
    def size(self) -> int:
        """How many bytes a replay may write."""
        return sum(size for _, size in self._ranges())

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Every byte is afterwards as it was before."""
        saved = [(start, ctypes.string_at(start, size)) for start, size in self._ranges()]
        try:
            yield
        finally:
            for start, data in saved:
                ctypes.memmove(start, data, len(data))

    def _ranges(self) -> list[tuple[int, int]]:
        lent = [(each.start, each.reserved) for each in self.allocators]
        there = [
            (start, size)
            for start, (size, storage) in self.outside.items()
            if storage is None or storage.data_ptr() == start
        ]
        return [(start, size) for start, size in [*lent, *there] if size]

    def _knows(self, start: int, size: int) -> bool:
        if self._arena.base <= start and start + size <= self._arena.end:
            return True
        return any(a <= start and start + size <= a + n for a, n in self._ranges())
