"""The event log of a cache in two tiers, as `fencepost conform async_cache_load --log` reads it.

What the host decides is logged, and at the end what each restored request has read. When copies and
kernels ran nobody can see, so they are not logged. A request decodes one token and does not fork,
and there is one host page for each prompt, or one for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from reference_impl.adapters.logs.steps import Copied, Steps, after, around, same
from reference_impl.adapters.noted import COMPONENTS
from reference_impl.attention import Component, LayerCache
from reference_impl.hierarchical import Prefix, Request, Stage, TwoTierCache
from reference_impl.slot_pool import Slot

MODEL = "async_cache_load"
UNLOGGED = ("load_index_keys", "load_kv", "score", "attend", "store")
Rows = Sequence[Tensor]
"""The rows of a prefix by component, each [layers, n, ...]."""


class TwoTierSteps:
    """Takes down the steps of a cache; `right` has for each prefix what the oracle has."""

    def __init__(self, cache: TwoTierCache, right: Mapping[Prefix, Rows]) -> None:
        self.cache, self.right = cache, right
        self.steps = Steps()
        self.prompts = list(right)
        self.pages: dict[int, int] = {}
        """The device page of each request."""
        self._read: dict[int, list[tuple[Component, int, Tensor]]] = {}
        self._launched: set[int] = set()
        take = self.steps.take
        after(cache, "prefetch", lambda prefix, *_: take("prefetch", prompt=self._prompt(prefix)))
        after(cache, "admit", self._admitted)
        after(cache, "launch", self._was_launched)
        after(cache, "back_up", lambda request: take("back_up", request=request.number))
        after(cache, "see", self._saw)
        after(cache.pool, "give_back", self._given_back)
        around(cache, "cache_of", self._noted)
        around(cache, "evict", self._evicts)

    def _prompt(self, prefix: Prefix) -> int:
        return self.prompts.index(prefix)

    def _evicts(self, original: Callable[[Request], bool], request: Request) -> bool:
        before = list(self.cache.host.holds)
        did = original(request)
        for held, holds in zip(before, self.cache.host.holds, strict=True):
            if held is not None and holds is None:
                self.steps.take("evict", prompt=self._prompt(held))
        return did

    def _admitted(self) -> None:
        for request in self.cache.requests:
            if request.stage is Stage.ADMITTED and request.number not in self.pages:
                assert request.slot is not None
                self.pages[request.number] = request.slot.pages[0]
                self.steps.take("restore" if request.loaded else "admit", request=request.number)

    def _was_launched(self) -> None:
        for request in self.cache.requests:
            if request.stage is Stage.LAUNCHED and request.number not in self._launched:
                self._launched.add(request.number)
                self.steps.take("launch", request=request.number)

    def _saw(self, request: Request) -> None:
        self.steps.take("see_load" if request.loaded else "see_store", request=request.number)

    def _given_back(self, slot: Slot) -> None:
        self.steps.take("release", request=slot.owner)

    def _noted(self, original: Callable[[Request], LayerCache], request: Request) -> LayerCache:
        read = self._read.setdefault(request.number, [])
        return Copied(original(request), lambda *what: read.append(what))

    def write(self, path: Path, design: str) -> None:
        """The log of a run that is over."""
        requests, host = self.cache.requests, self.cache.host
        pages = list(dict.fromkeys(self.pages[request.number] for request in requests))
        every = range(len(self.prompts))
        first = {f"prompt[{r.number}]": self._prompt(r.prefix) for r in requests}
        first |= {f"page[{r.number}]": pages.index(self.pages[r.number]) for r in requests}
        first |= {f"host_page[{p}]": min(p, len(host.holds) - 1) for p in every}
        restored = [request for request in requests if request.loaded]
        self.steps.write(
            path,
            MODEL,
            design,
            sizes={
                "requests": len(requests),
                "prompts": len(self.prompts),
                "pages": len(pages),
                "host_pages": len(host.holds),
                "layers": self.cache.model.shape.layers,
            },
            unlogged=UNLOGGED,
            first=first,
            last={f"misread[{r.number}]": self._misread(r) for r in restored},
        )

    def _misread(self, request: Request) -> str:
        """What a request has read first that was not its own."""
        rows = len(request.prefix)
        for component, layer, found in self._read[request.number]:
            if not same(found[:rows], self.right[request.prefix][component][layer]):
                return COMPONENTS[component].upper()
        return "NOTHING"
