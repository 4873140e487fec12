"""The oracle under load: requests that nothing overlaps with, computed in ordinary memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.fused import verify
from reference_impl.attention import SmallModel
from reference_impl.load.oracle import Dense


class Alone:
    """An `Oracle` with the weights of `host`, beside a virtual device."""

    def __init__(self, virtual: VirtualDevice, host: SmallModel) -> None:
        self.virtual, self.host = virtual, host
        self._rows: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}

    def right(self, prompt: tuple[int, ...], count: int, found: Sequence[int]) -> tuple[int, ...]:
        """As in `Oracle`: one forward says whether `found` is right, and else each token has its
        own."""
        with self.virtual.runtime.quiet():
            return tokens(self.host, prompt, count, found)

    def rows(self, prefix: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Index keys, float32 [layers, n, index_dim], and keys and values, [layers, n, 2, heads,
        head_dim], of n tokens."""
        if prefix not in self._rows:
            with self.virtual.runtime.quiet():
                cache = Dense(self.host.shape.layers)
                verify(self.host, torch.tensor(prefix), 0, cache)
                index_keys, keys_values = cache.stacked()
                self._rows[prefix] = index_keys, keys_values
        return self._rows[prefix]


def tokens(
    model: SmallModel, prompt: tuple[int, ...], count: int, found: Sequence[int] = ()
) -> tuple[int, ...]:
    """The tokens of a request.

    `found` may be right: then one forward over all of it says so, as each of its tokens is the one
    that follows those before it.
    """
    cache, made = Dense(model.shape.layers), [*found][:count]
    rows = torch.tensor([*prompt, *made[:-1]])
    after = verify(model, rows, 0, cache).tolist()[len(prompt) - 1 :]
    right = 0
    while right < len(made) and made[right] == after[right]:
        right += 1
    made = after[: right + 1] if right < len(made) else made or after[:1]
    known = len(prompt) + len(made) - 1
    cache.keep(known)
    while len(made) < count:
        made += verify(model, torch.tensor(made[-1:]), known, cache).tolist()
        known += 1
    return tuple(made)
