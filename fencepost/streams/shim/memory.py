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
    """The arena, and `outside` it the host memory that copies use.

    That is kept by address: its bytes when copies began to use it, and the storage that it belongs
    to, where that is known.
    """

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self.allocators: tuple[Allocator, ...] = ()
        self.outside: dict[int, tuple[bytes, torch.UntypedStorage | None]] = {}

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
        """Zero everywhere, as a new arena is; outside of it as it was."""
        for start, size in self._lent():
            ctypes.memset(start, 0, size)
        for start, data in self._there():
            ctypes.memmove(start, data, len(data))

    def watch(self, start: int, size: int, storage: torch.UntypedStorage | None) -> None:
        """Copies use this memory of the host from now on."""
        self.outside[start] = ctypes.string_at(start, size), storage

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
        return [*self._lent(), *((start, len(data)) for start, data in self._there())]

    def _lent(self) -> list[tuple[int, int]]:
        return [(each.start, each.reserved) for each in self.allocators if each.reserved]

    def _there(self) -> list[tuple[int, bytes]]:
        return [
            (start, data)
            for start, (data, storage) in self.outside.items()
            if storage is None or storage.data_ptr() == start
        ]

    def _knows(self, start: int, size: int) -> bool:
        if self._arena.base <= start and start + size <= self._arena.end:
            return True
        return any(a <= start and start + size <= a + n for a, n in self._ranges())
