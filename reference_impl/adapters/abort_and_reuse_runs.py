"""What `abort_and_reuse` runs: a decode process with one slot, a prefill process with two workers.

The slot is given to a long request, which is aborted while the first worker writes into it, and
then to a short one, which the second worker writes. Both processes count in memory that the command
shares with them, so that what they counted is known however they end.
"""

from __future__ import annotations

import ctypes
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.connection import Connection

import torch
from torch import Tensor

from reference_impl.adapters.device import device
from reference_impl.adapters.processes import SPAWN, together
from reference_impl.adapters.two_nodes import STARTS_WITHIN
from reference_impl.attention import LayerCache, Shape, SmallModel
from reference_impl.barriers import Handoff
from reference_impl.decode import DecodeNode, Phase, Request
from reference_impl.nixl_transport import (
    Card,
    Endpoint,
    NixlTransport,
    Notifications,
    TransferError,
    Write,
)
from reference_impl.prefill import PrefillNode
from reference_impl.slot_pool import Paged, SlotPool
from reference_impl.transport import Peer, Region

SHAPE = Shape(layers=1, head_dim=1 << 18, positions=0, vocabulary=0)
"""A page is 16 MiB of keys and values."""
LONG, SHORT, COUNT = 5, 2, 4
"""Chunks of a request that is aborted and of one that is not, and tokens of each."""
PAGES = SHAPE.pages(LONG * SHAPE.page_rows + COUNT)
WORKERS = ("long", "short")
LATEST_ABORT = 0.4
"""Seconds after its allocation within which a request is aborted."""
PATIENCE = 20.0


class Stamp(SmallModel):
    """A model whose keys and values are its prompt's first token, so that a page costs no time."""

    def __init__(self) -> None:
        self.shape = SHAPE

    def forward(self, tokens: Tensor, start: int, cache: LayerCache) -> Tensor:
        """As in `SmallModel`; the rows of generated tokens are left as they are."""
        assert isinstance(cache, Paged)
        if len(tokens) == SHAPE.page_rows:
            page = cache.pages[start // SHAPE.page_rows]
            for region in cache.pool.regions(page):
                region.fill_(float(tokens[0]))
        return tokens[0]


class Counts(ctypes.Structure):
    """What was done and seen so far: `foreign` requests saw foreign bytes, `most` at once is most.

    Shared by the processes; each number is written by one of them.
    """

    aborts: int
    reuses: int
    served: int
    foreign: int
    most: int
    writes: int
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in ("aborts", "reuses", "served", "foreign", "most", "writes")
    ]

    def __str__(self) -> str:
        return (
            f"{self.writes} writes, {self.aborts} aborts, {self.reuses} reuses, "
            f"{self.served} requests served\n"
            f"foreign bytes: seen by {self.foreign} requests, at most {self.most} at once"
        )


class Counted(NixlTransport):
    """A transport that counts what is posted."""

    counts: Counts

    def post(self, regions: Sequence[Region]) -> Write:
        """As in `Transport`."""
        self.counts.writes += 1
        return super().post(regions)


def decode_process(
    on: Handoff, seconds: float, seed: int, peer: Connection, counts: Counts
) -> None:
    """The whole life of the decode process."""
    with device() as memory:
        pool = SlotPool(SHAPE, PAGES, reuse="fifo")
        torch.cuda.synchronize()
        endpoint = Endpoint("decode", memory)
        endpoint.register([*pool.components, pool.records])
        peer.send(endpoint.card())
        cards = [_received(peer) for _ in WORKERS]
        for card in cards:
            endpoint.meet(card)
        talks = [Notifications(endpoint, card.name) for card in cards]
        fence_only = [NixlTransport(endpoint, card, []) for card in cards]
        peers = [Peer(talk, talk, fence) for talk, fence in zip(talks, fence_only, strict=True)]
        node = DecodeNode(Stamp(), pool, on, *peers)
        _Decoding(node, random.Random(seed), counts).go(seconds)
        peer.send("over")
        peer.poll(PATIENCE)  # the writes that are still under way end in memory that is there


