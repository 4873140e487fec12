"""Ranks of a layer split performed on the virtual device: the paths of their hosts and the device's
schedule are drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import torch

from fencepost.streams import virtual_cuda
from fencepost.streams.detect import races
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.hierarchical_runs import policy
from reference_impl.adapters.outcomes import Changed, Outcome
from reference_impl.adapters.virtual import Hosts, newest_record
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import LayerSplit
from reference_impl.layer_split import Prompt, Rank, Stage
from reference_impl.load.oracle import Expected, oracle
from reference_impl.rank_group import LocalGroup

SHAPE = Shape(layers=3)
COUNT, RANKS, LAST = 3, 2, 5
PREFIXES = tuple(
    tuple((11 * p + 5 * i * i + i) % SHAPE.vocabulary for i in range(6)) for p in range(2)
)
MOST_STEPS = 400


@cache
def expected(prefix: int) -> Expected:
    """What the oracle has for a prefix and the token after it, on the host."""
    with virtual_cuda():
        tokens = (*PREFIXES[prefix], LAST)
        found = oracle(SmallModel(SHAPE), tokens, COUNT, chunk=len(tokens) - 1)
        return Expected(found.tokens, found.index_keys.clone(), found.keys_values.clone())


def run(on: LayerSplit, assumed: frozenset[str], seed: int) -> Outcome:
    """One run of a design; `assumed` are the promises about the world that hold."""
    for prefix in range(len(PREFIXES)):
        expected(prefix)  # on a device of its own
    draw = random.Random(seed)
    with virtual_cuda(policy=policy(draw, 7)) as virtual:
        made = _Run(on, assumed, draw, seed, virtual)
        made.perform()
        virtual.run_all()
        made.outcome.races = races(virtual.trace)
    return made.outcome


class _Run:
    def __init__(
        self,
        on: LayerSplit,
        assumed: frozenset[str],
        draw: random.Random,
        seed: int,
        virtual: VirtualDevice,
    ) -> None:
        self.draw, self.virtual, self.outcome = draw, virtual, Outcome()
        self.hosts = Hosts(virtual)
        prompts = []
        for number in range(len(PREFIXES)):
            right, n = expected(number), len(PREFIXES[number])
            index_keys = right.index_keys[:, :n].clone().pin_memory()
            keys_values = right.keys_values[:, :n].clone().pin_memory()
            prompts.append(Prompt(index_keys, keys_values, LAST, COUNT))
        model, group = SmallModel(SHAPE), LocalGroup(RANKS, on)
        torch.cuda.synchronize()
        self.ranks = [Rank(number, RANKS, model, prompts, group, on) for number in range(RANKS)]
        self.events: dict[str, int] = {}
        if "loads_succeed" not in assumed and draw.random() < 0.4:
            self.events["fail_load"] = seed % 30
        if draw.random() < 0.5:
            self.events["refuse"] = seed % 60

    def perform(self) -> None:
        """Until nobody can go on, also after the device has got on."""
        idle = 0
        priority: dict[str, float] = {}
        falls = {self.draw.randrange(120) for _ in range(12)}
        for step in range(MOST_STEPS):
            for event, due in list(self.events.items()):
                if due <= step and self._happen(event):
                    del self.events[event]
                    self.outcome.log.append(event)
            actors = self._actors()
            for name in actors:
                priority.setdefault(name, self.draw.random())
            for name in sorted(actors, key=lambda name: -priority[name]):
                if actors[name]():
                    self.outcome.log.append(name)
                    idle = 0
                    if step in falls:
                        priority[name] = -self.draw.random()
                    break
            else:
                self.virtual.run_all()
                idle += 1
                if idle > 3:
                    break
        self._look_at_the_end()

    def _happen(self, event: str) -> bool:
        rank = self.draw.choice(self.ranks)
        with self.hosts.acting(f"rank {rank.number}"):
            if event == "refuse":
                return rank.refuse()
            turn = next((t for t in rank.turns if rank.needs_load(t) and t.loaded is None), None)
            if turn is not None:
                turn.load_failed = True
            return turn is not None

    def _actors(self) -> dict[str, Callable[[], bool]]:
        def as_host(rank: Rank, loop: Callable[[], bool]) -> Callable[[], bool]:
            def go_on() -> bool:
                with self.hosts.acting(f"rank {rank.number}"):
                    return loop()

            return go_on

        return {
            f"rank {rank.number} {name}": as_host(rank, loop)
            for rank in self.ranks
            for name, loop in (
                ("fetch", rank.fetch),
                ("take_up", rank.take_up),
                ("attend", rank.attend),
            )
        }

    # What an observer sees at the end.

    def _look_at_the_end(self) -> None:
        torch.cuda.synchronize()
        for rank in self.ranks:
            for number, result in rank.results.items():
                tokens, right = tuple(result.tolist()), expected(number).tokens
                if number not in rank.dropped and tokens != right:
                    self.outcome.changed.append(Changed(number, tokens, right))
                    self.outcome.failed.add("attention_reads_its_layer")
            self._look_at_appends(rank)
        stages = [[turn.stage for turn in rank.turns] for rank in self.ranks]
        if any(stage < Stage.JOINED for rank in stages for stage in rank):
            self.outcome.failed |= {"turn_is_over", "collective_ends", "turn_can_end"}
        for turn in zip(*stages, strict=True):
            if Stage.LEFT in turn and {Stage.JOINED, Stage.ASKING} & set(turn):
                self.outcome.failed.add("collectives_match")

    def _look_at_appends(self, rank: Rank) -> None:
        """Whether an attention that appends had ended before its layer was sent, whole."""
        if rank.on.broadcast_names_its_rows:
            return
        for turn in filter(rank.owns, rank.turns):
            if turn.side is not None and turn.side.done is not None and turn.attended is not None:
                appended, sent = clock(turn.attended), clock(turn.side.done)
                if appended is not None and sent is not None and appended < sent:
                    self.outcome.failed.add("append_stays_out_of_broadcast")


def clock(event: torch.cuda.Event) -> int | None:
    """When the device came to an event, in operations performed; None if it has not."""
    newest = newest_record(event)
    return newest.time if newest is not None and newest.reached else None
