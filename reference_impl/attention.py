"""A small decoder that is real enough to show damage: a wrong row in the cache changes its tokens.

Each layer has an indexer, which scores small keys of its own to choose rows, and an attention that
reads the keys and values of the chosen rows. Weights come from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shape:
    """Sizes of a model and of a page of its cache."""

    layers: int = 2
    heads: int = 2
    head_dim: int = 4
    index_dim: int = 4
    vocabulary: int = 97
    chosen: int = 6
    """Rows that an attention reads, the best by the indexer."""
    positions: int = 64
    page_rows: int = 4

    @property
    def width(self) -> int:
        """Numbers in the residual stream of one token."""
        return self.heads * self.head_dim

    def pages(self, tokens: int) -> int:
        """Pages that hold so many tokens."""
        return -(-tokens // self.page_rows)


class Component(IntEnum):
    """What a layer keeps of a token, all float32: the indexer's key, [index_dim], and the key and
    the value of its attention, [2, heads, head_dim]."""

    INDEX_KEYS, KEYS_VALUES = range(2)


class LayerCache(Protocol):
    """The cache of one request as a forward pass uses it, a layer and a component at a time."""

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """Append n rows, [n, ...] as the component has them, at row `start`; all rows up to the
        new ones, [start + n, ...]."""


class SmallModel:
    """Seeded weights on the current device, all float32."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        self.shape = shape
        draw = torch.Generator().manual_seed(seed)

        def weights(*size: int) -> Tensor:
            return torch.randn(*size, generator=draw).to("cuda")

        width = shape.width
        self.embedding = weights(shape.vocabulary, width)
        self.position = weights(shape.positions, width)
        self.indexer = weights(shape.layers, width, 2 * shape.index_dim)
        self.projection = weights(shape.layers, width, 3 * width)
        self.output = weights(shape.layers, width, width)
        self.unembedding = weights(width, shape.vocabulary)
        self.causal = torch.full((shape.positions,) * 2, float("-inf")).triu(1).to("cuda")

    def forward(self, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
        """The token after `tokens`, int64 [n] on the device, which stand at `start`; int64 []."""
        return self.token(self._through(tokens, start, cache))

    def verify(self, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
        """The token after each of `tokens`, int64 [n] to the same."""
        return (self._through(tokens, start, cache) @ self.unembedding).argmax(-1)

    def _through(self, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
        x = self.embed(tokens, start)
        for layer in range(self.shape.layers):
            x = self.layer(x, layer, start, cache)
        return x

    def embed(self, tokens: Tensor, start: int) -> Tensor:
        """int64 [n] at `start` to float32 [n, width]."""
        return self.embedding.index_select(0, tokens) + self.position[start : start + len(tokens)]

    def layer(self, x: Tensor, layer: int, start: int, cache: LayerCache) -> Tensor:
        """One layer, float32 [n, width] to the same: the indexer, then attention."""
        query, key = self.index(x, layer)
        keys = cache.append(Component.INDEX_KEYS, layer, start, key)
        bias = self.choose(query, keys, start)
        asked, new = self.project(x, layer)
        rows = cache.append(Component.KEYS_VALUES, layer, start, new)
        return self.attend(x, asked, rows, bias, layer)

    def index(self, x: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """What the indexer asks and is asked for, each float32 [n, index_dim]."""
        query, key = (x @ self.indexer[layer]).chunk(2, dim=-1)
        return query, key

    def choose(self, query: Tensor, keys: Tensor, start: int) -> Tensor:
        """What the indexer chooses of float32 [m, index_dim], as a bias of attention: float32
        [n, m], nothing for the best rows and minus infinity for the others."""
        shape, stop = self.shape, len(keys)
        causal = self.causal[start:stop, :stop]
        scores = query @ keys.T + causal
        worst = scores.topk(min(shape.chosen, stop)).values[:, -1:]
        return causal.masked_fill(scores < worst, float("-inf"))

    def project(self, x: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Queries, float32 [n, heads, head_dim], and keys and values, [n, 2, heads, head_dim]."""
        shape = self.shape
        projected = (x @ self.projection[layer]).view(len(x), 3, shape.heads, shape.head_dim)
        return projected[:, 0], projected[:, 1:]

    def attend(
        self, x: Tensor, query: Tensor, keys_values: Tensor, bias: Tensor, layer: int
    ) -> Tensor:
        """The layer's result from all keys and values, float32 [m, 2, heads, head_dim]."""
        keys, values = keys_values.unbind(1)
        weight = torch.einsum("nhd,mhd->hnm", query, keys) + bias
        mixed = torch.einsum("hnm,mhd->nhd", weight.softmax(-1), values)
        return torch.tanh(x / 4 + mixed.reshape(len(x), -1) @ self.output[layer])

    def token(self, x: Tensor) -> Tensor:
        """The most likely token after the last row; int64 []."""
        return (x[-1] @ self.unembedding).argmax()


def to_host(tokens: list[Tensor]) -> Tensor:
    """Queue a copy of tokens, int64 [] each, to pinned memory; int64 [n]."""
    result = torch.empty(len(tokens), dtype=torch.int64, pin_memory=True)
    return result.copy_(torch.stack(tokens), non_blocking=True)
