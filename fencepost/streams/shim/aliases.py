"""What queued kernels know a tensor by: an alias of its elements, and the bytes that they are.

Both follow from where a tensor lies and in which form, so a program that uses the same tensors
again and again finds them made.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from fencepost.streams.regions import Bytes, strided
from fencepost.streams.shim.arena import Arena
from fencepost.streams.shim.shapes import shown

if TYPE_CHECKING:
    from fencepost.streams.shim.moves import Moves

MOST_REMEMBERED = 1 << 14
Form = tuple[tuple[int, ...], tuple[int, ...], torch.dtype]


class Alias:
    """The elements of a tensor in the arena; `form` is a number for their sizes, strides and type.

    `tensor` is shared by all kernels that use them, so none may change its sizes.
    """

    __slots__ = ("bytes", "form", "tensor", "there")

    def __init__(self, tensor: torch.Tensor, bytes_: Bytes, form: int, *, there: bool) -> None:
        self.tensor, self.bytes, self.form = tensor, bytes_, form
        self.there = there
        """Whether they are the device's, and not pinned memory of the host."""


class Aliases:
    """The aliases of one arena."""

    def __init__(self, arena: Arena, moves: Moves) -> None:
        self._arena, self._moves = arena, moves
        self.known: dict[tuple[int, tuple[int, ...], tuple[int, ...], torch.dtype], Alias] = {}
        """By address, sizes, strides and type."""
        self._forms: dict[Form, int] = {}

    def of(self, tensor: torch.Tensor) -> Alias | None:
        """The alias of a tensor; None if it lies elsewhere, is empty, or is no plain one."""
        try:
            address = tensor.data_ptr()
            place = address, tensor.size(), tensor.stride(), tensor.dtype
        except RuntimeError:  # a tensor without a storage of its own
            return None
        found = self.known.get(place)
        if found is None:
            if not self._arena.base <= address < self._arena.end or tensor.is_nested:
                return None
            found = self.at(*place)
        return None if tensor.is_neg() or tensor.is_conj() else found

    def at(
        self, address: int, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype
    ) -> Alias:
        """The alias of elements at an address of the arena."""
        found = self.known.get((address, shape, stride, dtype))
        if found is not None:
            return found
        if len(self.known) >= MOST_REMEMBERED:
            self.known.clear()
        arena, there = self._arena, address
        if self._moves.known:
            there = self._moves.place(address, shape, stride, dtype.itemsize)
        found = self.known[address, shape, stride, dtype] = Alias(
            arena.alias(there, shape, stride, dtype),
            bytes_at(there, shape, stride, dtype),
            self._forms.setdefault((shape, stride, dtype), len(self._forms)),
            there=address < arena.middle,
        )
        return found

    def forget(self, start: int, stop: int) -> None:
        """Elements of [start, stop) lie elsewhere from now on, or are another's."""
        self.known = {at: known for at, known in self.known.items() if not start <= at[0] < stop}


@lru_cache(maxsize=1 << 16)
def bytes_at(
    address: int, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype
) -> Bytes:
    """The bytes of the elements at an address."""
    return Bytes(strided(address, shape, stride, dtype.itemsize), shown(shape, dtype))