class _Decoding:
    """The loops of the decode node, and what it sees."""

    def __init__(self, node: DecodeNode, draw: random.Random, counts: Counts) -> None:
        self.node, self.draw, self.counts = node, draw, counts
        self.foreign: set[int] = set()

    def go(self, seconds: float) -> None:
        """One long and one short request after the other, until time is up."""
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            self._abort_one(number)
            self._serve_one(number + 1)
            number += 2

    def _submit(self, number: int, chunks: int, peer: int) -> Request:
        prompt = (number + 1,) * (chunks * SHAPE.page_rows)
        return self.node.submit(number, prompt, COUNT, peer)

    def _abort_one(self, number: int) -> None:
        request = self._submit(number, LONG, 0)
        self._until(request, Phase.TRANSFERRING)
        due = time.monotonic() + self.draw.uniform(0, LATEST_ABORT)
        while time.monotonic() < due and request.phase is Phase.TRANSFERRING:
            self._go_on()
        self.counts.aborts += request.phase is Phase.TRANSFERRING
        self.node.abort(number)

    def _serve_one(self, number: int) -> None:
        request = self._submit(number, SHORT, 1)
        self._until(request, Phase.TRANSFERRING)
        self.counts.reuses += 1
        self._until(request, Phase.FINISHED, Phase.ABORTED)
        self.counts.served += request.phase is Phase.FINISHED

    def _until(self, request: Request, *phases: Phase) -> None:
        moved = asked = time.monotonic()
        while request.phase not in phases:
            now = time.monotonic()
            if self._go_on():
                moved = now
            elif now - moved > PATIENCE:
                raise TransferError(f"request {request.number} stays {request.phase.name.lower()}")
            elif now - asked > 1:
                asked = now
                self.node.ask_again()

    def _go_on(self) -> bool:
        for request in self.node.requests.values():
            if request.phase in (Phase.RECEIVED, Phase.DECODING):
                self._look(request)
        did = [self.node.listen(), self.node.admit(), self.node.step()]
        for over in [r for r in self.node.requests.values() if r.phase is Phase.FINISHED]:
            del self.node.requests[over.number]
        return any(did)

    def _look(self, request: Request) -> None:
        """Count the bytes of a request's pages that are not its own."""
        assert request.slot is not None
        right = float(request.prompt[0])
        for page in request.slot.pages[: SHAPE.pages(len(request.prompt))]:
            wrong = sum(int((region != right).sum()) for region in self.node.pool.regions(page))
            if wrong:
                self.foreign.add(request.number)
                self.counts.foreign = len(self.foreign)
                self.counts.most = max(self.counts.most, 4 * wrong)


def prefill_process(on: Handoff, peer: Connection, counts: Counts) -> None:
    """The whole life of the prefill process."""
    with device() as memory:
        card = _received(peer)
        stand_in = SlotPool(SHAPE, PAGES)
        target = [*stand_in.components, stand_in.records]
        nodes = []
        for worker, chunks in zip(WORKERS, (2 * LONG, 2 * SHORT), strict=True):
            pool = SlotPool(SHAPE, chunks)
            torch.cuda.synchronize()
            endpoint = Endpoint(worker, memory)
            endpoint.register([*pool.components, pool.records])
            endpoint.meet(card)
            peer.send(endpoint.card())
            transport = Counted(endpoint, card, target, PATIENCE)
            talk = Notifications(endpoint, card.name)
            transport.counts = counts
            other = Peer(talk, talk, transport)
            nodes.append(PrefillNode(Stamp(), pool, stand_in, other, on))
        while not peer.poll():
            _go_on(nodes)
        last = time.monotonic() + PATIENCE
        while any(node.under_way for node in nodes) and time.monotonic() < last:
            _go_on(nodes)  # an agent that is destroyed while it writes may never return
        peer.send("over")


def _go_on(nodes: Sequence[PrefillNode]) -> None:
    for node in nodes:
        node.listen()
        node.work()
        node.tidy()


def _received(peer: Connection) -> Card:
    if not peer.poll(STARTS_WITHIN):
        raise TransferError(f"the other process does not start within {STARTS_WITHIN:g} s")
    card: Card = peer.recv()
    return card


def run(
    on: Handoff,
    seconds: float,
    counts: Counts,
    *,
    timeout: float,
    seed: int = 0,
    started: Callable[[Mapping[str, int]], object] = lambda _: None,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Abort and reuse for so many seconds, and count into `counts`, which is of `shared_counts`.

    `timeout` is of the whole, `started` and `meanwhile` are as in `together`. Raises `ProcessError`
    if a process fails, or is not done after `timeout` seconds.
    """
    ours, theirs = SPAWN.Pipe()
    try:
        together(
            {
                "decode": partial(decode_process, on, seconds, seed, ours, counts),
                "prefill": partial(prefill_process, on, theirs, counts),
            },
            timeout,
            started,
            meanwhile,
        )
    finally:
        ours.close()
        theirs.close()


def shared_counts() -> Counts:
    """Counts in memory that the processes of a run share, all zero."""
    counts: Counts = SPAWN.RawValue(Counts)
    return counts
