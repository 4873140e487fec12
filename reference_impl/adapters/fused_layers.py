"""A model whose layers are a few kernels of the virtual device each, so that it serves quickly.

Where a forward waits for each layer, a whole forward cannot be one kernel as in `fused`: the cache
decides, between the parts of a layer, what the device has to have come to. So each part is one
kernel, and appending and reading are the cache's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import thread_time

import torch
from torch import Tensor

from fencepost.streams.shim.launches import Launch
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.attention import Component, LayerCache, SmallModel


class FusedLayers(SmallModel):
    """`host` is the same in ordinary memory (`on_host`). What is not stored in a cache is float64,
    so that sums in another order come to the same tokens.

    `seconds` has what forwards took: `prefill` those from the first row, `decode` all others.
    """

    def __init__(self, virtual: VirtualDevice, host: SmallModel) -> None:
        self.shape, self.host = host.shape, host
        self.seconds = {"prefill": 0.0, "decode": 0.0}
        self._runtime = virtual.runtime

    def forward(self, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
        """As in `SmallModel`."""
        began = thread_time()
        made = super().forward(tokens, start, cache)
        self.seconds["decode" if start else "prefill"] += thread_time() - began
        return made

    def embed(self, tokens: Tensor, start: int) -> Tensor:
        """As in `SmallModel`."""
        (x,) = self._launch(
            "embed",
            lambda ids: (self.host.embed(ids, start),),
            [tokens],
            [_Kind(len(tokens), self.shape.width)],
        )
        return x

    def layer(self, x: Tensor, layer: int, start: int, cache: LayerCache) -> Tensor:
        """As in `SmallModel`, in three kernels."""
        shape, host, n = self.shape, self.host, len(x)
        heads = shape.heads, shape.head_dim
        query, key = self._launch(
            "index",
            lambda x: host.index(x, layer),
            [x],
            [_Kind(n, shape.index_dim), _Kind(n, shape.index_dim, stored=True)],
        )
        keys = cache.append(Component.INDEX_KEYS, layer, start, key)
        bias, asked, new = self._launch(
            "choose",
            lambda x, query, keys: (
                host.choose(query, keys.double(), start),
                *host.project(x, layer),
            ),
            [x, query, keys],
            [_Kind(n, len(keys)), _Kind(n, *heads), _Kind(n, 2, *heads, stored=True)],
        )
        rows = cache.append(Component.KEYS_VALUES, layer, start, new)
        (made,) = self._launch(
            "attend",
            lambda x, asked, rows, bias: (host.attend(x, asked, rows.double(), bias, layer),),
            [x, asked, rows, bias],
            [_Kind(n, shape.width)],
        )
        return made

    def token(self, x: Tensor) -> Tensor:
        """As in `SmallModel`."""
        (made,) = self._launch("token", lambda x: (self.host.token(x),), [x], [_Kind(number=True)])
        return made

    def _launch(
        self,
        name: str,
        compute: Callable[..., Sequence[Tensor]],
        given: Sequence[Tensor],
        kinds: Sequence[_Kind],
    ) -> list[Tensor]:
        """Queue one kernel: it gets aliases of what is given, and fills tensors of these kinds."""
        runtime = self._runtime
        made = [kind.empty() for kind in kinds]
        with runtime.quiet():
            seen = [runtime.alias(tensor) for tensor in given]
            filled = [runtime.alias(tensor) for tensor in made]
            reads = [runtime.bytes_of(tensor) for tensor in given]
            writes = [runtime.bytes_of(tensor) for tensor in made]

        def run() -> None:
            for target, value in zip(filled, compute(*seen), strict=True):
                target.copy_(value)

        runtime.submit(Launch(name, reads, writes, run))
        return made


class _Kind:
    """A tensor that a kernel makes: float64, or float32 where a cache stores it, or one token."""

    def __init__(self, *size: int, stored: bool = False, number: bool = False) -> None:
        self._size = size
        floats = torch.float32 if stored else torch.float64
        self._dtype = torch.int64 if number else floats

    def empty(self) -> Tensor:
        return torch.empty(self._size, dtype=self._dtype, device="cuda")
