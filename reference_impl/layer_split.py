"""A cache split by layers: each rank keeps some of them, and lends them to the others in time.

Before the attention of a layer its *owner* broadcasts the keys and values of the layer, ahead of
time and hidden behind the work of the indexer, into one of two buffers of each other rank. A *turn*
is one use of one layer. All ranks take the turns in one order: `Turn.number` counts them. Index
keys are small, so every rank keeps all of them.

A rank is an object with three streams and a host, whose loops `fetch`, `take_up` and `attend` each
do one thing and say whether they did. How ranks reach each other is a `Group`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import torch
from torch import Tensor

from reference_impl.attention import SmallModel
from reference_impl.barriers import LayerSplit

BUFFERS = 2


class Stage(IntEnum):
    """How far a rank is with the collectives of a turn; LEFT is over without a broadcast."""

    AHEAD, ASKING, AGREED, JOINED, LEFT = range(5)


@dataclass(frozen=True)
class Prompt:
    """A prefix whose rows the host has, the token after it, and how many tokens are asked for.

    index_keys: float32 [layers, n, index_dim] and keys_values: float32 [layers, n, 2, heads,
    head_dim], both in pinned host memory, for the n tokens of the prefix.
    """

    index_keys: Tensor
    keys_values: Tensor
    last: int
    count: int

    @property
    def length(self) -> int:
        """Rows of the prefix."""
        return self.index_keys.shape[1]


@dataclass(frozen=True)
class Turn:
    """One use of one layer, in one step of one prompt; the first step needs the layer's load."""

    number: int
    prompt: int
    step: int
    layer: int
    start: int
    """Rows that the turn reads; it appends the next."""

    @property
    def is_loaded(self) -> bool:
        return self.step == 0


def turns(prompts: Sequence[Prompt], layers: int) -> list[Turn]:
    """Every turn of some prompts, in the order in which all ranks take them."""
    order = [
        (prompt, step, layer)
        for prompt, asked in enumerate(prompts)
        for step in range(asked.count)
        for layer in range(layers)
    ]
    return [
        Turn(number, prompt, step, layer, prompts[prompt].length + step)
        for number, (prompt, step, layer) in enumerate(order)
    ]


@dataclass
class Broadcast:
    """A rank's side of a broadcast; `source` is the owner's, `target` everybody else's.

    Events are recorded on the stream: `sent` when the source was read, `received` when the target
    was written. Both are None until the broadcast is queued.
    """

    stream: torch.cuda.Stream
    source: Tensor | None = None
    target: Tensor | None = None
    waits: list[torch.cuda.Event] = field(default_factory=list)
    sent: torch.cuda.Event | None = None
    received: torch.cuda.Event | None = None


class Group(Protocol):
    """What the ranks share: two communicators, one for rounds and one for broadcasts."""

    def enter(self, turn: int, rank: int, refuses: bool) -> None:
        """A rank enters the status round of a turn."""

    def concluded(self, turn: int, rank: int) -> bool | None:
        """Whether a round agreed; None while not all ranks are in it."""

    def join(self, turn: int, rank: int, side: Broadcast) -> None:
        """A rank joins the broadcast of a turn, which is queued once it can be."""

    def finish(self, prompt: int, rank: int) -> None:
        """A rank has seen its last turn of a prompt end."""

    def all_finished(self, prompt: int) -> bool:
        """Whether all ranks have."""


