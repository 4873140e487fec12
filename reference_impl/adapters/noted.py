"""Caches that an observer listens to: which layer is used, and which rows come of it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from reference_impl.attention import Component, LayerCache

COMPONENTS = ("index_keys", "kv")
"""What a layer has, as the models name it: the indexer's keys, and keys and values."""


class Noted:
    """A `LayerCache` that is another one, and says so: `begin` is called with a component and a
    layer before they are used, and `keep` with the rows besides, once these are queued to be read.
    """

    def __init__(
        self,
        inner: LayerCache,
        keep: Callable[[str, int, Tensor], object],
        begin: Callable[[str, int], object] = lambda _component, _layer: None,
    ) -> None:
        self._inner, self._keep, self._begin = inner, keep, begin

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`."""
        self._begin(COMPONENTS[component], layer)
        rows = self._inner.append(component, layer, start, new)
        self._keep(COMPONENTS[component], layer, rows)
        return rows
