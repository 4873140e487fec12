"""The cache in two tiers as an implementation of `models/async_cache_load.py`.

Which prompt a request asks for, and which device page it gets, is as the model starts; there is one
host page. A forward decodes one token, so it is one round.

A release that would let its page rest is undone and refused: the model decides it and gives the
page away in one step. A fork decodes from a page of its own, which nobody else can get here; it
waits for the load as the model has it, though it does not read what is loaded.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor

from fencepost import Adapter, Refused
from fencepost.streams import virtual_cuda
from fencepost.streams.policies import HostWaits, WhenTold
from reference_impl.adapters.bindings import Bindings
from reference_impl.adapters.fused import weights
from reference_impl.adapters.fused_layers import FusedLayers
from reference_impl.adapters.noted import COMPONENTS, Noted
from reference_impl.adapters.parts import Parts
from reference_impl.adapters.prefixes import LAST, ROWS, expected, shape_of
from reference_impl.adapters.virtual import bytes_of, newest_record
from reference_impl.attention import LayerCache
from reference_impl.barriers import AsyncCacheLoad
from reference_impl.hierarchical import HostTier, Request, Stage, TwoTierCache
from reference_impl.slot_pool import SlotPool

SPARE = -1
"""The owner of pages that only a fork may get."""


class TwoTiers(Adapter):
    """The cache, with an observer who knows what the oracle has for every prompt."""

    device = "virtual"
    sizes = {"requests": 2, "prompts": 2, "pages": 1, "host_pages": 1, "layers": 1}  # noqa: RUF012

    def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
        self.layers, self.pages = sizes["layers"], sizes["pages"]
        self.prompts = [
            tuple((3 * p + i + 1) % 11 for i in range(ROWS)) for p in range(sizes["prompts"])
        ]
        self.right = [
            {name: rows.numpy() for name, rows in expected(prompt, self.layers).items()}
            for prompt in self.prompts
        ]
        shape, requests = shape_of(self.layers), sizes["requests"]
        host_model = weights(shape)
        self._context = ExitStack()
        self.policy = WhenTold()
        self.virtual = self._context.enter_context(virtual_cuda(policy=self.policy))
        model = FusedLayers(self.virtual, host_model)
        pool = SlotPool(shape, self.pages + requests)
        host = HostTier(shape, sizes["host_pages"])
        made = self.cache = _NotingCache(self, model, pool, host, AsyncCacheLoad.on(barriers))
        torch.cuda.synchronize()
        self.policy.free = False
        self.load = Parts(self.virtual, self.policy, made.load)
        self.compute = Parts(self.virtual, self.policy, made.compute)
        self.store = Parts(self.virtual, self.policy, made.store, made.engine)
        self.on_device, self.on_host = (
            {
                "index_keys": bytes_of(self.virtual, tier.index_keys),
                "kv": bytes_of(self.virtual, tier.keys_values),
            }
            for tier in (pool, host)
        )
        self.page: dict[int, int] = {}
        self.branch: dict[int, int] = {}
        self.reads: dict[tuple[int, str, int], Tensor] = {}
        self.misread: dict[int, str] = {}
        self.nobodys: set[Hashable] = set()
        """What the model has as nobody's: components of pages whose rows are one request's and its
        new row another's, host pages with what another stored, and what was loaded from these."""
        self.unsure: set[Hashable] = set()
        """Cells that the model has in another state for being coarser, and requests that read them:
        a fork that goes on in its page, a sound half of a host page that is nobody's, and rows of
        one request in which another's new row lay until it wrote its own."""
        self.bindings = Bindings()

    def start_in(self, state: Mapping[str, object]) -> None:
        """As in `Adapter`."""
        self.asks, self.at = (cast("dict[int, int]", state[name]) for name in ("prompt", "page"))
        for number, prompt in self.asks.items():
            self.cache.submit(Request(number, self.prompts[prompt], LAST, 1, forks=True))

    def close(self) -> None:
        """Nothing more happens on the device."""
        self.policy.free = True
        self._context.close()

    # Steps.

    def perform(self, action: str, **arguments: int) -> None:
        """Take a step; a host that would have to wait does not take it now."""
        for parts in (self.load, self.compute, self.store):
            parts.settle()
        try:
            taken = getattr(self, f"_{action}")(**arguments)
        except HostWaits:
            taken = False
        if not taken:
            raise Refused

    def _prefetch(self, prompt: int) -> bool:
        prefix = self.prompts[prompt]
        taken = self.cache.prefetch(prefix, *expected(prefix, self.layers).values())
        self.nobodys.discard(("host", self.cache.host.find(prefix) if taken else None))
        return taken

    def _evict(self, prompt: int) -> bool:
        held = self.cache.host.find(self.prompts[prompt]) is not None
        return held and any(self.cache.evict(request) for request in self.cache.requests)

    def _admit(self, request: int) -> bool:
        return self._is_next(request, on_host=False) and self._take_page(request)

    def _restore(self, request: int) -> bool:
        before = self.load.queues[0].end()
        if not (self._is_next(request, on_host=True) and self._take_page(request)):
            return False
        made = self.cache.requests[request]
        parts = [(c, request, layer) for layer in range(self.layers) for c in COMPONENTS]
        marks = [newest_record(event) for events in made.loaded for event in events]
        for part, mark in zip(parts[:-1], marks, strict=False):
            self.load.end_at(part, mark)
        self.load.end(parts[-1])
        self.bindings.end(marks[-1], "load", request, newest_record(self.cache.computed))
        ends = {"forward": "load_after_forward", "store": "load_after_store"}
        self.bindings.bind(self.load, before, request, ends)
        return True

    def _is_next(self, request: int, *, on_host: bool) -> bool:
        waiting = [r for r in self.cache.requests if r.stage is Stage.WAITING]
        is_first = bool(waiting) and waiting[0].number == request
        return is_first and (self.cache.host.find(waiting[0].prefix) is not None) == on_host

    def _take_page(self, request: int) -> bool:
        """Admit the next request; only a page that the model has is free for it, and one for its
        fork."""
        pool = self.cache.pool
        held = [slot for _ in range(pool.free) if (slot := pool.take(SPARE, 1)) is not None]
        own = [slot for slot in held if slot.pages[0] == self.at[request]]
        lent = [slot for slot in held if slot.pages[0] >= self.pages][:1] + own
        for slot in lent:
            pool.give_back(slot)
        try:
            taken = bool(own) and self.cache.admit()
        finally:
            for slot in [each for each in held if each not in lent]:
                pool.give_back(slot)
        slot = self.cache.requests[request].slot
        if taken and slot is not None:
            self.page[request], self.branch[request] = slot.pages[0], slot.pages[-1]
        return taken

    def _launch(self, request: int) -> bool:
        return self._queue_forward(request, forks=False)

    def _launch_fork(self, request: int) -> bool:
        return self._queue_forward(request, forks=True)

    def _queue_forward(self, request: int, *, forks: bool) -> bool:
        made = self.cache.requests[request]
        admitted = [r for r in self.cache.requests if r.stage is Stage.ADMITTED]
        if not admitted or admitted[0] is not made or (forks and not made.loaded):
            return False
        before, made.forks = self.compute.queues[0].end(), forks
        if not self.cache.launch():
            made.forks = True
            return False
        assert made.done is not None
        self.compute.end(("kv", request, self.layers - 1))
        recorded = newest_record(self.cache.computed)
        self.bindings.end(newest_record(made.done), "forward", request, recorded)
        self.bindings.bind(self.compute, before, request, {"store": "forward_after_store"})
        return True

    def _back_up(self, request: int) -> bool:
        before = self.store.queues[0].end()
        made = self.cache.requests[request]
        if not self.cache.back_up(made) or made.stored is None:
            return False
        self.store.end_at(request, newest_record(made.stored))
        self.bindings.end(newest_record(made.stored), "store", request)
        ends = {"forward": "store_after_forward", "load": "store_after_load"}
        self.bindings.bind(self.store, before, request, ends)
        return True

    def _release(self, request: int) -> bool:
        made = self.cache.requests[request]
        released = self.cache.release(made)
        if released and made.slot is not None:
            made.stage = Stage.LAUNCHED
        return released and made.slot is None

    def _see_load(self, request: int) -> bool:
        made = self.cache.requests[request]
        return bool(made.loaded) and self.cache.see(made)

    def _see_store(self, request: int) -> bool:
        made = self.cache.requests[request]
        return made.stored is not None and self.cache.see(made)

    def _load_index_keys(self, request: int, layer: int) -> bool:
        return self._load("index_keys", request, layer)

    def _load_kv(self, request: int, layer: int) -> bool:
        return self._load("kv", request, layer)

    def _load(self, component: str, request: int, layer: int) -> bool:
        if not self.load.perform((component, request, layer)):
            return False
        cell = (component, self.page[request], layer)
        self.nobodys.discard(cell)
        self.unsure.discard(cell)
        host_page = self.cache.requests[request].host_page or 0
        if ("host", host_page) in self.nobodys:
            self.nobodys.add(cell)
        elif self._owner_on_host(host_page) is None and self._owner(*cell) is not None:
            self.unsure.add(cell)
        return True

    def _copy_fork(self, request: int) -> bool:
        if not self.compute.perform(("fork", request)):
            return False
        own = self.asks[request]
        page = self.branch[request]
        cells = list(product(COMPONENTS, range(self.layers)))
        if any(self._owner(c, page, n) != own for c, n in cells):
            self.misread.setdefault(request, "FORK")
        elif any((c, self.page[request], n) in self.unsure | self.nobodys for c, n in cells):
            self.unsure.add(request)
        return True

    def _score(self, request: int, layer: int) -> bool:
        return self._kernel("index_keys", request, layer)

    def _attend(self, request: int, layer: int) -> bool:
        return self._kernel("kv", request, layer)

    def _kernel(self, component: str, request: int, layer: int) -> bool:
        made, part = self.cache.requests[request], (component, request, layer)
        awaited = self.cache.on.indexer_waits_for_load, self.cache.on.attention_waits_for_load
        if made.forks and awaited[COMPONENTS.index(component)] and part not in self.load.done:
            return False
        if not self.compute.perform(part):
            return False
        own, cell = self.asks[request], (component, self.page[request], layer)
        if made.forks or cell in self.unsure:
            if self._owner(*cell) != own or cell in self.unsure:
                self.unsure |= {cell, request}
            return True
        was_nobodys = cell in self.nobodys
        self.nobodys.discard(cell)
        rows = bytes_of(self.virtual, self.reads[request, component, layer])
        if made.loaded and not self._is_of(own, component, layer, rows):
            if request not in self.unsure:
                self.misread.setdefault(request, component.upper())
            self.nobodys.add(cell)
        elif made.loaded and was_nobodys:
            self.unsure |= {cell, request}
        return True

    def _store(self, request: int) -> bool:
        if not self.store.perform(request):
            return False
        page = self.cache.requests[request].host_page
        assert page is not None
        self.nobodys.discard(("host", page))
        if self._owner_on_host(page) not in (None, self.asks[request]):
            self.nobodys.add(("host", page))
        return True

    # What is queued.

    def reached(self, request: Request, component: str, layer: int) -> None:
        """Called while a forward is queued, where the indexer and the attention of a layer begin:
        what was queued before belongs to the step before."""
        number = request.number
        if component == "kv":
            self.compute.end(("index_keys", number, layer))
        elif layer:
            self.compute.end(("kv", number, layer - 1))
        elif request.forks:
            self.compute.end(("fork", number))

    # What is seen.

    def observe(self) -> Mapping[str, object]:
        """Pages by whose bytes they hold, streams by what is done and what waits were bound to."""
        requests, host = self.cache.requests, self.cache.host
        numbers = range(len(requests))
        each = [(r, layer) for r in numbers for layer in range(self.layers)]
        cells = [(p, layer) for p in range(self.pages) for layer in range(self.layers)]
        recorded = self.bindings.behind(newest_record(self.cache.computed))
        return {
            "prompt": [self.asks[r] for r in numbers],
            "page": dict(self.page),
            "stage": [request.stage for request in requests],
            "cached": [None if h is None else self.prompts.index(h) for h in host.holds],
            "restored": [bool(request.loaded) for request in requests],
            "backed_up": [request.stored is not None for request in requests],
            "load_seen": [request.load_is_seen for request in requests],
            "store_seen": [request.store_is_seen for request in requests],
            "host_bytes": [self._owner_on_host(page) for page in range(len(host.holds))],
            **{
                component: {
                    cell: self._owner(component, *cell)
                    for cell in cells
                    if (component, *cell) not in self.unsure
                }
                for component in COMPONENTS
            },
            "index_keys_loaded": {c: ("index_keys", *c) in self.load.done for c in each},
            "kv_loaded": {c: ("kv", *c) in self.load.done for c in each},
            "fork": [self._fork_of(request) for request in requests],
            "scored": {c: ("index_keys", *c) in self.compute.done for c in each},
            "attended": {c: ("kv", *c) in self.compute.done for c in each},
            "stored": [number in self.store.done for number in numbers],
            "misread": {
                n: self.misread.get(n, "NOTHING")
                for n in numbers
                if n in self.misread or n not in self.unsure
            },
            "last_forward": self.bindings.behind(newest_record(self.cache.last_forward))[1],
            "last_store": self.bindings.behind(newest_record(self.cache.last_store))[1],
            "event_behind_forward": recorded[1] if recorded[0] == "forward" else None,
            "event_behind_load": recorded[1] if recorded[0] == "load" else None,
            **{
                name: self.bindings.of(name, numbers)
                for name in (
                    "load_after_forward",
                    "load_after_store",
                    "forward_after_store",
                    "store_after_forward",
                    "store_after_load",
                )
            },
        }

    def _fork_of(self, request: Request) -> str:
        if not (request.forks and request.done is not None):
            return "NO"
        return "DONE" if ("fork", request.number) in self.compute.done else "QUEUED"

    def _owner(self, component: str, page: int, layer: int) -> int | None:
        """The prompt whose rows lie in a layer of a device page, if they are one prompt's."""
        if (component, page, layer) in self.nobodys:
            return None
        return self._prompt_of(component, layer, self.on_device[component][page, layer])

    def _owner_on_host(self, page: int) -> int | None:
        """The prompt whose rows lie in all of a host page, if they are one prompt's."""
        if ("host", page) in self.nobodys:
            return None
        found = {
            self._prompt_of(component, layer, self.on_host[component][page, layer])
            for component in COMPONENTS
            for layer in range(self.layers)
        }
        return found.pop() if len(found) == 1 else None

    def _prompt_of(self, component: str, layer: int, rows: Any) -> int | None:
        prompts = range(len(self.prompts))
        return next((p for p in prompts if self._is_of(p, component, layer, rows)), None)

    def _is_of(self, prompt: int, component: str, layer: int, rows: Any) -> bool:
        right = self.right[prompt][component][layer]
        return bool(abs(rows[:ROWS] - right).max() < 1e-4)


class _NotingCache(TwoTierCache):
    """A cache that tells where the parts of a forward begin, and keeps what they read first."""

    def __init__(self, adapter: TwoTiers, *made: object) -> None:
        super().__init__(*made)  # type: ignore[arg-type]  # what the cache is made of, as given
        self._adapter = adapter

    def cache_of(self, request: Request) -> LayerCache:
        """As in `TwoTierCache`."""
        adapter, number = self._adapter, request.number

        def begin(component: str, layer: int) -> None:
            if (number, component, layer) not in adapter.reads:
                adapter.reached(request, component, layer)

        def keep(component: str, layer: int, rows: Tensor) -> None:
            adapter.reads.setdefault((number, component, layer), rows)

        return Noted(super().cache_of(request), keep, begin)
