"""The cache in two tiers performed on the virtual device: the host's path and the device's schedule
are drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor

from fencepost.streams import Eager, InOrder, NewestFirst, Priorities, Random, virtual_cuda
from fencepost.streams.detect import races
from fencepost.streams.policies import Policy
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.noted import Noted
from reference_impl.adapters.outcomes import Changed, Outcome
from reference_impl.adapters.virtual import newest_record, raw
from reference_impl.attention import LayerCache, Shape, SmallModel
from reference_impl.barriers import AsyncCacheLoad
from reference_impl.hierarchical import HostTier, Prefix, Request, Stage, TwoTierCache
from reference_impl.load.oracle import Expected, oracle
from reference_impl.slot_pool import SlotPool

SHAPE = Shape(page_rows=10)
COUNT = 3
LAST = 5
PREFIXES: tuple[Prefix, ...] = tuple(
    tuple((11 * p + 5 * i * i + i) % SHAPE.vocabulary for i in range(6)) for p in range(2)
)
REQUESTS = 3
MOST_STEPS = 80


@cache
def expected(prefix: Prefix) -> Expected:
    """What the oracle has for a prefix and the token after it, on the host."""
    with virtual_cuda():
        found = oracle(SmallModel(SHAPE), (*prefix, LAST), COUNT, chunk=len(prefix))
        return Expected(found.tokens, found.index_keys.clone(), found.keys_values.clone())


def policy(draw: random.Random, streams: int = 5) -> Policy:
    """A way for the device to get on with its streams."""
    names = [f"stream {number}" for number in range(1, streams + 1)]
    draw.shuffle(names)
    kinds: list[Callable[[], Policy]] = [
        lambda: Random(draw.randrange(1 << 30), draw.random()),
        lambda: Priorities(*names),
        NewestFirst,
        InOrder,
        Eager,
    ]
    return draw.choice(kinds[:2] + kinds)()


def run(on: AsyncCacheLoad, seed: int) -> Outcome:
    """One run of a design."""
    for prefix in PREFIXES:
        expected(prefix)  # on a device of its own
    draw = random.Random(seed)
    with virtual_cuda(policy=policy(draw)) as virtual:
        made = _Run(on, draw, seed, virtual)
        made.perform()
        virtual.run_all()
        made.outcome.races = races(virtual.trace)
    return made.outcome


class _Run:
    def __init__(
        self, on: AsyncCacheLoad, draw: random.Random, seed: int, virtual: VirtualDevice
    ) -> None:
        self.draw, self.virtual, self.outcome = draw, virtual, Outcome()
        pool, host = SlotPool(SHAPE, draw.choice((2, 2, 3))), HostTier(SHAPE, draw.choice((1, 2)))
        self.reads: list[tuple[Request, str, int, Tensor]] = []
        model = SmallModel(SHAPE)
        torch.cuda.synchronize()
        self.cache = _Noting(model, pool, host, on, reads=self.reads)
        self.is_calm = draw.random() < 0.5
        for number in range(REQUESTS):
            prefix = PREFIXES[number % 2] if self.is_calm else draw.choice(PREFIXES)
            forks = draw.random() < 0.3 and not self.is_calm
            self.cache.submit(Request(number, prefix, LAST, COUNT, forks))
        self.cancelled = draw.randrange(REQUESTS), seed % (MOST_STEPS // 2)

    def perform(self) -> None:
        """Until the host has nothing left to do."""
        cache = self.cache
        idle = 0
        # In a calm run the host tier fills by write-backs alone.
        weights = {name: self.draw.random() for name in ("prefetch", "back_up", "release")}
        if self.is_calm:
            weights |= {"prefetch": 0.0, "back_up": 0.9}
        for step in range(MOST_STEPS):
            number, at = self.cancelled
            if step == at and self.draw.random() < 0.5:
                cache.abort(cache.requests[number])
                self.outcome.log.append(f"abort {number}")
            actions: list[tuple[str, Callable[[], bool]]] = [
                ("admit", cache.admit),
                ("launch", cache.launch),
                ("take_acks", cache.take_acks),
            ]
            if self.draw.random() < weights["release"]:
                actions += [
                    (f"release {r.number}", partial(cache.release, r)) for r in cache.requests
                ]
            if self.draw.random() < weights["prefetch"]:
                actions.append(("prefetch", self._prefetch))
            if self.draw.random() < weights["back_up"]:
                actions += [
                    (f"back_up {r.number}", partial(self._back_up, r)) for r in cache.requests
                ]
            self.draw.shuffle(actions)
            for name, act in actions:
                if act():
                    self.outcome.log.append(name)
                    idle = 0
                    break
            else:
                self.virtual.run_all()
                idle += 1
                weights["release"] = 1.0
                if idle > 2:
                    break
            self._look()
        self._look_at_the_end()

    def _prefetch(self) -> bool:
        waiting = [r for r in self.cache.requests if r.stage is Stage.WAITING]
        if not waiting:
            return False
        request = self.draw.choice(waiting)
        rows, length = expected(request.prefix), len(request.prefix)
        fill = partial(
            self.cache.prefetch,
            request.prefix,
            rows.index_keys[:, :length],
            rows.keys_values[:, :length],
        )
        return fill() or (self.cache.evict(request) and fill())

    def _back_up(self, request: Request) -> bool:
        if request.stage is not Stage.LAUNCHED or request.loaded or request.stored:
            return False
        cache = self.cache
        return cache.back_up(request) or (cache.evict(request) and cache.back_up(request))

    # What an observer sees who knows every byte.

    def _look(self) -> None:
        """Pages whose bytes are in place, and host pages that can be hit, hold what they should."""
        pool, host = self.cache.pool, self.cache.host
        for request in self.cache.requests:
            held = request.stage in (Stage.ADMITTED, Stage.LAUNCHED) and request.slot is not None
            behind = request.loaded[-1][1] if request.loaded else request.done
            if held and behind is not None and _reached(behind):
                assert request.slot is not None
                page = request.slot.pages[0]
                if not self._own(request.prefix, pool.index_keys[page], pool.keys_values[page]):
                    self.outcome.failed.add("bytes_stay_in_place")
        for page, prefix in enumerate(host.holds):
            stores = [r for r in self.cache.requests if r.stored and r.host_page == page]
            over = all(r.stored is not None and _reached(r.stored) for r in stores)
            if prefix is None or not over:
                continue
            if not self._own(prefix, host.index_keys[page], host.keys_values[page]):
                self.outcome.failed.add("host_copies_are_genuine")

    def _own(self, prefix: Prefix, index_keys: Tensor, keys_values: Tensor) -> bool:
        right, n = expected(prefix), len(prefix)
        found = raw(self.virtual, index_keys), raw(self.virtual, keys_values)
        return torch.allclose(
            found[0][:, :n], right.index_keys[:, :n], atol=1e-4
        ) and torch.allclose(found[1][:, :n], right.keys_values[:, :n], atol=1e-4)

    def _look_at_the_end(self) -> None:
        cache = self.cache
        self.virtual.run_all()
        self._look()
        for request, component, layer, rows in self.reads:
            right, n = expected(request.prefix), len(request.prefix)
            own = right.index_keys if component == "index_keys" else right.keys_values
            if not torch.allclose(raw(self.virtual, rows)[:n], own[layer, :n], atol=1e-4):
                first = (
                    "indexer_reads_own_keys"
                    if component == "index_keys"
                    else "attention_reads_own_kv"
                )
                self.outcome.failed.add("fork_copies_own_bytes" if request.forks else first)
        for request in cache.requests:
            tokens = request.tokens
            right_tokens = expected(request.prefix).tokens
            if tokens is not None and tuple(tokens) != right_tokens:
                self.outcome.changed.append(Changed(request.number, tuple(tokens), right_tokens))
            if request.stage is not Stage.RELEASED:
                self.outcome.failed |= {"request_is_released", "no_stuck_state"}
        for _ in range(4):
            cache.take_acks()
        if cache.pool.free < len(cache.pool.owner):
            self.outcome.failed.add("device_page_can_be_free")
        if any(
            (r.loaded and not r.load_is_seen) or (r.stored and not r.store_is_seen)
            for r in cache.requests
        ):
            self.outcome.failed.add("host_page_can_be_free")


def _reached(event: torch.cuda.Event) -> bool:
    """Whether the device has come to an event, without asking it."""
    newest = newest_record(event)
    return newest is None or newest.reached


class _Noting(TwoTierCache):
    """A cache that keeps what its forwards read, for an observer."""

    def __init__(self, *made: object, reads: list[tuple[Request, str, int, Tensor]]) -> None:
        super().__init__(*made)  # type: ignore[arg-type]  # what the cache is made of, as given
        self._reads = reads

    def cache_of(self, request: Request) -> LayerCache:
        """As in `TwoTierCache`."""

        def keep(component: str, layer: int, rows: Tensor) -> None:
            self._reads.append((request, component, layer, rows))

        return Noted(super().cache_of(request), keep)
