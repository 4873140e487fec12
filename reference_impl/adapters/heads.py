"""A model whose heads are in another order, as a node of another tensor-parallel size has them."""

from __future__ import annotations

from copy import copy

from reference_impl.attention import SmallModel


def with_heads_reversed(model: SmallModel) -> SmallModel:
    """The same model with its heads in the opposite order: the same tokens from a cache in another
    layout, which the decode node puts into its own."""
    made, shape = copy(model), model.shape
    layers, width, heads = shape.layers, shape.width, shape.heads
    by_head = model.projection.view(layers, width, 3, heads, shape.head_dim)
    made.projection = by_head.flip(3).reshape(layers, width, 3 * width)
    by_head = model.output.view(layers, heads, shape.head_dim, width)
    made.output = by_head.flip(1).reshape(layers, width, width)
    return made
