"""Ranks of a layer split for `reference_impl.load`, on streams that lag."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch

from fencepost.streams import virtual_cuda
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.absent import ABSENT
from reference_impl.adapters.alone import Alone
from reference_impl.adapters.fused import on_host
from reference_impl.adapters.fused_layers import FusedLayers
from reference_impl.adapters.luck import Lagging, Luck
from reference_impl.adapters.virtual import Hosts
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import LayerSplit
from reference_impl.layer_split import Prompt, Rank
from reference_impl.load.counting import Tally
from reference_impl.load.layers import LayerSplitServer
from reference_impl.load.serving import Pace, Server, Watch
from reference_impl.load.workload import LONGEST_ANSWER, LONGEST_INPUT, Asked
from reference_impl.rank_group import Group, LocalGroup

OUTPUT_SCALE = 128
SHAPE = Shape(layers=3, positions=LONGEST_INPUT + LONGEST_ANSWER // OUTPUT_SCALE)
RANKS = 2


class VirtualRanks(Alone):
    """`Ranks` on the virtual device, a `Machine`."""

    def __init__(
        self,
        virtual: VirtualDevice,
        policy: Lagging,
        barriers: frozenset[str],
        luck: Luck,
        draw: random.Random,
    ) -> None:
        self._model = FusedLayers(virtual, on_host(virtual, SmallModel(SHAPE)))
        super().__init__(virtual, self._model.host)
        self._policy, self._luck, self._draw = policy, luck, draw
        self._hosts = Hosts(virtual)
        self._assumed = barriers & ABSENT.keys()
        self._on = LayerSplit.on(barriers - self._assumed)
        torch.cuda.synchronize()

    def server(self, asked: Iterable[Asked], tally: Tally, watch: Watch, pace: Pace) -> Server:  # noqa: ARG002
        """As in `Machine`; nothing is drafted, so there is nothing to watch."""
        return LayerSplitServer(self, asked, tally, pace)

    def start(self, batch: Sequence[Asked]) -> tuple[list[Rank], Group]:
        """As in `Ranks`; the host's copy of a layer may be gone."""
        prompts = []
        for asked in batch:
            *prefix, last = asked.prompt
            index_keys, keys_values = self.rows(tuple(prefix))
            prompts.append(
                Prompt(index_keys.pin_memory(), keys_values.pin_memory(), last, asked.count)
            )
        group = LocalGroup(RANKS, self._on)
        ranks = [
            Rank(number, RANKS, self._model, prompts, group, self._on) for number in range(RANKS)
        ]
        if "loads_succeed" not in self._assumed:
            for rank in ranks:
                for turn in rank.turns:
                    lost = rank.needs_load(turn) and self._draw.random() < self._luck.fails
                    turn.load_failed = lost
        return ranks, group

    def as_rank(self, number: int) -> AbstractContextManager[None]:
        """As in `Ranks`."""
        return self._hosts.acting(f"rank {number}")

    def go_on(self, tick: int) -> None:
        """As in `Ranks`."""
        self._policy.tick = tick + 1


@contextmanager
def ranks(barriers: frozenset[str], luck: Luck, seed: int) -> Iterator[VirtualRanks]:
    """Ranks on a device of their own, until the end of the context."""
    draw = random.Random(seed)
    policy = Lagging(draw, luck)
    with virtual_cuda(policy=policy) as virtual:
        yield VirtualRanks(virtual, policy, barriers, luck, draw)
