"""A cache split by layers: each rank keeps some of them, and lends them to the others in time.

Before the attention of a layer its *owner* broadcasts the keys and values of the layer, ahead of
time and hidden behind the work of the indexer, into one of two buffers of each other rank. A *turn*
is one use of one layer; all ranks take the turns in one order. Index keys are small, so every rank
keeps all of them.

A rank is an object with three streams and a host, whose loops `fetch`, `take_up` and `attend` each
do one thing and say whether they did. How ranks reach each other is a `Group`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import product

import torch
from torch import Tensor

from reference_impl.attention import Component, SmallModel, to_host
from reference_impl.barriers import LayerSplit
from reference_impl.rank_group import Broadcast, Group, is_done

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


@dataclass
class Turn:
    """One use of one layer, in one step of one prompt, and how far a rank is with it.

    It reads `start` rows and appends the next. Events are there once recorded: `loaded` behind the
    load of the layer, which the first step needs of its owner, and `attended` behind the attention.
    """

    number: int
    prompt: int
    step: int
    layer: int
    start: int
    stage: Stage = Stage.AHEAD
    load_failed: bool = False
    loaded: torch.cuda.Event | None = None
    side: Broadcast | None = None
    attended: torch.cuda.Event | None = None


@dataclass(eq=False)
class Rank:
    """One rank of `ranks`: the layers it keeps, its buffers, its streams and its host.

    index_cache: float32 [layers, rows, index_dim]
    layers: float32 [layers, rows, 2, heads, head_dim]; only those that it owns are used
    buffers: float32 [BUFFERS, rows, 2, heads, head_dim]
    ready: for each layer the prompt of its newest load that was seen to end, -1 before any
    dropped: prompts that a turn was left of
    results: the tokens of each prompt, int64 [count] in pinned memory, once they are queued
    """

    number: int
    ranks: int
    model: SmallModel
    prompts: Sequence[Prompt]
    group: Group
    on: LayerSplit

    def __post_init__(self) -> None:
        prompts, shape = self.prompts, self.model.shape
        self.turns: list[Turn] = []
        for place, prompt in enumerate(prompts):
            for step, layer in product(range(prompt.count), range(shape.layers)):
                self.turns.append(Turn(len(self.turns), place, step, layer, prompt.length + step))
        rows = max(prompt.length + prompt.count for prompt in prompts)
        one = (rows, 2, shape.heads, shape.head_dim)
        self.index_cache = torch.zeros(shape.layers, rows, shape.index_dim, device="cuda")
        self.layers = torch.zeros(shape.layers, *one, device="cuda")
        self.buffers = torch.zeros(BUFFERS, *one, device="cuda")
        self.compute, self.broadcasts, self.loads = (torch.cuda.Stream() for _ in range(3))
        self.index_loaded: list[torch.cuda.Event] = []
        self.ready = [-1] * shape.layers
        self.dropped: set[int] = set()
        self.results: dict[int, Tensor] = {}
        self._last = [torch.tensor([prompt.last]).pin_memory() for prompt in prompts]
        self._ended: set[int] = set()
        self._x = torch.empty(0)
        self._tokens: list[Tensor] = []
        torch.cuda.synchronize()  # what was set up is there for every stream

    def owns(self, turn: Turn) -> bool:
        """Whether this rank keeps the layer of a turn; layers are dealt out one by one."""
        return turn.layer % self.ranks == self.number

    def buffer_of(self, turn: Turn) -> int:
        """The buffer in which a turn is received; they are used in turn."""
        return turn.number % BUFFERS

    def needs_load(self, turn: Turn) -> bool:
        """Whether this rank has to load the layer for a turn."""
        return self.owns(turn) and turn.step == 0

    # Loads.

    def fetch(self) -> bool:
        """Queue the next load, once nobody uses what it writes over; or see one end."""
        for turn in self.turns:
            if turn.prompt and not self.group.all_finished(turn.prompt - 1):
                break
            prompt = self.prompts[turn.prompt]
            if turn.prompt == len(self.index_loaded):
                self.index_loaded.append(self._load(self.index_cache, prompt.index_keys))
                return True
            if turn.load_failed or not self.needs_load(turn):
                continue
            if turn.loaded is None:
                layer = slice(turn.layer, turn.layer + 1)
                turn.loaded = self._load(self.layers[layer], prompt.keys_values[layer])
                return True
            if self.ready[turn.layer] < turn.prompt and turn.loaded.query():
                self.ready[turn.layer] = turn.prompt
                return True
        return False

    def _load(self, layers: Tensor, rows: Tensor) -> torch.cuda.Event:
        with torch.cuda.stream(self.loads):
            layers[:, : rows.shape[1]].copy_(rows, non_blocking=True)
        return self.loads.record_event()

    # Collectives.

    def take_up(self) -> bool:
        """Bring the next turn one stage on."""
        turn = self._next()
        if turn is None:
            return False
        if turn.stage is Stage.AGREED:
            return self._join(turn)
        if turn.stage is Stage.AHEAD and turn.prompt not in self.dropped:
            return self._ask(turn)
        agreed = turn.stage is Stage.ASKING and self.group.concluded(turn.number, self.number)
        if agreed:
            turn.stage = Stage.AGREED
        elif agreed is False:
            self._leave(turn)
        return agreed is not None

    def _next(self) -> Turn | None:
        """The first turn whose collectives are not over."""
        return next((turn for turn in self.turns if turn.stage < Stage.JOINED), None)

    def _ask(self, turn: Turn, *, refuses: bool = False) -> bool:
        speaks = self.needs_load(turn)
        if speaks and not (turn.load_failed or refuses) and not self._load_has_ended(turn):
            return False
        if self.on.status_comes_first and (speaks or self.on.idle_ranks_take_part or refuses):
            self.group.enter(turn.number, self.number, turn.load_failed or refuses)
            turn.stage = Stage.ASKING
        elif turn.load_failed:
            self._leave(turn)
        else:
            turn.stage = Stage.AGREED
        return True

    def _load_has_ended(self, turn: Turn) -> bool:
        """What the owner takes for the end of a load; without its flag, that it is queued."""
        if self.on.owner_waits_for_load:
            flag = self.ready[turn.layer]
            return flag == turn.prompt if self.on.flags_have_epochs else flag >= 0
        return turn.loaded is not None or not self.on.send_waits_for_load

    def refuse(self) -> bool:
        """There is no room for the next turn, or its request was heard to be aborted."""
        turn = self._next()
        if turn is None or turn.prompt in self.dropped:
            return False
        if turn.stage is Stage.AHEAD and self.on.refusals_are_voted:
            return self.on.status_comes_first and self._ask(turn, refuses=True)
        may_leave = turn.stage is Stage.AGREED and not self.on.agreed_is_joined
        if turn.stage is Stage.AHEAD or may_leave:
            self._leave(turn)
            return True
        return False

    def _leave(self, turn: Turn) -> None:
        turn.stage = Stage.LEFT
        self.dropped.add(turn.prompt)

    def _join(self, turn: Turn) -> bool:
        """Join a broadcast; what it waits for on its stream is recorded by then."""
        on, buffer, sends = self.on, self.buffer_of(turn), self.owns(turn)
        rows = turn.start if on.broadcast_names_its_rows else self.buffers.shape[1]
        lent = self.layers[turn.layer, :rows] if sends else self.buffers[buffer, :rows]
        side, before = Broadcast(turn.number, self.number, self.broadcasts, lent, sends), []
        joined = [t for t in self.turns[: turn.number] if t.stage is Stage.JOINED]
        received = [t for t in joined if not self.owns(t)]
        if sends and on.send_waits_for_load and turn.loaded is not None:
            side.waits.append(turn.loaded)
        if sends and on.send_waits_for_append:
            before = [t.attended for t in joined if t.layer == turn.layer]
        if not sends and on.receive_waits_for_reader:
            before = [t.attended for t in received if self.buffer_of(t) == buffer]
        side.waits += [event for event in before if event is not None]
        if None in before:
            return False
        if on.join_waits_for_reader and not all(is_done(t.attended) for t in received):
            return False
        turn.side, turn.stage = side, Stage.JOINED
        self.group.join(side)
        return True

    # Attention.

    def attend(self) -> bool:
        """Queue the layer of the next turn, or tell that a prompt is done with."""
        left = (t for t in self.turns if t.stage is not Stage.LEFT and t.attended is None)
        turn = next(left, None)
        for prompt in range(len(self.prompts) if turn is None else turn.prompt):
            if prompt not in self._ended and self._is_over(prompt):
                # Everybody may write over the rows of a prompt once all ranks have seen its end.
                self._ended.add(prompt)
                self.group.finish(prompt, self.number)
                return True
        return turn is not None and turn.stage is Stage.JOINED and self._attend(turn)

    def _is_over(self, prompt: int) -> bool:
        """Whether the host sees that its attention and its broadcasts of a prompt have ended."""
        mine = [(t.attended, t.side.done) for t in self.turns if t.prompt == prompt and t.side]
        return all(is_done(attended) and is_done(lent) for attended, lent in mine)

    def _attend(self, turn: Turn) -> bool:
        assert turn.side is not None
        on, behind = self.on, turn.side.done
        waits = on.append_waits_for_send if self.owns(turn) else on.attention_waits_for_broadcast
        if (waits and behind is None) or turn.prompt >= len(self.index_loaded):
            return False
        with torch.cuda.stream(self.compute):
            if turn.layer == 0:
                self._x = self._embed(turn)
            cache = _Turn(self, turn, behind if waits else None)
            self._x = self.model.layer(self._x, turn.layer, turn.start, cache)
            if turn.layer + 1 == self.model.shape.layers:
                self._tokens.append(self.model.token(self._x))
                if len(self._tokens) == self.prompts[turn.prompt].count:
                    self.results[turn.prompt] = to_host(self._tokens)
        turn.attended = self.compute.record_event()
        return True

    def _embed(self, turn: Turn) -> Tensor:
        if turn.step == 0:
            self._tokens = []
            self.compute.wait_event(self.index_loaded[turn.prompt])
            last = self._last[turn.prompt].to("cuda", non_blocking=True)
        else:
            last = self._tokens[-1].reshape(1)
        return self.model.embed(last, turn.start)


class _Turn:
    """The cache of a turn, a `LayerCache`: the indexer's keys, then the layer or its buffer."""

    def __init__(self, rank: Rank, turn: Turn, waits: torch.cuda.Event | None) -> None:
        self._rank, self._turn, self._waits = rank, turn, waits

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`: every rank has the index keys, and only keys and values are waited
        for."""
        rank, turn = self._rank, self._turn
        if component is Component.INDEX_KEYS:
            return _append(rank.index_cache[layer], start, new)
        if self._waits is not None:
            rank.compute.wait_event(self._waits)
        if rank.owns(turn):
            return _append(rank.layers[layer], start, new)
        return torch.cat([rank.buffers[rank.buffer_of(turn), :start], new])


def _append(rows: Tensor, start: int, new: Tensor) -> Tensor:
    stop = start + len(new)
    rows[start:stop] = new
    return rows[:stop]
