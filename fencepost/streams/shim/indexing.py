"""Operators whose access set depends on the values of an index, each with the bytes it touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from fencepost.streams.regions import Bytes, intervals
from fencepost.streams.shim.launches import Launch, Touches
from fencepost.streams.shim.shapes import map_tensors
from fencepost.streams.shim.touched import (
    Interval,
    elements,
    gathered,
    only_dimension,
    positions,
    rows,
)

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

aten = torch.ops.aten
# What an operator touches of its first argument, from its arguments as its kernel sees them.
Touched = Callable[..., tuple[Interval, ...]]


def _index_rows(tensor: torch.Tensor, dim: int, index: torch.Tensor, *_: Any) -> Any:
    return rows(tensor, dim, index)


def _advanced(tensor: torch.Tensor, indices: Any, *_: Any) -> Any:
    dim = only_dimension(indices)
    if dim is not None:
        return rows(tensor, dim, indices[dim])
    return gathered(aten.index.Tensor, (tensor, indices))


def _embedding(weight: torch.Tensor, index: torch.Tensor, *_: Any) -> Any:
    return rows(weight, 0, index)


def _gather(tensor: torch.Tensor, dim: int, index: torch.Tensor, *_: Any) -> Any:
    return gathered(aten.gather.default, (tensor, dim, index))


def _scatter(tensor: torch.Tensor, dim: int, index: torch.Tensor, *_: Any) -> Any:
    touched = torch.zeros(tensor.shape, dtype=torch.bool).scatter_(dim, index, True)
    return elements(tensor, positions(tensor)[touched])


def _flat(tensor: torch.Tensor, index: torch.Tensor, *_: Any) -> Any:
    return elements(tensor, positions(tensor).reshape(-1)[index])


def _mask(tensor: torch.Tensor, mask: torch.Tensor, *_: Any) -> Any:
    return elements(tensor, positions(tensor)[mask.expand(tensor.shape)])


READS: dict[Any, Touched] = {
    aten.index.Tensor: _advanced,
    aten.index_select.default: _index_rows,
    aten.gather.default: _gather,
    aten.embedding.default: _embedding,
    aten._embedding_bag.default: _embedding,
    aten._embedding_bag_forward_only.default: _embedding,
    aten.take.default: _flat,
    aten._unsafe_index.Tensor: _advanced,
}
WRITES: dict[Any, Touched] = {
    aten.index_copy_.default: _index_rows,
    aten.index_fill_.int_Scalar: _index_rows,
    aten.index_fill_.int_Tensor: _index_rows,
    aten.index_put_.default: _advanced,
    aten.scatter_.src: _scatter,
    aten.scatter_.value: _scatter,
    aten.masked_fill_.Scalar: _mask,
    aten.masked_fill_.Tensor: _mask,
    aten.masked_scatter_.default: _mask,
    aten.put_.default: _flat,
}
BOTH: dict[Any, Touched] = {
    aten.index_add_.default: _index_rows,
    aten.scatter_add_.default: _scatter,
    aten.scatter_reduce_.two: _scatter,
    aten.scatter_.reduce: _scatter,
    aten.scatter_.value_reduce: _scatter,
    aten.index_reduce_.default: _index_rows,
    aten.embedding_renorm_.default: _embedding,
}
ACCUMULATE = {aten.index_put_.default: 3, aten.put_.default: 3}
"""Which argument of an operator says that it reads what it writes."""


class Indexing:
    """How the launch of one such operator is made."""

    def __init__(self, operator: Any, touched: Touched, *, reads: bool, writes: bool) -> None:
        self.accumulates = ACCUMULATE.get(operator)
        self.touched = touched
        self.reads = reads
        self.writes = writes

    def __call__(
        self,
        runtime: Runtime,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        raw: list[Any],
    ) -> Launch:
        """A launch that says what it touches once the index is known.

        `raw` are the arguments as the kernel sees them.
        """
        base = args[0]
        others: list[torch.Tensor] = []
        map_tensors([*args[1:], *kwargs.values()], others.append)
        launch = Launch(name, [runtime.bytes_of(t) for t in others if runtime.on_device(t)], [])
        if runtime.on_device(base):
            self.narrow(launch, runtime.bytes_of(base), args, kwargs, raw)
        return launch

    def narrow(
        self,
        launch: Launch,
        whole: Bytes,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        raw: list[Any],
    ) -> None:
        """The launch touches a part of the first argument, whose bytes are `whole`."""
        reads, writes = self.reads, self.writes
        if self.accumulates is not None:
            place = self.accumulates
            reads = (args[place] if len(args) > place else kwargs.get("accumulate")) is True

        def late() -> tuple[Touches, Touches]:
            touched = [Bytes(intervals(raw[0].data_ptr(), self.touched(*raw)), whole.label)]
            return (touched if reads else [], touched if writes else [])

        launch.late = late
        launch.narrowed = ([whole] if reads else [], [whole] if writes else [])


INDEXING: dict[Any, Indexing] = {
    **{op: Indexing(op, touched, reads=True, writes=False) for op, touched in READS.items()},
    **{op: Indexing(op, touched, reads=False, writes=True) for op, touched in WRITES.items()},
    **{op: Indexing(op, touched, reads=True, writes=True) for op, touched in BOTH.items()},
}
