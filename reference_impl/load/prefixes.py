"""Prompts that begin alike: their pages are copied from the last time, and not computed again."""

from __future__ import annotations

from collections import Counter, OrderedDict

import torch
from torch import Tensor

from reference_impl.attention import LayerCache, SmallModel
from reference_impl.messages import Transfer
from reference_impl.prefill import PrefillNode, _Transfer
from reference_impl.slot_pool import Paged, Slot, SlotPool

Prompt = tuple[int, ...]


class WithPrefixes(SmallModel):
    """A model that keeps the pages of chunks that it has computed, each under all that is before
    it and in it; the one that was longest not used gives way.

    Everything is queued on the one stream of the prefill node, which keeps it in order.
    """

    def __init__(self, model: SmallModel, pages: int) -> None:
        self.shape, self.inner = model.shape, model
        self.kept = SlotPool(model.shape, pages)
        self.places: OrderedDict[Prompt, Slot] = OrderedDict()
        self.asked: Transfer | None = None
        self.rows = self.reused = 0
        """Prompt rows that were asked for, and those of them that were copied."""
        self.hits: Counter[int] = Counter()
        """Rows that were copied, by request."""

    def forward(self, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
        """As in `SmallModel`; for a chunk that is copied, the result means nothing: it is not the
        last of its prompt, and nobody asks what comes after it."""
        assert isinstance(cache, Paged)
        assert self.asked is not None
        prompt = self.asked.prompt
        stop, page = start + len(tokens), cache.pages[start // self.shape.page_rows]
        self.rows += len(tokens)
        if stop >= len(prompt):
            return self.inner.forward(tokens, start, cache)
        key = prompt[:stop]
        if key in self.places:
            self.reused += len(tokens)
            self.hits[self.asked.request] += len(tokens)
            self.places.move_to_end(key)
            self._copy(self.kept, self.places[key].pages[0], cache.pool, page)
            return tokens
        token = self.inner.forward(tokens, start, cache)
        if not self.kept.free:
            self.kept.give_back(self.places.popitem(last=False)[1])
        slot = self.kept.take(0, 1)
        assert slot is not None
        self.places[key] = slot
        self._copy(cache.pool, page, self.kept, slot.pages[0])
        return token

    def _copy(self, source: SlotPool, page: int, target: SlotPool, place: int) -> None:
        for mine, theirs in zip(source.regions(page), target.regions(place), strict=True):
            theirs.copy_(mine)


class ReusingPrefillNode(PrefillNode):
    """A prefill node whose `model` is told whose chunk it computes."""

    model: WithPrefixes

    def _compute(self, transfer: _Transfer) -> None:
        self.model.asked = transfer.asked
        super()._compute(transfer)

    def _record(self, transfer: _Transfer, token: Tensor) -> Tensor:
        """As in `PrefillNode`; a digest that no guard reads is not computed."""
        if self.on.record_carries_digest:
            return super()._record(transfer, token)
        tag = torch.tensor(transfer.asked.slot.generation, device="cuda")
        return torch.stack([tag, token, torch.zeros_like(tag)])
