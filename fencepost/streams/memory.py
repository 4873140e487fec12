"""Bytes behind the addresses of a device, for programs that want to see what a race does."""

from __future__ import annotations

from typing import Protocol

POISON = 0xFD
_PAGE = 1 << 12


class Memory(Protocol):
    """What a device and a replay need of memory: addresses are those of regions."""

    def read(self, start: int, size: int) -> bytes:
        """The bytes from an address."""

    def write(self, start: int, data: bytes) -> None:
        """Put bytes at an address."""

    def fill(self, start: int, size: int, value: int) -> None:
        """Put the same byte at `size` addresses."""

    def clear(self) -> None:
        """Every byte as it was before the first operation."""


class SparseMemory:
    """Memory of any size that takes room only where it was written; zero elsewhere."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def read(self, start: int, size: int) -> bytes:
        """The bytes from an address."""
        found = bytearray()
        while size > 0:
            page, offset = divmod(start, _PAGE)
            part = min(size, _PAGE - offset)
            held = self._pages.get(page)
            found += bytes(part) if held is None else held[offset : offset + part]
            start, size = start + part, size - part
        return bytes(found)

    def write(self, start: int, data: bytes) -> None:
        """Put bytes at an address."""
        done = 0
        while done < len(data):
            page, offset = divmod(start + done, _PAGE)
            part = min(len(data) - done, _PAGE - offset)
            held = self._pages.setdefault(page, bytearray(_PAGE))
            held[offset : offset + part] = data[done : done + part]
            done += part

    def fill(self, start: int, size: int, value: int) -> None:
        """Put the same byte at `size` addresses."""
        self.write(start, bytes([value]) * size)

    def clear(self) -> None:
        """Zero everywhere."""
        self._pages.clear()
