"""Requests aborted while large writes are in flight, and their slots used again, over NIXL.

    python -m reference_impl.adapters.abort_and_reuse --design as_reported --seconds 60

The decode process has one slot. It gives it to a long request, aborts that while the prefill
process writes into it, and gives it, as soon as the design lets it, to a short one, whose writes go
over a connection of their own, as with several transfer workers. What it decodes is looked at as
long as it decodes: every byte must be of its own request. Over shared memory a write is over as
soon as it is posted, so UCX is told to use TCP unless `UCX_TLS` says otherwise. The exit code is 1
if foreign bytes were seen.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

import torch
from torch import Tensor

from reference_impl.adapters.designs import design, handoff
from reference_impl.adapters.device import device
from reference_impl.adapters.processes import SPAWN, ProcessError, together
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


class Counted(NixlTransport):
    """A transport that counts what is posted."""

    posted = 0

    def post(self, regions: Sequence[Region]) -> Write:
        """As in `Transport`."""
        self.posted += 1
        return super().post(regions)


@dataclass(frozen=True)
class Counts:
    """What was done and seen. `foreign` counts requests, `most` is the most bytes that one saw."""

    aborts: int = 0
    reuses: int = 0
    served: int = 0
    foreign: int = 0
    most: int = 0
    writes: int = 0


def decode_process(on: Handoff, seconds: float, seed: int, peer: Connection) -> Counts:
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
        counts = _Decoding(node, random.Random(seed)).go(seconds)
        peer.send("over")
        return counts


class _Decoding:
    """The loops of the decode node, and what it sees."""

    def __init__(self, node: DecodeNode, draw: random.Random) -> None:
        self.node, self.draw = node, draw
        self.aborts = self.reuses = self.served = self.most = 0
        self.foreign: set[int] = set()

    def go(self, seconds: float) -> Counts:
        """One long and one short request after the other, until time is up."""
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            self._abort_one(number)
            self._serve_one(number + 1)
            number += 2
        return Counts(self.aborts, self.reuses, self.served, len(self.foreign), self.most)

    def _submit(self, number: int, chunks: int, peer: int) -> Request:
        prompt = (number + 1,) * (chunks * SHAPE.page_rows)
        return self.node.submit(number, prompt, COUNT, peer)

    def _abort_one(self, number: int) -> None:
        request = self._submit(number, LONG, 0)
        self._until(request, Phase.TRANSFERRING)
        due = time.monotonic() + self.draw.uniform(0, LATEST_ABORT)
        while time.monotonic() < due and request.phase is Phase.TRANSFERRING:
            self._go_on()
        self.aborts += request.phase is Phase.TRANSFERRING
        self.node.abort(number)

    def _serve_one(self, number: int) -> None:
        request = self._submit(number, SHORT, 1)
        self._until(request, Phase.TRANSFERRING)
        self.reuses += 1
        self._until(request, Phase.FINISHED, Phase.ABORTED)
        self.served += request.phase is Phase.FINISHED

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
                self.most = max(self.most, 4 * wrong)


def prefill_process(on: Handoff, peer: Connection) -> int:
    """The whole life of the prefill process; how many writes it posted."""
    with device() as memory:
        card = _received(peer)
        stand_in = SlotPool(SHAPE, PAGES)
        target = [*stand_in.components, stand_in.records]
        nodes, transports = [], []
        for worker, chunks in zip(WORKERS, (2 * LONG, 2 * SHORT), strict=True):
            pool = SlotPool(SHAPE, chunks)
            torch.cuda.synchronize()
            endpoint = Endpoint(worker, memory)
            endpoint.register([*pool.components, pool.records])
            endpoint.meet(card)
            peer.send(endpoint.card())
            transport = Counted(endpoint, card, target, PATIENCE)
            talk = Notifications(endpoint, card.name)
            transports.append(transport)
            other = Peer(talk, talk, transport)
            nodes.append(PrefillNode(Stamp(), pool, stand_in, other, on))
        while not peer.poll():
            for node in nodes:
                node.listen()
                node.work()
                node.tidy()
        peer.recv()
        return sum(transport.posted for transport in transports)


def _received(peer: Connection) -> Card:
    if not peer.poll(STARTS_WITHIN):
        raise TransferError(f"the other process does not start within {STARTS_WITHIN:g} s")
    card: Card = peer.recv()
    return card


def run(on: Handoff, seconds: float, seed: int = 0) -> Counts:
    """Abort and reuse for so many seconds. Raises `ProcessError` if a process fails."""
    ours, theirs = SPAWN.Pipe()
    try:
        returned = together(
            {
                "decode": partial(decode_process, on, seconds, seed, ours),
                "prefill": partial(prefill_process, on, theirs),
            },
            seconds + STARTS_WITHIN + 2 * PATIENCE,
        )
    finally:
        ours.close()
        theirs.close()
    seen: Counts = returned["decode"]
    return Counts(
        seen.aborts, seen.reuses, seen.served, seen.foreign, seen.most, returned["prefill"]
    )


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m reference_impl.adapters.abort_and_reuse",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--design", default="published_fix", help="of models/slot_lifecycle.py")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="of when requests are aborted")
    asked = parser.parse_args(arguments)
    os.environ.setdefault("UCX_TLS", "tcp")
    on = handoff("slot_lifecycle", design("slot_lifecycle", asked.design)).on
    try:
        seen = run(on, asked.seconds, asked.seed)
    except ProcessError as error:
        sys.stderr.write(f"abort_and_reuse: {error}\n")
        return 2
    sys.stdout.write(
        f"{asked.design}, {asked.seconds:g} s: {seen.writes} writes, {seen.aborts} aborts, "
        f"{seen.reuses} reuses, {seen.served} requests served\n"
        f"foreign bytes: seen by {seen.foreign} requests, at most {seen.most} at once\n"
    )
    return int(seen.foreign > 0)


if __name__ == "__main__":
    sys.exit(main())
