"""Memory of the virtual device: one reserved range of addresses, half device and half pinned host.

A tensor is on the device exactly when its storage lies in the first half, so tensors stay plain CPU
tensors and every operator, view and autograd rule of torch works on them unchanged. A block is lent
to torch as a buffer; when torch lets go of the last storage over it, the block is free.
"""

from __future__ import annotations

import atexit
import gc
import mmap
import sys
import weakref
from collections.abc import Callable

import torch

RESERVED = 1 << 36
ALIGNMENT = 512
# Linux's number; Python has had a name for it since 3.13. Elsewhere addresses are reserved alike.
NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000 if sys.platform == "linux" else 0)


def _reserved(size: int) -> mmap.mmap:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    try:
        return mmap.mmap(-1, size, flags=flags)
    except OSError:  # a thousand arenas of devices that are gone, which nobody has collected yet
        gc.collect()
        return mmap.mmap(-1, size, flags=flags)


class Lent(weakref.ref[memoryview]):
    """A block that torch holds, by its address."""

    __slots__ = ("address",)

    address: int


_ARENAS: weakref.WeakSet[Arena] = weakref.WeakSet()


@atexit.register
def _forget() -> None:
    """What dies while Python ends is of no interest, and there is nothing left to note it with."""
    for arena in _ARENAS:
        arena._lent.clear()


class Arena:
    """A reserved range of addresses; pages cost memory only once they are written.

    `half` is the size in bytes of the device's memory, and as much again is pinned host memory.
    """

    def __init__(self, half: int = RESERVED) -> None:
        self.half = half
        self._memory = _reserved(2 * half)
        self._view = memoryview(self._memory)
        self._bytes = torch.frombuffer(self._view, dtype=torch.uint8)
        self._typed: dict[torch.dtype, torch.Tensor] = {torch.uint8: self._bytes}
        self._lent: dict[int, Lent] = {}
        _ARENAS.add(self)
        self.base: int = self._bytes.data_ptr()
        self.middle = self.base + half
        self.end = self.base + 2 * half

    def address(self, tensor: torch.Tensor) -> int:
        """The address of a strided tensor's first element, or of its storage if it has none."""
        return tensor.data_ptr() or tensor.untyped_storage().data_ptr()

    def on_device(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor lies in the device's memory."""
        if tensor.layout is not torch.strided:
            return False
        try:
            address = tensor.data_ptr()
        except RuntimeError:  # a tensor of `torch.func`, which has its storage inside
            functorch = torch._C._functorch
            if not functorch.is_functorch_wrapped_tensor(tensor):
                return False
            return self.on_device(functorch.get_unwrapped(tensor))
        if not address:
            if tensor.is_meta or tensor.numel():
                return False
            address = tensor.untyped_storage().data_ptr()
        return self.base <= address < self.middle

    def lend(
        self,
        address: int,
        size: int,
        shape: tuple[int, ...],
        stride: tuple[int, ...],
        dtype: torch.dtype,
        on_free: Callable[[Lent], object],
    ) -> torch.Tensor:
        """A tensor with a storage of its own over a block.

        When that dies, `on_free` is called.
        """
        start = address - self.base
        block = self._view[start : start + size]
        lent = self._lent[address] = Lent(block, on_free)
        lent.address = address
        flat = torch.frombuffer(block, dtype=dtype, count=size // dtype.itemsize)
        return flat.as_strided_(shape, stride)

    def alias(
        self, address: int, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype
    ) -> torch.Tensor:
        """Elements through the arena itself, which does not keep their block alive.

        A queued kernel works on aliases, so that a block freed too early is reused under it, as
        it is by the caching allocator of CUDA.
        """
        whole = self._typed.get(dtype)
        if whole is None:
            whole = self._typed[dtype] = self._bytes.view(dtype)
        return whole.as_strided(shape, stride, (address - self.base) // dtype.itemsize)
