"""Paged storage for keys, values and index keys, and who owns which page.

A *slot* is the pages of one request. A page has a generation, which counts how often it was given
out, so that what was meant for an earlier owner can be told from what is meant for this one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from reference_impl.attention import Component, Shape


@dataclass(frozen=True)
class Slot:
    """The pages of one owner, in the order of its rows, and the generation of the first."""

    owner: int
    pages: tuple[int, ...]
    generation: int


def storage(shape: Shape, pages: int, **where: Any) -> tuple[Tensor, Tensor]:
    """Memory for all layers, by component: index keys, float32 [pages, layers, page_rows,
    index_dim], and keys and values, float32 [pages, layers, page_rows, 2, heads, head_dim]."""
    rows = (pages, shape.layers, shape.page_rows)
    return (
        torch.zeros(*rows, shape.index_dim, **where),
        torch.zeros(*rows, 2, shape.heads, shape.head_dim, **where),
    )


class SlotPool:
    """`pages` pages of device memory; `components` as in `storage`.

    records: int64 [pages, 3], of the slot that begins with a page: the generation that it was
    written for, its first token, and the digest of its rows; of nobody at first

    `reuse` says which free page is given out next: the one that came back last ("lifo", which keeps
    caches warm and finds every early release at once) or first ("fifo").
    """

    def __init__(self, shape: Shape, pages: int, reuse: Literal["lifo", "fifo"] = "lifo") -> None:
        self.shape, self.reuse = shape, reuse
        self.components = self.index_keys, self.keys_values = storage(shape, pages, device="cuda")
        self.records = torch.zeros(pages, 3, dtype=torch.int64, device="cuda")
        self.generation = [0] * pages
        self.owner: list[int | None] = [None] * pages
        self._free = deque(range(pages))
        self._deferred: list[tuple[Slot, tuple[torch.cuda.Event, ...]]] = []

    @property
    def free(self) -> int:
        """Pages that may be taken now."""
        return len(self._free)

    def take(self, owner: int, count: int) -> Slot | None:
        """`count` pages for an owner, as they are; None while there are fewer."""
        self.collect()
        if len(self._free) < count:
            return None
        next_page = self._free.pop if self.reuse == "lifo" else self._free.popleft
        pages = tuple(next_page() for _ in range(count))
        for page in pages:
            self.generation[page] += 1
            self.owner[page] = owner
        return Slot(owner, pages, self.generation[pages[0]])

    def give_back(self, slot: Slot, after: Sequence[torch.cuda.Event] = ()) -> None:
        """The pages of a slot are free, or will be once the host sees all of `after` done.

        Raises `ValueError` for a slot that has been given back already.
        """
        if any(self.owner[page] != slot.owner for page in slot.pages):
            raise ValueError(f"slot {slot} has another owner by now")
        if after:
            self._deferred.append((slot, tuple(after)))
        else:
            for page in reversed(slot.pages):
                self.owner[page] = None
                self._free.append(page)

    def collect(self) -> None:
        """Look for deferred slots whose events are done."""
        waiting, self._deferred = self._deferred, []
        for slot, events in waiting:
            self.give_back(slot, [event for event in events if not event.query()])

    def regions(self, page: int) -> list[Tensor]:
        """The bytes of a page, as contiguous tensors: what a one-sided write fills."""
        return [rows[page] for rows in self.components]

    def digest(self, pages: Sequence[int]) -> Tensor:
        """A sum of the bits of some pages, whatever the order of their heads; int64 []."""
        parts = [part.view(torch.int32).sum() for page in pages for part in self.regions(page)]
        return torch.stack(parts).sum()


class Paged:
    """The cache of one request in the pages of its slot; a `LayerCache`."""

    def __init__(self, pool: SlotPool, slot: Slot) -> None:
        self.pool, self.pages = pool, slot.pages

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`: the new rows may lie in several pages, and all are gathered."""
        held, rows = self.pool.components[component], self.pool.shape.page_rows
        stop = start + len(new)
        for place in range(start // rows, -(-stop // rows)):
            first, last = max(start, place * rows), min(stop, (place + 1) * rows)
            page = held[self.pages[place], layer]
            page[first - place * rows : last - place * rows] = new[first - start : last - start]
        used = self.pages[: self.pool.shape.pages(stop)]
        return torch.cat([held[page, layer] for page in used])[:stop]
