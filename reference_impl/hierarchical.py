"""A cache in two tiers: pages of device memory, and pinned host memory that they come back from.

A request has a *prefix*, whose rows may lie on a host page, and goes on from there. If they do it
is *restored*: a load stream copies them to a device page, layer by layer and component by
component, while the compute stream already works on the layers that have arrived. Else it is
*computed*, and its page may be *backed up* by a write-back stream. The host runs ahead of all of
them: it queues, polls events, and gives pages on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import torch
from torch import Tensor

from reference_impl.attention import Component, LayerCache, Shape, SmallModel, to_host
from reference_impl.barriers import AsyncCacheLoad
from reference_impl.slot_pool import Paged, Slot, SlotPool, storage

Prefix = tuple[int, ...]
Loaded = list[list[torch.cuda.Event]]
"""For each layer, the event behind each of its components."""


class Stage(IntEnum):
    """How far the host has brought a request."""

    WAITING, ADMITTED, LAUNCHED, RELEASED = range(4)


@dataclass
class Request:
    """A prefix, the token after it, and how many tokens are asked for.

    A request that `forks` decodes on a copy of the restored page, as one of several answers does.
    `result` is int64 [count] in pinned memory, there when `done` is.
    """

    number: int
    prefix: Prefix
    last: int
    count: int
    forks: bool = False
    stage: Stage = Stage.WAITING
    slot: Slot | None = None
    host_page: int | None = None
    loaded: Loaded = field(default_factory=list)
    stored: torch.cuda.Event | None = None
    done: torch.cuda.Event | None = None
    result: Tensor | None = None
    load_is_seen: bool = False
    store_is_seen: bool = False

    def __post_init__(self) -> None:
        self.ids = torch.tensor([*self.prefix, self.last]).pin_memory()

    @property
    def tokens(self) -> list[int] | None:
        """What was generated, once the host sees that it is there."""
        if self.result is None or self.done is None or not self.done.query():
            return None
        found: list[int] = self.result.tolist()
        return found


class HostTier:
    """Pages in pinned host memory; `components` as in `storage`, and `holds` the prefix that a page
    can be hit for, if any."""

    def __init__(self, shape: Shape, pages: int) -> None:
        self.components = self.index_keys, self.keys_values = storage(shape, pages, pin_memory=True)
        self.holds: list[Prefix | None] = [None] * pages

    def find(self, prefix: Prefix) -> int | None:
        """The page that can be hit for a prefix."""
        return self.holds.index(prefix) if prefix in self.holds else None


class TwoTierCache:
    """Both tiers, their three streams, and the scheduler's decisions about them.

    Each method does one thing if it can, and says whether it did.
    """

    def __init__(
        self, model: SmallModel, pool: SlotPool, host: HostTier, on: AsyncCacheLoad
    ) -> None:
        self.model, self.pool, self.host, self.on = model, pool, host, on
        self.compute, self.load, self.store, self.engine = (torch.cuda.Stream() for _ in range(4))
        self.requests: list[Request] = []
        self.computed, self.last_forward, self.last_store = (torch.cuda.Event() for _ in range(3))
        """What write-backs wait for, and what loads wait for before they write a page."""
        self._components = tuple(zip(pool.components, host.components, strict=True))

    def submit(self, request: Request) -> None:
        """A request comes in; requests start in their order."""
        self.requests.append(request)

    def _next(self, stage: Stage) -> Request | None:
        return next((request for request in self.requests if request.stage is stage), None)

    def _synchronise(self) -> None:
        if self.on.host_synchronises:
            torch.cuda.synchronize()

    # The host tier.

    def prefetch(self, prefix: Prefix, *components: Tensor) -> bool:
        """Storage fills an empty host page with a prefix that a request waits for: its n rows of
        each component, [layers, n, ...]."""
        self._synchronise()
        page = self._empty_page(prefix)
        waits = any(r.stage is Stage.WAITING and r.prefix == prefix for r in self.requests)
        if page is None or not waits:
            return False
        for host, rows in zip(self.host.components, components, strict=True):
            host[page, :, : len(prefix)] = rows
        self.host.holds[page] = prefix
        return True

    def evict(self, request: Request) -> bool:
        """A prefix gives way to that of a request which is not over, in the books."""
        if request.stage is Stage.RELEASED or self._empty_page(request.prefix) is not None:
            return False
        for page, held in enumerate(self.host.holds):
            if held not in (None, request.prefix) and not self._is_kept(page):
                self.host.holds[page] = None
                return True
        return False

    def _empty_page(self, prefix: Prefix) -> int | None:
        """A host page that nobody uses, for a prefix that has none."""
        if self.host.find(prefix) is not None:
            return None
        pages = enumerate(self.host.holds)
        return next((n for n, held in pages if held is None and not self._is_kept(n)), None)

    def _is_kept(self, page: int) -> bool:
        """Whether a host page has to stay what it is, for a copy that was not seen to end."""
        users = [request for request in self.requests if request.host_page == page]
        stores = any(r.stored and not r.store_is_seen for r in users)
        loads = any(r.loaded and not r.load_is_seen for r in users)
        return stores or (loads and self.on.host_page_rests_until_loaded)

    # Requests.

    def admit(self) -> bool:
        """Give the next request its page, and queue its load if it has one."""
        request = self._next(Stage.WAITING)
        if request is None:
            return False
        host_page = self.host.find(request.prefix)
        if host_page is not None:
            self._synchronise()
        self._free_rested()
        forks = request.forks and host_page is not None
        slot = self.pool.take(request.number, 2 if forks else 1)
        if slot is None:
            return False
        request.slot, request.stage, request.forks = slot, Stage.ADMITTED, forks
        if host_page is not None:
            self._restore(request, slot.pages[0], host_page)
        return True

    def _restore(self, request: Request, page: int, host_page: int) -> None:
        """Queue the load of a prefix, with an event behind each component of each layer."""
        request.host_page, rows = host_page, len(request.prefix)
        if self.on.load_waits_for_forward:
            self.load.wait_event(self.last_forward)
        if self.on.load_waits_for_store:
            self.load.wait_event(self.last_store)
        with torch.cuda.stream(self.load):
            for layer in range(self.model.shape.layers):
                request.loaded.append([])
                for device, host in self._components:
                    source = host[host_page, layer, :rows]
                    device[page, layer, :rows].copy_(source, non_blocking=True)
                    request.loaded[layer].append(self.load.record_event())
        if not self.on.event_of_one_stream:
            self.computed.record(self.load)

    def launch(self) -> bool:
        """Queue the whole forward of the next request, and the copy of its result."""
        request = self._next(Stage.ADMITTED)
        if request is None:
            return False
        if self.on.launch_waits_for_load and request.loaded and not request.load_is_seen:
            return False
        self._synchronise()
        request.stage = Stage.LAUNCHED
        if self.on.forward_waits_for_store:
            self.compute.wait_event(self.last_store)
        with torch.cuda.stream(self.compute):
            if request.forks:
                self._fork(request)
            request.result = to_host(self._forward(request))
        request.done = self.last_forward = self.compute.record_event()
        self.computed.record(self.compute)
        return True

    def _fork(self, request: Request) -> None:
        """Copy all layers of the restored page at once."""
        assert request.slot is not None
        if self.on.fork_waits_for_first_layer:
            self.compute.wait_event(request.loaded[0][1])
        if self.on.fork_waits_for_last_layer:
            self.compute.wait_event(request.loaded[-1][1])
        page, branch = request.slot.pages
        for device, _ in self._components:
            device[branch].copy_(device[page])

    def _forward(self, request: Request) -> list[Tensor]:
        ids = request.ids.to("cuda", non_blocking=True)
        cache, length = self.cache_of(request), len(request.prefix)
        if not request.loaded:
            self.model.forward(ids[:length], 0, cache)
        tokens = [self.model.forward(ids[length:], length, cache)]
        while len(tokens) < request.count:
            token = tokens[-1].reshape(1)
            tokens.append(self.model.forward(token, length + len(tokens), cache))
        return tokens

    def cache_of(self, request: Request) -> LayerCache:
        """The pages that a request reads and appends to."""
        slot = request.slot
        assert slot is not None
        if request.forks:
            return Paged(self.pool, Slot(request.number, slot.pages[1:], 0))
        return Restored(self.pool, slot, request.loaded, self.on)

    def back_up(self, request: Request) -> bool:
        """Queue the write-back of a computed page, whether or not its forward has run yet."""
        slot = request.slot
        if request.stage is not Stage.LAUNCHED or slot is None or request.loaded or request.stored:
            return False
        self._synchronise()
        host_page = self._empty_page(request.prefix)
        if host_page is None:
            return False
        request.host_page, rows = host_page, len(request.prefix)
        if self.on.store_waits_for_forward:
            self.store.wait_event(self.computed)
        # A copy engine that may read its source early is a stream of its own.
        stream = self.store if self.on.store_reads_in_stream_order else self.engine
        with torch.cuda.stream(stream):
            for device, host in self._components:
                source = device[slot.pages[0], :, :rows]
                host[host_page, :, :rows].copy_(source, non_blocking=True)
        request.stored = self.last_store = stream.record_event()
        if not self.on.published_when_stored:
            self.host.holds[host_page] = request.prefix
        return True

    def release(self, request: Request) -> bool:
        """An earlier result says that a request has finished: its pages are for others."""
        return request.stage is Stage.LAUNCHED and self.abort(request)

    def abort(self, request: Request) -> bool:
        """Nobody wants a request any more."""
        if request.stage is Stage.RELEASED:
            return False
        request.stage = Stage.RELEASED
        self._free_rested()
        return True

    def _free_rested(self) -> bool:
        """Give back the pages of released requests, once they have rested long enough."""
        free = self.pool.free
        for request in self.requests:
            if request.slot and request.stage is Stage.RELEASED and self._has_rested(request):
                self.pool.give_back(request.slot)
                request.slot = None
        return self.pool.free > free

    def _has_rested(self, request: Request) -> bool:
        """Whether what its pages have to rest for was seen to end: also a load that no forward
        waits for."""
        if request.done is None:
            return not request.loaded or request.loaded[-1][1].query()
        if self.on.page_rests_until_stored and request.stored and not request.store_is_seen:
            return False
        return not self.on.page_rests_until_computed or request.done.query()

    def take_acks(self) -> bool:
        """Look for copies that are finished, and for pages that have rested long enough."""
        seen = [self.see(request) for request in self.requests]
        return any([*seen, self._acks_are_taken and self._free_rested()])

    @property
    def _acks_are_taken(self) -> bool:
        return self.on.acks_taken_every_tick or self._next(Stage.WAITING) is not None

    def see(self, request: Request) -> bool:
        """See that the load or the write-back of a request is finished."""
        if not self._acks_are_taken:
            return False
        if request.loaded and not request.load_is_seen and request.loaded[-1][1].query():
            request.load_is_seen = True
            return True
        if request.stored and not request.store_is_seen and request.stored.query():
            request.store_is_seen = True
            assert request.host_page is not None
            if self.on.published_when_stored:
                self.host.holds[request.host_page] = request.prefix
            return True
        return False


class Restored(Paged):
    """Pages that a load may still be filling: each component of each layer is waited for."""

    def __init__(self, pool: SlotPool, slot: Slot, loaded: Loaded, on: AsyncCacheLoad) -> None:
        super().__init__(pool, slot)
        self._loaded = loaded
        self._waits = on.indexer_waits_for_load, on.attention_waits_for_load

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`."""
        if self._loaded and self._waits[component]:
            torch.cuda.current_stream().wait_event(self._loaded[layer][component])
        return super().append(component, layer, start, new)
