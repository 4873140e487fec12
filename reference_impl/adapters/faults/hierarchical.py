"""Seeded faults of the cache in two tiers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from reference_impl.adapters.faults.fault import faults_of, replacing
from reference_impl.attention import LayerCache
from reference_impl.hierarchical import Request, TwoTierCache


def _with(components: Any, original: Any, self: TwoTierCache, *arguments: Any) -> Any:
    """The method as it is, over other memory."""
    kept = self._components
    self._components = tuple(components(device, host) for device, host in kept)
    try:
        return original(self, *arguments)
    finally:
        self._components = kept


def _load_the_next_layer(original: Any, self: TwoTierCache, *arguments: Any) -> None:
    _with(lambda device, host: (device, host.roll(1, dims=1)), original, self, *arguments)


def _index_keys_go_elsewhere(original: Any, self: TwoTierCache, *arguments: Any) -> None:
    elsewhere = torch.empty_like(self.pool.index_keys)
    held = {id(self.pool.index_keys): elsewhere}
    _with(lambda device, host: (held.get(id(device), device), host), original, self, *arguments)


def _next_host_page(
    original: Any, self: TwoTierCache, request: Request, page: int, host_page: int
) -> None:
    original(self, request, page, (host_page + 1) % len(self.host.holds))


def _forget_host_page(original: Any, self: TwoTierCache, request: Request, *where: int) -> None:
    original(self, request, *where)
    request.host_page = None


def _store_without_the_last_layer(original: Any, self: TwoTierCache, request: Request) -> Any:
    return _with(lambda device, host: (device[:, :-1], host[:, :-1]), original, self, request)


def _store_only_kv(original: Any, self: TwoTierCache, request: Request) -> Any:
    kept = self._components
    self._components = kept[1:]
    try:
        return original(self, request)
    finally:
        self._components = kept


def _launch_and_keep_the_event(original: Any, self: TwoTierCache) -> Any:
    early = self.compute.record_event()
    done = original(self)
    if done:
        self.computed = early
    return done


def _launch_and_keep_the_last(original: Any, self: TwoTierCache) -> Any:
    last = self.last_forward
    done = original(self)
    if any(r.done is not None and r.number for r in self.requests):
        self.last_forward = last
    return done


def _wait_for_the_layer_before(original: Any, self: TwoTierCache, request: Request) -> LayerCache:
    loaded = request.loaded
    request.loaded = [*loaded[:1], *loaded[:-1]]
    made: LayerCache = original(self, request)
    request.loaded = loaded
    return made


def _wait_for_index_keys_only(original: Any, self: TwoTierCache, request: Request) -> LayerCache:
    loaded = request.loaded
    request.loaded = [[index, index] for index, _ in loaded]
    made: LayerCache = original(self, request)
    request.loaded = loaded
    return made


def _fork_without_index_keys(original: Any, self: TwoTierCache, request: Request) -> None:
    kept = self._components
    self._components = kept[1:]
    try:
        original(self, request)
    finally:
        self._components = kept


def _kept_until_the_first_copy(original: Any, self: TwoTierCache, page: int) -> Any:
    loads = [r for r in self.requests if r.host_page == page and r.loaded and not r.load_is_seen]
    return original(self, page) and not any(r.loaded[0][0].query() for r in loads)


def _ack_all_loads(original: Any, self: TwoTierCache, request: Request) -> Any:
    seen = original(self, request)
    if seen and request.loaded:
        for other in self.requests:
            other.load_is_seen = True
    return seen


def _publish_for_another(original: Any, self: TwoTierCache, request: Request) -> Any:
    seen = original(self, request)
    if seen and request.stored is not None and request.host_page is not None:
        other = next((r for r in self.requests if r.prefix != request.prefix), request)
        self.host.holds[request.host_page] = other.prefix
    return seen


def _free_and_remember(original: Any, self: TwoTierCache) -> Any:
    slots = [(request, request.slot) for request in self.requests]
    freed = original(self)
    for request, slot in slots:
        request.slot = slot
    return freed


def _pass_tokens_through_another_stream(
    original: Any, self: TwoTierCache, request: Request
) -> list[Tensor]:
    tokens = original(self, request)
    with torch.cuda.stream(self.load):
        return [token.clone() for token in tokens]


_fault = faults_of("async_cache_load", "by_acknowledgement")

TWO_TIERS = (
    _fault(
        "load_is_one_layer_off",
        "Each layer is loaded with the rows of the layer before.",
        "conformance",
        replacing(TwoTierCache, _restore=_load_the_next_layer),
        layers=2,
    ),
    _fault(
        "index_keys_go_elsewhere",
        "The indexer's keys are loaded into memory that nobody reads.",
        "conformance",
        replacing(TwoTierCache, _restore=_index_keys_go_elsewhere),
    ),
    _fault(
        "load_of_next_host_page",
        "A request is loaded from the host page behind its own.",
        "properties",
        replacing(TwoTierCache, _restore=_next_host_page),
    ),
    _fault(
        "host_page_is_not_counted",
        "A load does not take down which host page it reads.",
        "conformance",
        replacing(TwoTierCache, _restore=_forget_host_page),
    ),
    _fault(
        "store_misses_the_last_layer",
        "A page is written back without its last layer.",
        "conformance",
        replacing(TwoTierCache, back_up=_store_without_the_last_layer),
        layers=2,
    ),
    _fault(
        "store_misses_index_keys",
        "A page is written back without the indexer's keys.",
        "conformance",
        replacing(TwoTierCache, back_up=_store_only_kv),
    ),
    _fault(
        "event_before_the_kernels",
        "The event that write-backs wait for is recorded before the forward, not behind it.",
        "conformance",
        replacing(TwoTierCache, launch=_launch_and_keep_the_event),
    ),
    _fault(
        "last_forward_is_the_first",
        "Loads wait for the first forward that was launched, not for the last.",
        "conformance",
        replacing(TwoTierCache, launch=_launch_and_keep_the_last),
        "by_streams",
    ),
    _fault(
        "wait_for_the_layer_before",
        "Each layer waits for the load of the layer before.",
        "conformance",
        replacing(TwoTierCache, cache_of=_wait_for_the_layer_before),
        layers=2,
    ),
    _fault(
        "kv_waits_for_index_keys",
        "The attention waits for the event behind the indexer's keys.",
        "conformance",
        replacing(TwoTierCache, cache_of=_wait_for_index_keys_only),
    ),
    _fault(
        "fork_misses_index_keys",
        "A fork copies keys and values, and not the indexer's keys.",
        "conformance",
        replacing(TwoTierCache, _fork=_fork_without_index_keys),
    ),
    _fault(
        "evicted_while_it_is_loaded",
        "A host page may be evicted once the first copy from it is done.",
        "conformance",
        replacing(TwoTierCache, _is_kept=_kept_until_the_first_copy),
    ),
    _fault(
        "ack_for_every_load",
        "The end of one load is taken for the end of all.",
        "conformance",
        replacing(TwoTierCache, see=_ack_all_loads),
    ),
    _fault(
        "published_for_another_prefix",
        "What was written back can be hit for another prefix.",
        "conformance",
        replacing(TwoTierCache, see=_publish_for_another),
    ),
    _fault(
        "page_is_given_back_again",
        "A released request remembers its page and gives it back once more.",
        "conformance",
        replacing(TwoTierCache, _free_rested=_free_and_remember),
    ),
    _fault(
        "tokens_cross_a_stream",
        "The tokens are gathered on the load stream, which does not wait for the forward.",
        "properties",
        replacing(TwoTierCache, _forward=_pass_tokens_through_another_stream),
    ),
)
"""Faults that are no barrier left out: in each design, all barriers do what they say."""
