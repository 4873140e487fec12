"""A kernel as it is handed to the device: what it does, and which bytes it reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from fencepost.streams.regions import Bytes
from fencepost.streams.shim.shapes import default_dtype

Touches = list[Bytes]


def _nothing() -> None:
    """The kernel of an operation that only marks an access."""


@dataclass(slots=True)
class Launch:
    """An operation for a stream.

    `late` gives more reads and writes, from the values of an index; it is called right before the
    kernel runs. `narrowed` are the whole tensors that it gives parts of.
    """

    name: str
    reads: Touches
    writes: Touches
    kernel: Callable[[], object] = _nothing
    late: Callable[[], tuple[Touches, Touches]] | None = None
    narrowed: tuple[Sequence[Bytes], Sequence[Bytes]] = ((), ())

    @property
    def addresses(self) -> tuple[set[int], set[int]]:
        """The addresses of the tensors read and written."""
        reads, writes = self.narrowed
        return _starts(*self.reads, *reads), _starts(*self.writes, *writes)


def _starts(*touches: Bytes) -> set[int]:
    return {bytes_.regions[0].start for bytes_ in touches if bytes_.regions}


class Once:
    """A kernel whose result only the host sees: a replay has nothing to do, and keeps nothing."""

    __slots__ = ("_kernel",)

    def __init__(self, kernel: Callable[[], object]) -> None:
        self._kernel: Callable[[], object] | None = kernel

    def __call__(self) -> None:
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel()


def of_its_time(dtype: torch.dtype, kernel: Callable[[], object]) -> None:
    """A kernel run with the default dtype that was set when it was queued."""
    now = default_dtype()
    if now is dtype:
        kernel()
        return
    torch._C._set_default_dtype(dtype)
    try:
        kernel()
    finally:
        torch._C._set_default_dtype(now)


def put(out: torch.Tensor, value: torch.Tensor) -> None:
    """Put a result where the device has room for it."""
    if value.numel() == out.numel():
        out.copy_(value)
    else:  # the CPU leaves out what only a GPU's backward pass needs
        out.zero_()


def result_into(
    out: torch.Tensor, operator: Callable[..., torch.Tensor], /, *args: Any, **kwargs: Any
) -> None:
    """The kernel of an operator with one result."""
    put(out, operator(*args, **kwargs))
