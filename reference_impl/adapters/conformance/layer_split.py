"""The cache split by layers as an implementation of `models/layer_split.py`.

One prompt goes through its turns, in some of the layouts that the model starts in (`layouts`). A
prompt whose turn was left is dropped in the cache, while turns of the model belong to requests of
their own: so nobody refuses here, and no load fails (`reference_impl/adapters/rounds.py` has that).

What is told apart here that the model takes as one, or the other way round:
  - Attention is queued as soon as it can be, "behind the broadcast".
  - A rank that is ahead of all others cannot queue the wait for an attention which is not queued
    yet. Its host is in that call then, which is what the model calls joined.
  - Rows that were appended too early come along in a broadcast, and its turn does not read them.
    The buffer holds nobody's layer, and whether the attention read its own is not said.
  - A later turn on a layer counts it as loaded in the model. What it sends and reads is not said
    where the load of the first has not ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from fencepost import Adapter, Refused
from fencepost.streams import virtual_cuda
from fencepost.streams.policies import WhenTold
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.absent import ABSENT
from reference_impl.adapters.fused import weights
from reference_impl.adapters.fused_layers import FusedLayers
from reference_impl.adapters.noted import Noted
from reference_impl.adapters.parts import Parts
from reference_impl.adapters.virtual import bytes_of, newest_record
from reference_impl.attention import LayerCache, Shape, SmallModel
from reference_impl.barriers import LayerSplit
from reference_impl.layer_split import BUFFERS, Prompt, Rank, Stage, Turn
from reference_impl.load.oracle import oracle
from reference_impl.rank_group import Broadcast, Collective, LocalGroup

UNSAID = -1
"""The turn whose layer a buffer holds, where that is not said."""
PREFIX, LAST = (1, 4), 5
ROWS = len(PREFIX)


def shape_of(layers: int) -> Shape:
    """A model small enough to be run thousands of times."""
    return Shape(layers=layers, heads=1, head_dim=2, index_dim=2, vocabulary=11, chosen=3)


@cache
def expected(layers: int, steps: int) -> tuple[Tensor, Tensor]:
    """Index keys, and keys and values, as the oracle has them: [layers, ROWS + steps, ...]."""
    with virtual_cuda():
        model, prompt = SmallModel(shape_of(layers)), (*PREFIX, LAST)
        later = oracle(model, prompt, steps).tokens[:-1]
        found = oracle(model, (*prompt, *later), 1)
        return found.index_keys.clone(), found.keys_values.clone()


@dataclass(frozen=True)
class Layout:
    """How many layers are used, how many of them have to be loaded first, by how many ranks they
    are kept (dealt out one by one), and how many buffers are used in turn."""

    layers: int
    loads: int
    lenders: int
    buffers: int

    def start(self, sizes: Mapping[str, int]) -> dict[str, dict[int, object]]:
        """The fields of the model that say so."""
        turns, layers = range(sizes["turns"]), range(sizes["layers"])
        return {
            "layer": {turn: turn % self.layers for turn in turns},
            "buffer": {turn: turn % self.buffers for turn in turns},
            "owner": {n: n % self.lenders if n < self.layers else 0 for n in layers},
            "load": {turn: "QUEUED" if turn < self.loads else "NEEDLESS" for turn in turns},
        }


def layouts(sizes: Mapping[str, int]) -> tuple[Layout, ...]:
    """As the cache is deployed; all layers with one rank, through one buffer; and one layer. A rank
    loads one after the other, and the model in any order: so one that keeps all loads one."""
    layers, ranks = sizes["layers"], sizes["ranks"]
    deployed = Layout(layers, layers, ranks, BUFFERS)
    return deployed, Layout(layers, 1, 1, 1), Layout(1, 1, 1, BUFFERS)


class Ranks(Adapter):
    """Ranks as objects of one process, each with the streams of its own."""

    device = "virtual"
    sizes = {"ranks": 2, "layers": 2, "buffers": BUFFERS, "turns": 2}  # noqa: RUF012
    left_out: ClassVar[tuple[str, ...]] = ("fail_load", "refuse", "leave")

    def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
        self._sizes, self.barriers = sizes, barriers
        self._context = ExitStack()
        self.policy = WhenTold()

    def start_in(self, state: Mapping[str, object]) -> None:
        """As in `Adapter`; only where a turn finds what the turns before it leave."""
        sizes = self._sizes
        for layout in layouts(sizes):
            if all(state[name] == value for name, value in layout.start(sizes).items()):
                self._set_up(layout)
                return
        raise Refused

    def _set_up(self, layout: Layout) -> None:
        sizes, self.layout = self._sizes, layout
        shape, steps = shape_of(layout.layers), -(-sizes["turns"] // layout.layers)
        index_keys, keys_values = expected(layout.layers, steps)
        self.right, host = keys_values.numpy(), weights(shape)
        self.virtual = self._context.enter_context(virtual_cuda(policy=self.policy))
        on = LayerSplit.on(self.barriers - ABSENT.keys())
        self.group = _Group(sizes["ranks"], on)
        prompt = Prompt(
            index_keys[:, :ROWS].clone().pin_memory(),
            keys_values[:, :ROWS].clone().pin_memory(),
            LAST,
            steps,
        )
        self.models = [_NotingModel(self.virtual, host) for _ in range(sizes["ranks"])]
        self.ranks = [
            _LaidOut(layout, number, sizes["ranks"], noting, [prompt], self.group, on)
            for number, noting in enumerate(self.models)
        ]
        for rank in self.ranks:
            rank.layers[layout.loads :, :ROWS].copy_(prompt.keys_values[layout.loads :])
        torch.cuda.synchronize()
        self.policy.free = False
        for rank in self.ranks:
            del rank.turns[sizes["turns"] :]
        self.compute, self.broadcasts, self.loads = (
            [Parts(self.virtual, self.policy, getattr(rank, name)) for rank in self.ranks]
            for name in ("compute", "broadcasts", "loads")
        )
        self.buffers = [bytes_of(self.virtual, rank.buffers) for rank in self.ranks]
        self.reads: dict[tuple[int, int], Tensor] = {}
        self.sent: dict[int, str | None] = {}
        self.attention: dict[tuple[int, int], str | None] = {}
        self.holds: dict[tuple[int, int], int | None] = {}
        self.calling: set[tuple[int, int]] = set()
        """Turns that a rank is joining, for which it has still to queue an attention first."""
        for rank, loads in zip(self.ranks, self.loads, strict=True):
            rank.fetch()
            loads.end("index")
            loads.perform("index")
            while rank.fetch():
                turn = next(t.number for t in reversed(rank.turns) if t.loaded is not None)
                loads.end(turn)

    def close(self) -> None:
        """Nothing more happens on the device."""
        self.policy.free = True
        self._context.close()

    def perform(self, action: str, **arguments: int) -> None:
        """Take a step, and queue what can be queued behind it."""
        if not getattr(self, f"_{action}")(**arguments):
            raise Refused
        self._queue()

    # The load streams.

    def _finish_load(self, turn: int) -> bool:
        owner = self._owner(turn)
        if owner.turns[turn].load_failed:
            return False
        return self.loads[owner.number].perform(turn) and owner.fetch()

    def _fail_load(self, turn: int) -> bool:
        made = self._owner(turn).turns[turn]
        performed = turn in self.loads[self._owner(turn).number].done
        if "loads_succeed" in self.barriers or made.loaded is None:
            return False
        if made.load_failed or performed:
            return False
        made.load_failed = True
        return True

    # The hosts.

    def _take_up(self, turn: int, rank: int) -> bool:
        return self._is_next(turn, rank, Stage.AHEAD) and self.ranks[rank].take_up()

    def _refuse(self, turn: int, rank: int) -> bool:
        return self._is_next(turn, rank, Stage.AHEAD) and self.ranks[rank].refuse()

    def _leave(self, turn: int, rank: int) -> bool:
        return self._is_next(turn, rank, Stage.AGREED) and self.ranks[rank].refuse()

    def _conclude(self, turn: int) -> bool:
        asking = [r for r in self.ranks if r.turns[turn].stage is Stage.ASKING]
        return bool(asking) and all(rank.take_up() for rank in asking)

    def _join(self, turn: int, rank: int) -> bool:
        if not self._is_next(turn, rank, Stage.AGREED) or (turn, rank) in self.calling:
            return False
        if self.ranks[rank].take_up():
            return True
        if "join_waits_for_reader" in self.barriers:
            return False
        self.calling.add((turn, rank))
        return True

    def _is_next(self, turn: int, rank: int, stage: Stage) -> bool:
        """Whether a turn is the next that a rank takes up, and at this stage."""
        turns = self.ranks[rank].turns
        return turns[turn].stage is stage and all(t.stage >= Stage.JOINED for t in turns[:turn])

    def _queue(self) -> None:
        """What hosts do by themselves: go on with a call, and queue the attention of what they
        joined."""
        moved = True
        while moved:
            moved = False
            for call in sorted(self.calling):
                if self.ranks[call[1]].take_up():
                    self.calling.discard(call)
                    moved = True
            self._note_broadcasts()
            for rank, compute in zip(self.ranks, self.compute, strict=True):
                queued = [t.number for t in rank.turns if t.attended is not None]
                while rank.attend():
                    moved = True
                for turn in rank.turns:
                    if turn.attended is not None and turn.number not in queued:
                        compute.end_at(turn.number, newest_record(turn.attended))
                        read = self.models[rank.number].reads.pop(0)
                        self.reads[turn.number, rank.number] = read

    def _note_broadcasts(self) -> None:
        for rank, broadcasts in zip(self.ranks, self.broadcasts, strict=True):
            for turn in rank.turns:
                done = turn.side.done if turn.side is not None else None
                if done is not None and turn.number not in broadcasts.known:
                    broadcasts.end_at(turn.number, newest_record(done))

    # The device.

    def _send(self, turn: int) -> bool:
        owner = self._owner(turn)
        if not self.broadcasts[owner.number].perform(turn):
            return False
        staged = self.group.broadcasts[turn].staged
        assert staged is not None
        rows = bytes_of(self.virtual, staged)
        start = owner.turns[turn].start
        if not self._is_known(turn):
            self.sent[turn] = None
        elif not self._is_layer(owner.turns[turn], rows):
            self.sent[turn] = "EARLY"
        else:
            self.sent[turn] = "LATE" if rows[start:].any() else "WHOLE"
        return True

    def _receive(self, turn: int, rank: int) -> bool:
        made = self.ranks[rank]
        if made is self._owner(turn) or not self.broadcasts[rank].perform(turn):
            return False
        if self.sent.get(turn, "NOTHING") is None:
            self.holds[rank, self._buffer_of(turn)] = UNSAID
        elif "communicator_is_live" in self.barriers:
            held = self.buffers[rank][self._buffer_of(turn)]
            whole = self._is_whole(made.turns[turn], held)
            self.holds[rank, self._buffer_of(turn)] = turn if whole else None
        return True

    def _attend(self, turn: int, rank: int) -> bool:
        made = self.ranks[rank]
        here, held = made.turns[turn], self.buffers[rank][self._buffer_of(turn)]
        owns = made is self._owner(turn)
        exact = owns or self._is_whole(here, held)
        unsaid = self.holds.get((rank, self._buffer_of(turn))) == UNSAID
        if not self.compute[rank].perform(turn):
            return False
        right = self._is_layer(here, bytes_of(self.virtual, self.reads[turn, rank]))
        said = ("OWN" if exact else None) if right else "FOREIGN"
        is_open = not self._is_known(turn) if owns else unsaid
        self.attention[turn, rank] = None if is_open else said
        return True

    # What is seen.

    def observe(self) -> Mapping[str, object]:
        """Buffers and layers by whose rows they hold, streams by what is done."""
        numbers = range(len(self.ranks[0].turns))
        ranks = range(len(self.ranks))
        sent = {t: self.sent.get(t, "NOTHING") for t in numbers}
        cells = [(t, r) for t in numbers for r in ranks]
        attention = {cell: self.attention.get(cell, "NOT_YET") for cell in cells}
        holds = {(r, b): self.holds.get((r, b)) for r in ranks for b in range(BUFFERS)}
        return {
            "layer": [turn.layer for turn in self.ranks[0].turns],
            "buffer": [self._buffer_of(turn) for turn in numbers],
            "owner": self.layout.start(self._sizes)["owner"],
            "load": [self._load_of(turn) for turn in numbers],
            "stage": {(t, r): self._stage_of(t, r) for t, r in cells},
            "attention": {cell: said for cell, said in attention.items() if said is not None},
            "sent": {turn: said for turn, said in sent.items() if said is not None},
            "contents": {cell: turn for cell, turn in holds.items() if turn != UNSAID},
        }

    def _load_of(self, turn: int) -> str:
        owner = self._owner(turn)
        if not owner.needs_load(owner.turns[turn]):
            return "NEEDLESS"
        if owner.turns[turn].load_failed:
            return "FAILED"
        return "LOADED" if turn in self.loads[owner.number].done else "QUEUED"

    def _stage_of(self, turn: int, rank: int) -> str:
        stage = self.ranks[rank].turns[turn].stage
        if turn in self.broadcasts[rank].done:
            return "DONE"
        if (turn, rank) in self.calling:
            return "JOINED"
        if stage is Stage.ASKING and self.group.rounds[turn][rank]:
            return "REFUSING"
        return stage.name

    def _buffer_of(self, turn: int) -> int:
        return turn % self.layout.buffers

    def _owner(self, turn: int) -> Rank:
        return next(rank for rank in self.ranks if rank.owns(rank.turns[turn]))

    def _is_known(self, turn: int) -> bool:
        """Whether the layer of a turn was loaded for the turns before it."""
        owner = self._owner(turn)
        before = [t for t in owner.turns[:turn] if t.layer == owner.turns[turn].layer]
        done = self.loads[owner.number].done
        return all(t.number in done for t in before if owner.needs_load(t))

    def _is_layer(self, turn: Turn, rows: Any) -> bool:
        """Whether the rows that a turn reads are those of its layer."""
        right, held = self.right[turn.layer, : turn.start], rows[: turn.start]
        return held.shape == right.shape and bool(abs(held - right).max() < 1e-4)

    def _is_whole(self, turn: Turn, rows: Any) -> bool:
        """Whether these are the rows that a turn reads, and none besides."""
        return self._is_layer(turn, rows) and not rows[turn.start :].any()


class _Group(LocalGroup):
    """A group in which to receive is a step of a stream, also where its communicator is off."""

    def _receive(self, made: Collective, side: Broadcast) -> bool:
        if self.on.communicator_is_live:
            return super()._receive(made, side)
        side.queue(partial(side.rows.copy_, side.rows))
        return True


class _LaidOut(Rank):
    """A rank of ranks whose layers and buffers are dealt out in one of the layouts."""

    def __init__(self, layout: Layout, *made: Any) -> None:
        super().__init__(*made)
        self._layout = layout

    def owns(self, turn: Turn) -> bool:
        """As in `Rank`, which deals layers out to all."""
        if self._layout.lenders < self.ranks:
            return turn.layer % self._layout.lenders == self.number
        return super().owns(turn)

    def needs_load(self, turn: Turn) -> bool:
        """As in `Rank`."""
        return super().needs_load(turn) and turn.number < self._layout.loads

    def buffer_of(self, turn: Turn) -> int:
        """As in `Rank`."""
        return turn.number % self._layout.buffers


class _NotingModel(FusedLayers):
    """A model that keeps the rows that its attentions read, in order."""

    def __init__(self, virtual: VirtualDevice, host: SmallModel) -> None:
        super().__init__(virtual, host)
        self.reads: list[Tensor] = []

    def layer(self, x: Tensor, layer: int, start: int, cache: LayerCache) -> Tensor:
        """As in `FusedLayers`."""

        def keep(component: str, _: int, rows: Tensor) -> None:
            if component == "kv":
                self.reads.append(rows)

        return super().layer(x, layer, start, Noted(cache, keep))
