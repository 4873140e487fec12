"""The bytes that a kernel reads and writes, where they depend on the values of an index.

Rows of a cache that two streams use at once are no conflict, so an index operation touches the rows
of its index and not the whole tensor. The index is known when the kernel runs. Where rows are not
enough (several indices, masks, gather and scatter), the operator itself is run on the positions of
the elements in place of the elements, which gives exactly those it touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from fencepost.streams.regions import strided

Interval = tuple[int, int]
FEW = 256
aten = torch.ops.aten


def merged(starts: torch.Tensor, length: int) -> tuple[Interval, ...]:
    """Runs of the same length at several places, sorted and merged where they touch."""
    if not starts.numel():
        return ()
    starts = torch.unique(starts)
    breaks = torch.nonzero(starts[1:] - starts[:-1] > length).reshape(-1)
    first = torch.cat([starts[:1], starts[breaks + 1]]).tolist()
    last = torch.cat([starts[breaks], starts[-1:]]).tolist()
    return tuple((a, b + length) for a, b in zip(first, last, strict=True))


def rows(tensor: torch.Tensor, dim: int, index: torch.Tensor) -> tuple[Interval, ...]:
    """The bytes of some rows of a tensor along a dimension, from its first element."""
    if not tensor.dim():
        return ((0, tensor.element_size()),)
    dim %= tensor.dim()
    if index.dtype is torch.bool:
        index = index.nonzero()
    row = tensor.select(dim, 0) if tensor.shape[dim] else tensor
    touched = strided(0, row.shape, row.stride(), row.element_size())
    if not touched or not index.numel():
        return ()
    (region,) = touched
    step = tensor.stride(dim) * tensor.element_size()
    if not region.dims and index.numel() <= FEW:
        return _few_rows((0, region.length), step, tensor.shape[dim], index.reshape(-1).tolist())
    chosen = torch.unique(index.reshape(-1).to(torch.int64) % tensor.shape[dim])
    starts = torch.tensor([start for start, _ in region.pieces()], dtype=torch.int64)
    return merged((chosen[:, None] * step + starts).reshape(-1), region.length)


def _few_rows(inner: Interval, step: int, count: int, index: list[int]) -> tuple[Interval, ...]:
    """Rows by their numbers, without tensors, which take longer for a few."""
    found: list[Interval] = []
    for number in sorted({int(number) % count for number in index}):
        start, stop = number * step + inner[0], number * step + inner[1]
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((start, stop))
    return tuple(found)


def positions(tensor: torch.Tensor) -> torch.Tensor:
    """For each element its distance from the first, in elements."""
    where = torch.zeros((), dtype=torch.int64)
    for count, step in zip(tensor.shape, tensor.stride(), strict=True):
        where = where[..., None] + torch.arange(count) * step
    return where


def elements(tensor: torch.Tensor, where: torch.Tensor) -> tuple[Interval, ...]:
    """The bytes of elements given by their distance from the first."""
    size = tensor.element_size()
    return merged(where.reshape(-1) * size, size)


def gathered(operator: Callable[..., torch.Tensor], args: tuple[Any, ...]) -> tuple[Interval, ...]:
    """What an operator that only picks elements of its first argument reads of it."""
    return elements(args[0], operator(positions(args[0]), *args[1:]))


def scattered(
    operator: Callable[..., torch.Tensor], args: tuple[Any, ...], marks: Callable[[Any], Any]
) -> tuple[Interval, ...]:
    """What an operator that replaces some elements of its first argument writes of it.

    `marks` turns the arguments after the first into ones that write true.
    """
    touched = torch.zeros(args[0].shape, dtype=torch.bool)
    operator(touched, *marks(args[1:]))
    return elements(args[0], positions(args[0])[touched])


def only_dimension(indices: Iterable[torch.Tensor | None]) -> int | None:
    """The dimension that advanced indexing uses, if it is one and by numbers."""
    used = [(d, i) for d, i in enumerate(indices) if i is not None]
    if len(used) == 1 and used[0][1].dtype not in (torch.bool, torch.uint8):
        return used[0][0]
    return None
