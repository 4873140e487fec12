"""Storages of the device that are resized by hand: `untyped_storage().resize_()`, by which programs
free a tensor that others still name, and give it memory again.

torch moves no storage of the host, which those of the device are. So one that was resized keeps its
address, which nobody else is lent, and its bytes lie in another block, or in none.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fencepost.streams.calls import NOWHERE
from fencepost.streams.queues import Block
from fencepost.streams.regions import Bytes, strided
from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.launches import Launch

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Released, Runtime

NOT_ALLOCATED = (
    "The tensor has a non-zero number of elements, but its data is not allocated yet: "
    "untyped_storage().resize_() has freed it"
)


@dataclass(slots=True)
class Move:
    """A storage that torch takes for `size` bytes at the start of its first block `original`.

    It has `held` bytes, from the address `now`.
    """

    original: Block
    size: int
    held: int
    now: int


class Moves:
    """The storages of one runtime that were resized, by the address that torch knows them by."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.known: dict[int, Move] = {}
        self._starts: list[int] = []

    def start(self, start: int) -> int:
        """Where the block of a storage begins that torch knows by its address."""
        move = self.known.get(start)
        return start if move is None else move.now

    def held(self, start: int, size: int) -> int:
        """How many bytes a storage has, which torch takes for `size`."""
        move = self.known.get(start)
        return size if move is None else move.held

    def place(
        self, address: int, shape: tuple[int, ...], stride: tuple[int, ...], itemsize: int
    ) -> int:
        """Where elements lie that torch believes at an address.

        Raises `RuntimeError` where they are freed, as on CUDA.
        """
        below = bisect_right(self._starts, address) - 1
        move = self.known[self._starts[below]] if below >= 0 else None
        if move is None or address >= move.original.start + move.size or 0 in shape:
            return address
        begin = address - move.original.start
        last = sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
        if begin + (last + 1) * itemsize > move.held:
            raise RuntimeError(NOT_ALLOCATED)
        return move.now + begin

    def resize(self, storage: torch.UntypedStorage, size: int, believed: int) -> None:
        """`resize_` of a storage of the device, which torch takes for `believed` bytes.

        As on CUDA, the new block is of the current stream, bytes that both have are copied by a
        kernel, and the old block is freed. Raises `InputError` F220 for more than torch believes.
        """
        runtime, start = self._runtime, storage.data_ptr()
        held, old = self.held(start, believed), self.start(start)
        if size > believed:
            raise unsupported(
                f"resize_({size}) of a storage that was made with {believed} bytes",
                "torch gives a storage of the host no more than it was made with, and that is what "
                "this one is",
                "a new tensor where more bytes are needed",
            )
        if size == held:
            return
        runtime.settle()
        label = f"storage of {believed} bytes"
        now = runtime.allocate_block(size, label) if size else 0
        common = min(size, held)
        if common:
            self._copy(now, old, common, label)
        if start in self.known:
            if held:
                runtime.bridge.free(old, NOWHERE, None)
            move = self.known[start]
            move.held, move.now = size, now
        else:
            block = runtime.bridge.device.blocks[start]
            runtime.bridge.free(old, NOWHERE, None, keeps_addresses=True)
            self.known[start] = Move(block, believed, size, now)
            insort(self._starts, start)
        runtime.aliases.forget(start, start + believed)

    def gone(self, released: Released) -> bool:
        """The last that used a storage is gone; False if it was never resized."""
        address, place, host = released
        move = self.known.pop(address, None)
        if move is None:
            return False
        self._starts.remove(address)
        runtime = self._runtime
        runtime.aliases.forget(address, address + move.size)
        if move.held:
            runtime.bridge.free(move.now, place, host)
        runtime.bridge.device.give_back(move.original)
        return True

    def mirror(self, storage: torch.UntypedStorage) -> None:
        """Put the bytes where torch reads them itself, for `pickle`."""
        move = self.known.get(storage.data_ptr())
        if move is None:
            return
        if move.held < move.size:
            raise RuntimeError(NOT_ALLOCATED)
        alias = self._runtime.arena.alias
        where = alias(move.original.start, (move.size,), (1,), torch.uint8)
        where.copy_(alias(move.now, (move.size,), (1,), torch.uint8))

    def _copy(self, target: int, source: int, size: int, label: str) -> None:
        there, here = (
            self._runtime.arena.alias(address, (size,), (1,), torch.uint8)
            for address in (target, source)
        )
        reads, writes = (
            [Bytes(strided(address, (size,), (1,), 1), label)] for address in (source, target)
        )
        self._runtime.submit(Launch("resize_", reads, writes, lambda: there.copy_(here)))