class Rank:
    """One rank: the layers it keeps, its buffers, its streams and its host."""

    def __init__(
        self,
        number: int,
        ranks: int,
        model: SmallModel,
        prompts: Sequence[Prompt],
        group: Group,
        on: LayerSplit,
    ) -> None:
        self.number, self.ranks, self.model, self.group, self.on = number, ranks, model, group, on
        self.prompts, self.turns = prompts, turns(prompts, model.shape.layers)
        shape = model.shape
        rows = max(prompt.length + prompt.count for prompt in prompts)
        one = (rows, 2, shape.heads, shape.head_dim)
        self.index_cache = torch.zeros(shape.layers, rows, shape.index_dim, device="cuda")
        self.layers = torch.zeros(shape.layers, *one, device="cuda")
        self.buffers = torch.zeros(BUFFERS, *one, device="cuda")
        self.compute, self.broadcasts, self.loads = (torch.cuda.Stream() for _ in range(3))

        self.stage = [Stage.AHEAD] * len(self.turns)
        self.sides: dict[int, Broadcast] = {}
        self.attended: dict[int, torch.cuda.Event] = {}
        self.loaded: dict[int, torch.cuda.Event] = {}
        self.failed: set[int] = set()
        """Turns whose load failed."""
        self.ready = [-1] * shape.layers
        """The flag of each layer: the prompt of the newest load that was seen to end."""
        self.dropped: set[int] = set()
        """Prompts that a turn was left of."""
        self.index_loaded: dict[int, torch.cuda.Event] = {}
        self.results: dict[int, Tensor] = {}
        self._last = [torch.tensor([prompt.last]).pin_memory() for prompt in prompts]
        self._ended: set[int] = set()
        self._x: Tensor | None = None
        self._tokens: list[Tensor] = []
        torch.cuda.synchronize()  # what was set up is there for every stream

    def owns(self, turn: Turn) -> bool:
        """Whether this rank keeps the layer of a turn; layers are dealt out one by one."""
        return turn.layer % self.ranks == self.number

    # Loads.

    def fetch(self) -> bool:
        """Queue the next load, once nobody uses what it writes over; or see one end."""
        for turn in self.turns:
            if turn.prompt and not self.group.all_finished(turn.prompt - 1):
                break
            prompt = self.prompts[turn.prompt]
            if turn.prompt not in self.index_loaded:
                rows = self.index_cache[:, : prompt.length]
                self.index_loaded[turn.prompt] = self._load(rows, prompt.index_keys)
                return True
            if not self.owns(turn) or not turn.is_loaded or turn.number in self.failed:
                continue
            if turn.number not in self.loaded:
                rows = self.layers[turn.layer, : prompt.length]
                self.loaded[turn.number] = self._load(rows, prompt.keys_values[turn.layer])
                return True
            if self.ready[turn.layer] < turn.prompt and self.loaded[turn.number].query():
                self.ready[turn.layer] = turn.prompt
                return True
        return False

    def _load(self, target: Tensor, source: Tensor) -> torch.cuda.Event:
        with torch.cuda.stream(self.loads):
            target.copy_(source, non_blocking=True)
        return self.loads.record_event()

    def fail_load(self, turn: int) -> None:
        """The host's copy of a layer is gone, before its load was queued."""
        self.failed.add(turn)

    # Collectives.

    def take_up(self) -> bool:
        """Bring the next turn one stage on."""
        turn = next((t for t in self.turns if self.stage[t.number] < Stage.JOINED), None)
        if turn is None:
            return False
        match self.stage[turn.number]:
            case Stage.AHEAD if turn.prompt in self.dropped:
                self.stage[turn.number] = Stage.LEFT
            case Stage.AHEAD:
                return self._ask(turn)
            case Stage.ASKING:
                agreed = self.group.concluded(turn.number, self.number)
                if agreed is None:
                    return False
                if agreed:
                    self.stage[turn.number] = Stage.AGREED
                else:
                    self._leave(turn)
            case _:
                return self._join(turn)
        return True

    def _ask(self, turn: Turn, *, refuses: bool = False) -> bool:
        speaks = self.owns(turn) and turn.is_loaded
        failed = speaks and turn.number in self.failed
        if speaks and not failed and not self._load_has_ended(turn):
            return False
        if self.on.status_comes_first and (speaks or self.on.idle_ranks_take_part or refuses):
            self.group.enter(turn.number, self.number, failed or refuses)
            self.stage[turn.number] = Stage.ASKING
        elif failed:
            self._leave(turn)
        else:
            self.stage[turn.number] = Stage.AGREED
        return True

    def _load_has_ended(self, turn: Turn) -> bool:
        """What the owner takes for the end of a load; without its flag, that it is queued."""
        if self.on.owner_waits_for_load:
            flag = self.ready[turn.layer]
            return flag == turn.prompt if self.on.flags_have_epochs else flag >= 0
        return turn.number in self.loaded or not self.on.send_waits_for_load

    def refuse(self) -> bool:
        """There is no room for the next turn, or its request was heard to be aborted."""
        turn = next((t for t in self.turns if self.stage[t.number] < Stage.JOINED), None)
        if turn is None or turn.prompt in self.dropped:
            return False
        if self.stage[turn.number] is Stage.AHEAD:
            if not self.on.refusals_are_voted:
                self._leave(turn)
                return True
            return self.on.status_comes_first and self._ask(turn, refuses=True)
        if self.stage[turn.number] is Stage.AGREED and not self.on.agreed_is_joined:
            self._leave(turn)
            return True
        return False

    def _leave(self, turn: Turn) -> None:
        self.stage[turn.number] = Stage.LEFT
        self.dropped.add(turn.prompt)

    def _join(self, turn: Turn) -> bool:
        """Join a broadcast; what it waits for on its stream is recorded by then."""
        side = Broadcast(self.broadcasts)
        rows = turn.start if self.on.broadcast_names_its_rows else len(self.buffers[0])
        if self.owns(turn):
            side.source = self.layers[turn.layer, :rows]
            if self.on.send_waits_for_load and turn.number in self.loaded:
                side.waits.append(self.loaded[turn.number])
            before = [t for t in self._earlier(turn) if t.layer == turn.layer]
        else:
            side.target = self.buffers[turn.number % BUFFERS, :rows]
            before = [t for t in self._earlier(turn) if self._shares_buffer(t, turn)]
        on_stream = (
            self.on.send_waits_for_append if self.owns(turn) else self.on.receive_waits_for_reader
        )
        if on_stream:
            if not all(t.number in self.attended for t in before):
                return False
            side.waits += [self.attended[t.number] for t in before]
        if self.on.join_waits_for_reader and not all(
            t.number in self.attended and self.attended[t.number].query()
            for t in self._earlier(turn)
            if not self.owns(t)
        ):
            return False
        self.sides[turn.number] = side
        self.stage[turn.number] = Stage.JOINED
        self.group.join(turn.number, self.number, side)
        return True

    def _earlier(self, turn: Turn) -> list[Turn]:
        """Turns before one that are not left."""
        return [t for t in self.turns[: turn.number] if self.stage[t.number] is Stage.JOINED]

    def _shares_buffer(self, turn: Turn, other: Turn) -> bool:
        same = turn.number % BUFFERS == other.number % BUFFERS
        return same and not self.owns(turn)

    # Attention.

    def attend(self) -> bool:
        """Queue the layer of the next turn, or tell that a prompt is done with."""
        for turn in self.turns:
            stage = self.stage[turn.number]
            if stage is Stage.LEFT or turn.number in self.attended:
                if self._is_last(turn) and self._tell_end(turn):
                    return True
                continue
            return stage is Stage.JOINED and self._attend(turn)
        return False

    def _is_last(self, turn: Turn) -> bool:
        after = turn.number + 1
        return after == len(self.turns) or self.turns[after].prompt != turn.prompt

    def _tell_end(self, turn: Turn) -> bool:
        """Everybody may write over the rows of a prompt once all ranks have seen its end."""
        if turn.prompt in self._ended or not self.sides_are_over(turn.prompt):
            return False
        self._ended.add(turn.prompt)
        self.group.finish(turn.prompt, self.number)
        return True

    def sides_are_over(self, prompt: int) -> bool:
        """Whether the host sees that its attention and its broadcasts of a prompt have ended."""
        mine = [t.number for t in self.turns if t.prompt == prompt]
        events = [self.attended[n] for n in mine if n in self.attended]
        for number in mine:
            side = self.sides.get(number)
            if side is not None:
                event = side.sent or side.received
                if event is None:
                    return False
                events.append(event)
        return all(event.query() for event in events)

    def _attend(self, turn: Turn) -> bool:
        side, shape = self.sides[turn.number], self.model.shape
        if self.owns(turn):
            waits = side.sent if self.on.append_waits_for_send else None
            needed = self.on.append_waits_for_send
        else:
            waits = side.received if self.on.attention_waits_for_broadcast else None
            needed = self.on.attention_waits_for_broadcast
        if needed and waits is None:
            return False
        if turn.prompt not in self.index_loaded:
            return False
        with torch.cuda.stream(self.compute):
            if turn.layer == 0:
                self._x = self._embed(turn)
            assert self._x is not None
            cache = _Turn(self, turn, waits)
            self._x = self.model.layer(self._x, turn.layer, turn.start, cache)
            if turn.layer + 1 == shape.layers:
                self._tokens.append(self.model.token(self._x))
                if len(self._tokens) == self.prompts[turn.prompt].count:
                    self._keep_result(turn)
        self.attended[turn.number] = self.compute.record_event()
        return True

    def _embed(self, turn: Turn) -> Tensor:
        if turn.step == 0:
            self._tokens = []
            self.compute.wait_event(self.index_loaded[turn.prompt])
            last = self._last[turn.prompt].to("cuda", non_blocking=True)
        else:
            last = self._tokens[-1].reshape(1)
        return self.model.embed(last, turn.start)

    def _keep_result(self, turn: Turn) -> None:
        result = torch.empty(len(self._tokens), dtype=torch.int64, pin_memory=True)
        result.copy_(torch.stack(self._tokens), non_blocking=True)
        self.results[turn.prompt] = result


class _Turn:
    """The cache of a turn, a `LayerCache`: the indexer's keys, then the layer or its buffer."""

    def __init__(self, rank: Rank, turn: Turn, waits: torch.cuda.Event | None) -> None:
        self._rank, self._turn, self._waits = rank, turn, waits

    def index_keys(self, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`: every rank has them, and needs no broadcast for them."""
        keys = self._rank.index_cache[layer]
        keys[start : start + len(new)] = new
        return keys[: start + len(new)]

    def keys_values(self, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`: only here is the broadcast waited for."""
        rank, turn = self._rank, self._turn
        if self._waits is not None:
            rank.compute.wait_event(self._waits)
        if rank.owns(turn):
            rank.layers[layer, start : start + len(new)] = new
            return rank.layers[layer, : start + len(new)]
        return torch.cat([rank.buffers[turn.number % BUFFERS, :start], new])
