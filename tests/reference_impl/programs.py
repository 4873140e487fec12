"""The cache served by plain loops: the same source on the virtual device and on a GPU.

Each program takes switches and gives, for each request, its tokens and those of the oracle.
`window` is called where the device should be slow, on the stream that should.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch

from reference_impl.adapters.designs import design, handoff
from reference_impl.adapters.heads import with_heads_reversed
from reference_impl.adapters.one_device import Copies, Mailbox
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import AsyncCacheLoad, Handoff, LayerSplit
from reference_impl.decode import DecodeNode, Phase
from reference_impl.hierarchical import HostTier, Request, Stage, TwoTierCache
from reference_impl.layer_split import Prompt, Rank
from reference_impl.layer_split import Stage as Taken
from reference_impl.load.oracle import oracle
from reference_impl.messages import Message
from reference_impl.prefill import PrefillNode
from reference_impl.rank_group import LocalGroup
from reference_impl.slot_pool import SlotPool
from reference_impl.transport import Peer, Region

Compared = list[tuple[tuple[int, ...], tuple[int, ...]]]
Window = Callable[[], object]
Watch = Callable[..., object]
"""Is given the parts of a program before they are used, to observe them."""
COUNT = 3
PROMPTS = tuple(tuple((7 * r + 3 * i * i + i) % 97 for i in range(8)) for r in range(3))
MOST = 20_000
"""Rounds after which a program counts as one that hangs."""


def unwatched(*_: object) -> None:
    """Nobody observes a program."""


class SlowCopies(Copies):
    """Copies whose stream is busy first."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window

    def post(self, regions: Sequence[Region]):
        return super().post(regions, before=self._window)


