"""The cache in two tiers under load: prefixes come from host memory, or are computed and go there.

An answer is queued whole: its tokens are there when its forward is over, and the device's memory
that it used is given on before that, as a scheduler does that is one round ahead of its results.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor

from reference_impl.hierarchical import Prefix, Request, Stage, TwoTierCache
from reference_impl.load.counting import End, Tally
from reference_impl.load.serving import Live, Made, Oracle, Pace, Server, State
from reference_impl.load.workload import Asked

FORKS = 8
"""Of so many restored requests, one is decoded on a copy of its page."""


class Tiers(Oracle, Protocol):
    """A cache in two tiers, the device that it is on, and storage that has computed prefixes."""

    cache: TwoTierCache

    def go_on(self, tick: int) -> None:
        """A tick passes on the device."""

    def rows(self, prefix: Prefix) -> tuple[Tensor, Tensor]:
        """What storage has of a prefix: float32 [layers, n, index_dim] and [layers, n, 2, heads,
        head_dim]."""

    def seconds(self) -> tuple[float, float]:
        """What prefixes took until now that were computed, and what tokens took."""


class TwoTierServer(Server):
    """A `Server` of one cache. Of storage it has what some request computed before."""

    def __init__(self, tiers: Tiers, asked: Iterable[Asked], tally: Tally, pace: Pace) -> None:
        super().__init__(tiers, asked, tally, pace)
        self.tiers = tiers
        self._requests: dict[int, Request] = {}
        self._launched: list[Request] = []
        """In the last tick."""
        self._stored: set[Prefix] = set()
        self._state = State()

    def submit(self, live: Live) -> None:
        """As in `Server`."""
        *prefix, last = live.asked.prompt
        request = Request(
            live.number, tuple(prefix), last, live.asked.count, live.number % FORKS == 0
        )
        self._requests[live.number] = request
        self.tiers.cache.submit(request)

    def leave(self, live: Live) -> None:
        """As in `Server`."""
        self.tiers.cache.abort(self._requests[live.number])

    def go_on(self) -> None:
        """As in `Server`."""
        tiers, cache = self.tiers, self.tiers.cache
        for request in self._launched:
            cache.release(request)
        self._launched.clear()
        cache.take_acks()
        self._prefetch()
        while cache.admit():
            pass
        while cache.launch():
            pass
        for live in self.live.values():
            self._look_at(live)
            self._back_up(self._requests[live.number])
        self._look()
        tiers.go_on(self.tick)

    def _prefetch(self) -> None:
        """Storage fills a host page for a request that waits, if it has what that needs."""
        for live in self.live.values():
            request = self._requests[live.number]
            if request.stage is Stage.WAITING and request.prefix in self._stored:
                self._make_room(request)
                self.tiers.cache.prefetch(request.prefix, *self.tiers.rows(request.prefix))

    def _back_up(self, request: Request) -> None:
        """What was computed goes to host memory."""
        if request.stage is Stage.LAUNCHED and not request.loaded and request.stored is None:
            self._make_room(request)
            self.tiers.cache.back_up(request)

    def _make_room(self, request: Request) -> None:
        """Another prefix gives way, where host memory has not got this one."""
        if self.tiers.cache.host.find(request.prefix) is None:
            self.tiers.cache.evict(request)

    def _look_at(self, live: Live) -> None:
        request = self._requests[live.number]
        if request.slot is not None and not live.pages:
            live.pages, live.generation = request.slot.pages, request.slot.generation
        if request.stage is Stage.LAUNCHED and live.began is None:
            live.began = self.tick
            rows = len(live.asked.prompt)
            self.tally.rows += rows
            self.tally.reused += self._reused(request)
            self._stored.add(request.prefix)
            self._launched.append(request)

    def _look(self) -> None:
        """The serving state of this tick."""
        requests = [self._requests[number] for number in self.live]
        stages = [request.stage for request in requests]
        pool = self.tiers.cache.pool
        pages = len(pool.owner)
        held = sum(request.stage is Stage.LAUNCHED for request in requests)
        self._state = State(
            self.tick,
            decoding=held,
            waiting=stages.count(Stage.WAITING),
            transferring=sum(bool(r.loaded) and not r.load_is_seen for r in requests),
            reclaiming=stages.count(Stage.RELEASED),
            used_pages=pages - pool.free,
            pages=pages,
            writes_under_way=sum(r.stored is not None and not r.store_is_seen for r in requests),
        )
        for live, request in zip(self.live.values(), requests, strict=True):
            if request.stage is Stage.LAUNCHED and not live.states:
                live.states.append(self._state)
        self.tally.occupancy.append(self._state.used_pages / pages)

    def settle(self, live: Live) -> None:
        """As in `Server`."""
        request = self._requests[live.number]
        if live.stops is not None and request.stage is Stage.RELEASED:
            self.abort(live, may_retry=False)
        elif request.tokens is not None:
            self.end(live, End.DELIVERED)

    def made(self, live: Live) -> Made:
        """As in `Server`; of an answer that is not there yet nobody sees anything."""
        request = self._requests.pop(live.number)
        return Made(tuple(request.tokens or ()), reused_rows=self._reused(request))

    def _reused(self, request: Request) -> int:
        return len(request.prefix) if request.loaded else 0

    def close(self) -> None:
        """As in `Server`."""
        prefill, decode = self.tiers.seconds()
        self.tally.prefill_seconds += prefill
        self.tally.decode_seconds += decode
