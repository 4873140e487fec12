"""The oracle: what a request comes to when nothing else runs, computed in ordinary memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_impl.attention import Component, SmallModel


class Dense:
    """The cache of one request alone: what the oracle uses.

    rows: for each component the rows of each layer, [n, ...] once there are any
    """

    def __init__(self, layers: int) -> None:
        self.rows: list[list[Tensor]] = [[torch.empty(0)] * layers for _ in Component]

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`."""
        rows = torch.cat([self.rows[component][layer], new]) if start else new
        self.rows[component][layer] = rows
        return rows

    def stacked(self) -> list[Tensor]:
        """For each component the rows of all layers, [layers, n, ...]."""
        return [torch.stack(layers) for layers in self.rows]

    def keep(self, count: int) -> None:
        """Forget all rows but the first."""
        self.rows = [[rows[:count] for rows in layers] for layers in self.rows]


@dataclass(frozen=True)
class Expected:
    """What a request comes to when nothing else runs: `tokens`, and the rows of its prompt.

    `index_keys` is float32 [layers, prompt, index_dim] and `keys_values` float32
    [layers, prompt, 2, heads, head_dim], both on the host.
    """

    tokens: tuple[int, ...]
    index_keys: Tensor
    keys_values: Tensor


def oracle(
    model: SmallModel, prompt: Sequence[int], count: int, chunk: int | None = None
) -> Expected:
    """`count` tokens with no overlap at all: one request, one stream, a wait behind each step.

    The prompt is computed `chunk` tokens at a time, a page if that is not said.
    """
    shape = model.shape
    chunk = chunk or shape.page_rows
    cache = Dense(shape.layers)
    for start in range(0, len(prompt), chunk):
        part = torch.tensor(prompt[start : start + chunk], device="cuda")
        token = model.forward(part, start, cache)
    index_keys, keys_values = (rows.cpu() for rows in cache.stacked())
    tokens = [int(token)]
    while len(tokens) < count:
        token = model.forward(token.reshape(1), len(prompt) + len(tokens) - 1, cache)
        tokens.append(int(token))
    return Expected(tuple(tokens), index_keys, keys_values)
