"""Forwards of the small model as single kernels of the virtual device, so that it serves quickly.

Every operator of torch costs the virtual device tens of microseconds, and a forward has some
thirty. What a run under load asks is when a forward reads its pages, not what happens within,
so here it is one kernel that reads and writes the pages of a request.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from fencepost.streams import virtual_cuda
from fencepost.streams.regions import Bytes
from fencepost.streams.shim.launches import Launch
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.attention import Component, LayerCache, Shape, SmallModel
from reference_impl.load.drafting import Part
from reference_impl.slot_pool import Paged, Slot, SlotPool


class Rounded:
    """A `LayerCache` that keeps float32 for a model that computes in float64: sums in another order
    (of heads, or of a longer chunk) come to the same rows, and so to the same tokens."""

    def __init__(self, inner: LayerCache) -> None:
        self._inner = inner

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`, in float64."""
        return self._inner.append(component, layer, start, new.float()).double()


def on_host(virtual: VirtualDevice, model: SmallModel) -> SmallModel:
    """The same weights in ordinary memory, as float64."""
    made = copy(model)
    virtual.run_all()
    with virtual.runtime.quiet():
        for name, value in vars(model).items():
            if isinstance(value, Tensor):
                setattr(made, name, virtual.runtime.alias(value).double().clone())
    return made


@functools.cache
def weights(shape: Shape) -> SmallModel:
    """A model in ordinary memory, made once; while there is a virtual device it has to be there."""
    with virtual_cuda() as virtual:
        return on_host(virtual, SmallModel(shape))


def verify(model: SmallModel, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
    """As `SmallModel.verify`, in float64 over float32 rows."""
    return model.verify(tokens, start, Rounded(cache))


@dataclass(frozen=True)
class _Pages:
    """The storage of a pool as a kernel sees it."""

    shape: Shape
    components: tuple[Tensor, ...]


class Fused(SmallModel):
    """A model whose forward is one kernel; `host` is the same in ordinary memory (`on_host`)."""

    def __init__(self, virtual: VirtualDevice, host: SmallModel) -> None:
        self.shape = host.shape
        self.host = host
        self._runtime = virtual.runtime
        self._pools: dict[SlotPool, _Pages] = {}
        self._named: dict[SlotPool, dict[int, list[Bytes]]] = {}

    def forward(self, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
        """As in `SmallModel`."""
        assert isinstance(cache, Paged)
        made = torch.empty((), dtype=torch.int64, device="cuda")
        self._launch(tokens, [Part(len(tokens), start, cache)], made)
        return made

    def verify_batch(self, tokens: Tensor, parts: Sequence[Part]) -> Tensor:
        """As in `Target`."""
        made = torch.empty(len(tokens), dtype=torch.int64, device="cuda")
        self._launch(tokens, parts, made)
        return made

    def _launch(self, tokens: Tensor, parts: Sequence[Part], made: Tensor) -> None:
        """Queue the kernel; what it finds goes to `made`, or the last of it to one that is []."""
        runtime = self._runtime
        ids, out = runtime.alias(tokens), runtime.alias(made)
        seen = [
            # A forward asks a pool for its shape and its pages, and these are what `_Pages` has.
            Paged(self._pages(part.cache.pool), Slot(0, part.cache.pages, 0))  # type: ignore[arg-type]
            for part in parts
        ]

        def run() -> None:
            begin = 0
            for part, cache in zip(parts, seen, strict=True):
                end = begin + part.count
                found = verify(self.host, ids[begin:end], part.start, cache)
                if out.dim():
                    out[begin:end] = found
                else:
                    out.copy_(found[-1])
                begin = end

        reads, writes = [runtime.bytes_of(tokens)], [runtime.bytes_of(made)]
        rows = self.shape.page_rows
        for part in parts:
            used = part.cache.pages[: self.shape.pages(part.start + part.count)]
            reads += self._bytes(part.cache.pool, used)
            writes += self._bytes(part.cache.pool, used[part.start // rows :])
        runtime.submit(Launch("forward", reads, writes, run))

    def _bytes(self, pool: SlotPool, pages: Sequence[int]) -> list[Bytes]:
        known = self._named.setdefault(pool, {})
        for page in pages:
            if page not in known:
                seen, bytes_of = self._pages(pool), self._runtime.bytes_of
                with self._runtime.quiet():
                    known[page] = [bytes_of(rows[page]) for rows in seen.components]
        return [part for page in pages for part in known[page]]

    def _pages(self, pool: SlotPool) -> _Pages:
        if pool not in self._pools:
            with self._runtime.quiet():
                seen = tuple(self._runtime.alias(rows) for rows in pool.components)
                self._pools[pool] = _Pages(pool.shape, seen)
        return self._pools[pool]