class WatchedMailbox(Mailbox):
    """A mailbox that an observer of the nodes looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.left: Callable[[Message, bool], object] = lambda _message, _arrives: None

    @property
    def waiting(self) -> list[Message]:
        return list(self._messages)

    def receive(self) -> Message | None:
        message = super().receive()
        if message is not None:
            self.left(message, True)
        return message


def handing_over(
    on: Handoff, window: Window = nullcontext, *, cancel: int = -1, watch: Watch = unwatched
) -> Compared:
    """Three requests through one slot; the first is cancelled in round `cancel`."""
    shape = Shape()
    model = SmallModel(shape)
    other, right = with_heads_reversed(model), []
    for prompt in PROMPTS:
        right.append(oracle(other, prompt, COUNT).tokens)
    pages = shape.pages(len(PROMPTS[0]) + COUNT)
    pool, sources = SlotPool(shape, pages), SlotPool(shape, 8)
    torch.cuda.synchronize()
    up, down, transport = WatchedMailbox(), WatchedMailbox(), SlowCopies(window)
    decode = DecodeNode(model, pool, on, Peer(down, up, transport))
    prefill = PrefillNode(other, sources, pool, Peer(up, down, transport), on)
    watch(decode, prefill, (up, down))
    for number, prompt in enumerate(PROMPTS):
        decode.submit(number, prompt, COUNT)
    over = (Phase.ABORTED, Phase.FINISHED)
    for round_ in range(MOST):
        if round_ == cancel:
            decode.abort(0)
        loops = decode.admit, prefill.listen, prefill.work, prefill.tidy, decode.listen, decode.step
        moved = [loop() for loop in loops]  # all of them have their turn, whichever moves
        if not any(moved):
            decode.ask_again()
        if all(request.phase in over for request in decode.requests.values()):
            break
    torch.cuda.synchronize()
    finished = [r for r in decode.requests.values() if r.phase is Phase.FINISHED]
    assert len(finished) >= len(PROMPTS) - (cancel >= 0)
    return [(tuple(r.tokens), right[r.number]) for r in finished]


def two_tiers(
    on: AsyncCacheLoad,
    window: Window = nullcontext,
    *,
    cancel: int = -1,
    requests: int = 8,
    prompts: int = 3,
    pages: int = 2,
    count: int = COUNT,
    watch: Watch = unwatched,
) -> Compared:
    """Requests that are computed, written back, evicted and restored, while the host runs ahead;
    there are so many pages on the device, and as many on the host."""
    shape = Shape(page_rows=10)
    model, last = SmallModel(shape), 5
    prefixes = [prompt[:6] for prompt in PROMPTS[:prompts]]
    known = {p: oracle(model, (*p, last), count, chunk=len(p)) for p in prefixes}
    cache = TwoTierCache(model, SlotPool(shape, pages), HostTier(shape, pages), on)
    torch.cuda.synchronize()
    watch(cache, known)
    for number in range(requests):
        cache.submit(Request(number, prefixes[number % prompts], last, count))
    first = known[prefixes[0]]
    cache.prefetch(prefixes[0], first.index_keys[:, :6], first.keys_values[:, :6])
    for round_ in range(MOST):
        for stream in (cache.load, cache.store):
            with torch.cuda.stream(stream):
                window()
        cache.take_acks()
        cache.admit()
        cache.launch()
        for request in cache.requests:
            if not cache.back_up(request) and request.stage is Stage.LAUNCHED:
                cache.evict(request)
        if round_ == cancel:
            cache.abort(cache.requests[1])
        for request in cache.requests:
            cache.release(request)
        if all(request.stage is Stage.RELEASED for request in cache.requests):
            break
    torch.cuda.synchronize()
    done = [request for request in cache.requests if request.result is not None]
    assert len(done) >= len(cache.requests) - (cancel >= 0)
    return [(tuple(r.tokens or ()), known[r.prefix].tokens) for r in done]


def split_by_layers(
    on: LayerSplit,
    window: Window = nullcontext,
    *,
    count: int = COUNT,
    refuse: int = -1,
    watch: Watch = unwatched,
) -> Compared:
    """Two prompts on two ranks; the last rank refuses the turn `refuse`, and with it its prompt."""
    shape, last = Shape(), 5
    model = SmallModel(shape)
    prompts, right = [], []
    for prompt in PROMPTS[:2]:
        found = oracle(model, (*prompt[:6], last), count, chunk=6)
        rows = found.index_keys[:, :6].clone(), found.keys_values[:, :6].clone()
        prompts.append(Prompt(rows[0].pin_memory(), rows[1].pin_memory(), last, count))
        right.append(found.tokens)
    group = LocalGroup(2, on)
    ranks = [Rank(number, 2, model, prompts, group, on) for number in range(2)]
    watch(ranks, [prompt.keys_values for prompt in prompts])

    def take_up(rank: Rank) -> bool:
        turn = next((t.number for t in rank.turns if t.stage < Taken.JOINED), None)
        if rank is ranks[-1] and turn == refuse:
            rank.refuse()
        return rank.take_up()

    for _ in range(MOST):
        for rank in ranks:
            for stream in (rank.loads, rank.broadcasts):
                with torch.cuda.stream(stream):
                    window()
            went_on = [rank.fetch(), take_up(rank), take_up(rank), rank.attend()]
        over = all(t.stage >= Taken.JOINED for rank in ranks for t in rank.turns)
        served = all(len(r.results.keys() | r.dropped) == len(prompts) for r in ranks)
        if over and served and not any(went_on):
            break
    torch.cuda.synchronize()
    assert all(len(r.dropped) == (refuse >= 0) for r in ranks)
    return [(tuple(r.results[n].tolist()), right[n]) for r in ranks for n in r.results]


def safe_handoff() -> Handoff:
    return handoff("slot_lifecycle", design("slot_lifecycle", "published_fix")).on


def safe_two_tiers(name: str = "by_streams") -> AsyncCacheLoad:
    return AsyncCacheLoad.on(design("async_cache_load", name))


def safe_layer_split(name: str = "agreed_rounds") -> LayerSplit:
    return LayerSplit.on(design("layer_split", name) - {"loads_succeed"})
