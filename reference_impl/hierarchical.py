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

from reference_impl.attention import LayerCache, Shape, SmallModel
from reference_impl.barriers import AsyncCacheLoad
from reference_impl.slot_pool import Paged, Slot, SlotPool

Prefix = tuple[int, ...]
Loaded = list[tuple[torch.cuda.Event, torch.cuda.Event]]
"""For each layer, the events behind its index keys and behind its keys and values."""


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
    """Pages in pinned host memory.

    index_keys: float32 [pages, layers, page_rows, index_dim]
    keys_values: float32 [pages, layers, page_rows, 2, heads, head_dim]
    holds: the prefix that a page can be hit for, if any
    """

    def __init__(self, shape: Shape, pages: int) -> None:
        rows = (pages, shape.layers, shape.page_rows)
        self.index_keys = torch.zeros(*rows, shape.index_dim).pin_memory()
        self.keys_values = torch.zeros(*rows, 2, shape.heads, shape.head_dim).pin_memory()
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
        self.computed = torch.cuda.Event()
        """What write-backs wait for."""
        self.last_forward = torch.cuda.Event()
        self.last_store = torch.cuda.Event()
        self._components = (
            (pool.index_keys, host.index_keys),
            (pool.keys_values, host.keys_values),
        )

    def submit(self, request: Request) -> None:
        """A request comes in; requests start in their order."""
        self.requests.append(request)

    def _next(self, stage: Stage) -> Request | None:
        return next((request for request in self.requests if request.stage is stage), None)

    def _synchronise(self) -> None:
        if self.on.host_synchronises:
            torch.cuda.synchronize()

    # The host tier.

    def prefetch(self, prefix: Prefix, index_keys: Tensor, keys_values: Tensor) -> bool:
        """Storage fills a host page: float32 [layers, n, index_dim] and [layers, n, 2, heads,
        head_dim] for the n rows of a prefix."""
        page = self._room(prefix)
        if page is None:
            return False
        self._synchronise()
        rows = len(prefix)
        self.host.index_keys[page, :, :rows] = index_keys
        self.host.keys_values[page, :, :rows] = keys_values
        self.host.holds[page] = prefix
        return True

    def _room(self, prefix: Prefix) -> int | None:
        """A host page for a prefix that has none: one that nobody uses, or whose prefix gives
        way."""
        if self.host.find(prefix) is not None:
            return None
        kept = {request.host_page for request in self.requests if self._keeps(request)}
        pages = [page for page in range(len(self.host.holds)) if page not in kept]
        # Of those, the first that is empty.
        page = min(pages, key=lambda page: self.host.holds[page] is not None, default=None)
        if page is not None:
            self.host.holds[page] = None
        return page

    def _keeps(self, request: Request) -> bool:
        """Whether the host page of a request has to stay what it is."""
        if request.stored is not None:
            return not request.store_is_seen
        loads = bool(request.loaded) and not request.load_is_seen
        return loads and self.on.host_page_rests_until_loaded

    # Requests.

    def admit(self) -> bool:
        """Give the next request its page, and queue its load if it has one."""
        request = self._next(Stage.WAITING)
        if request is None:
            return False
        host_page = self.host.find(request.prefix)
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
        self._synchronise()
        request.host_page, rows = host_page, len(request.prefix)
        if self.on.load_waits_for_forward:
            self.load.wait_event(self.last_forward)
        if self.on.load_waits_for_store:
            self.load.wait_event(self.last_store)
        with torch.cuda.stream(self.load):
            for layer in range(self.model.shape.layers):
                behind = []
                for device, host in self._components:
                    source = host[host_page, layer, :rows]
                    device[page, layer, :rows].copy_(source, non_blocking=True)
                    behind.append(self.load.record_event())
                request.loaded.append((behind[0], behind[1]))
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
            tokens = self._forward(request)
            request.result = torch.empty(request.count, dtype=torch.int64, pin_memory=True)
            request.result.copy_(torch.stack(tokens), non_blocking=True)
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
        host_page = self._room(request.prefix)
        if host_page is None:
            return False
        self._synchronise()
        request.host_page, rows = host_page, len(request.prefix)
        if self.on.store_waits_for_forward:
            self.store.wait_event(self.computed)
        # A copy engine that may read its source early is a stream of its own.
        with torch.cuda.stream(self.store if self.on.store_reads_in_stream_order else self.engine):
            for device, host in self._components:
                source = device[slot.pages[0], :, :rows]
                host[host_page, :, :rows].copy_(source, non_blocking=True)
        self.store.wait_stream(self.engine)
        request.stored = self.last_store = self.store.record_event()
        if not self.on.published_when_stored:
            self.host.holds[host_page] = request.prefix
        return True

    def release(self, request: Request) -> bool:
        """An earlier result says that a request has finished: its pages are for others."""
        return request.stage is Stage.LAUNCHED and self.abort(request)

    def abort(self, request: Request) -> bool:
        """Nobody wants a request any more; a load that no forward waits for is waited for here."""
        if request.stage is Stage.RELEASED:
            return False
        rests = []
        if request.stage is Stage.ADMITTED and request.loaded:
            rests.append(request.loaded[-1][1])
        if self.on.page_rests_until_computed and request.done is not None:
            rests.append(request.done)
        if self.on.page_rests_until_stored and request.stored is not None:
            rests.append(request.stored)
        if request.slot is not None:
            self.pool.give_back(request.slot, after=rests)
        request.stage = Stage.RELEASED
        return True

    def take_acks(self) -> bool:
        """Look for copies that are finished, and for pages that have rested long enough."""
        if not self.on.acks_taken_every_tick and self._next(Stage.WAITING) is None:
            return False
        before = self.pool.free
        self.pool.collect()
        seen = self.pool.free > before
        for request in self.requests:
            if request.loaded and not request.load_is_seen and request.loaded[-1][1].query():
                request.load_is_seen = seen = True
            if request.stored and not request.store_is_seen and request.stored.query():
                request.store_is_seen = seen = True
                assert request.host_page is not None
                if self.on.published_when_stored:
                    self.host.holds[request.host_page] = request.prefix
        return seen


class Restored(Paged):
    """Pages that a load may still be filling: each component of each layer is waited for."""

    def __init__(self, pool: SlotPool, slot: Slot, loaded: Loaded, on: AsyncCacheLoad) -> None:
        super().__init__(pool, slot)
        self._loaded, self._on = loaded, on

    def index_keys(self, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`."""
        if self._loaded and self._on.indexer_waits_for_load:
            torch.cuda.current_stream().wait_event(self._loaded[layer][0])
        return super().index_keys(layer, start, new)

    def keys_values(self, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`."""
        if self._loaded and self._on.attention_waits_for_load:
            torch.cuda.current_stream().wait_event(self._loaded[layer][1])
        return super().keys_values(layer, start, new)
