"""Memory that is reserved as addresses and taken from the machine only as it is touched.

So an array never moves while it grows, and growing never needs room for two copies.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap

HUGE_FROM = 1 << 22
"""Blocks from this size on ask for large pages, which spares address translations."""


class Block:
    """Zeroed memory at an address that stays, given back by `free`, which may be called twice."""

    def __init__(self, size: int) -> None:
        self.map: mmap.mmap | None = None
        self.handle: ctypes.c_char | None = None
        self.size = max(size, mmap.PAGESIZE)
        flags = getattr(mmap, "MAP_PRIVATE", 2) | getattr(mmap, "MAP_ANONYMOUS", 32)
        flags |= getattr(mmap, "MAP_NORESERVE", 0)
        try:
            self.map = mmap.mmap(-1, self.size, flags=flags)
        except (OSError, ValueError, OverflowError) as error:
            raise MemoryError(f"{self.size} bytes are not to be had") from error
        if self.size >= HUGE_FROM and hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):
                self.map.madvise(mmap.MADV_HUGEPAGE)
        self.handle = ctypes.c_char.from_buffer(self.map)
        self.address = ctypes.addressof(self.handle)

    def free(self) -> None:
        self.handle = None
        if self.map is not None:
            self.map.close()
            self.map = None
