"""A cache in two tiers for `reference_impl.load`, on streams that lag."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from fencepost.streams import virtual_cuda
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.alone import Alone
from reference_impl.adapters.fused import on_host
from reference_impl.adapters.fused_layers import FusedLayers
from reference_impl.adapters.luck import Lagging, Luck
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import AsyncCacheLoad
from reference_impl.hierarchical import HostTier, TwoTierCache
from reference_impl.load.counting import Tally
from reference_impl.load.serving import Pace, Server, Watch
from reference_impl.load.two_tiers import TwoTierServer
from reference_impl.load.workload import LONGEST_ANSWER, LONGEST_INPUT, Asked
from reference_impl.slot_pool import SlotPool

OUTPUT_SCALE = 128
ROWS = LONGEST_INPUT + LONGEST_ANSWER // OUTPUT_SCALE
SHAPE = Shape(positions=ROWS, page_rows=ROWS)
"""A page holds the longest request."""
PAGES, HOST_PAGES = 2, 5
INTERVAL = 1.0
"""Ticks between two requests that keep these pages busy: each holds its own for a tick or two."""


class VirtualTiers(Alone):
    """`Tiers` on the virtual device, a `Machine`."""

    def __init__(self, virtual: VirtualDevice, policy: Lagging, on: AsyncCacheLoad) -> None:
        self._policy = policy
        self._model = FusedLayers(virtual, on_host(virtual, SmallModel(SHAPE)))
        super().__init__(virtual, self._model.host)
        pool, host = SlotPool(SHAPE, PAGES), HostTier(SHAPE, HOST_PAGES)
        torch.cuda.synchronize()
        self.cache = TwoTierCache(self._model, pool, host, on)

    def server(self, asked: Iterable[Asked], tally: Tally, watch: Watch, pace: Pace) -> Server:  # noqa: ARG002
        """As in `Machine`; nothing is drafted, so there is nothing to watch."""
        return TwoTierServer(self, asked, tally, pace)

    def go_on(self, tick: int) -> None:
        """As in `Tiers`."""
        self._policy.tick = tick + 1

    def seconds(self) -> tuple[float, float]:
        """As in `Tiers`."""
        return self._model.seconds["prefill"], self._model.seconds["decode"]


@contextmanager
def tiers(barriers: frozenset[str], luck: Luck, seed: int) -> Iterator[VirtualTiers]:
    """A cache on a device of its own, until the end of the context."""
    policy = Lagging(random.Random(seed), luck)
    with virtual_cuda(policy=policy) as virtual:
        yield VirtualTiers(virtual, policy, AsyncCacheLoad.on(barriers))
