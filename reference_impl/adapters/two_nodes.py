"""A handoff between two real processes, which exchange writes and messages over NIXL.

    python -m reference_impl.adapters.two_nodes --requests 6 --abort 1 --design published_fix

The decode process owns the slots and submits requests; the prefill process computes the prompts and
writes them into the slots. An aborted request is tried again. All tokens are held against a run
without overlap. With `--prefill dies` or `--prefill hangs` the prefill process does so once it has
posted writes, which shows how that is noticed. The exit code is 1 if a token differs, a page is not
free, or a process fails.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

import torch

from reference_impl.adapters.device import device
from reference_impl.adapters.heads import with_heads_reversed
from reference_impl.adapters.processes import SPAWN, ProcessError, together
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import Handoff
from reference_impl.decode import DecodeNode, Phase
from reference_impl.load.oracle import oracle
from reference_impl.nixl_transport import (
    Card,
    Endpoint,
    NixlTransport,
    Notifications,
    TransferError,
)
from reference_impl.prefill import PrefillNode
from reference_impl.slot_pool import SlotPool
from reference_impl.transport import Peer

SHAPE = Shape()
COUNT, PROMPT = 3, 10
STARTS_WITHIN = 60.0
"""Seconds that a process may take to import torch and to compute what is right."""
FAULTS = {"works": None, "dies": signal.SIGKILL, "hangs": signal.SIGSTOP}


@dataclass(frozen=True)
class Plan:
    """What is run: the requests of `aborts` are aborted while their transfer is under way.

    `patience` is how many seconds a node waits without anything happening. `fault` is a signal that
    the prefill process sends itself once it has posted writes: SIGKILL and it dies, SIGSTOP and it
    hangs.
    """

    on: Handoff
    requests: int = 4
    aborts: tuple[int, ...] = ()
    slots: int = 2
    patience: float = 10.0
    fault: signal.Signals | None = None

    @property
    def pages(self) -> int:
        """Pages of the decode node."""
        return self.slots * SHAPE.pages(PROMPT + COUNT)

    def prompt(self, request: int) -> tuple[int, ...]:
        """The prompt of a request, or of a retry, whose number is greater by `requests`."""
        r = request % self.requests
        return tuple((7 * r + 3 * i * i + i) % SHAPE.vocabulary for i in range(PROMPT))


@dataclass(frozen=True)
class Ended:
    """How a request ended, and the tokens that it should have."""

    request: int
    phase: str
    tokens: tuple[int, ...]
    right: tuple[int, ...]

    @property
    def is_right(self) -> bool:
        """Whether a finished request has the oracle's tokens."""
        return self.phase != "finished" or self.tokens == self.right


@dataclass(frozen=True)
class Report:
    """How all requests ended, and how many of the decode node's pages are free."""

    requests: tuple[Ended, ...]
    free: int
    pages: int

    @property
    def is_right(self) -> bool:
        """Whether no token differs and no page is held."""
        return self.free == self.pages and all(ended.is_right for ended in self.requests)


def decode_process(plan: Plan, peer: Connection) -> Report:
    """The whole life of the decode process."""
    with device() as memory:
        model = SmallModel(SHAPE)
        right = [
            oracle(with_heads_reversed(model), plan.prompt(r), COUNT).tokens
            for r in range(plan.requests)
        ]
        pool = SlotPool(SHAPE, plan.pages)
        torch.cuda.synchronize()  # nothing of the set-up may come after a write of the peer
        endpoint = Endpoint("decode", memory)
        endpoint.register(_memory(pool))
        peer.send(endpoint.card())
        card = _card(peer)
        endpoint.meet(card)
        talk = Notifications(endpoint, card.name)
        fence_only = NixlTransport(endpoint, card, [], plan.patience)
        node = DecodeNode(model, pool, plan.on, Peer(talk, talk, fence_only))
        for number in range(plan.requests):
            node.submit(number, plan.prompt(number), COUNT)
        _until_over(node, plan)
        peer.send("over")
        ended = [
            Ended(r.number, r.phase.name.lower(), tuple(r.tokens), right[r.number % plan.requests])
            for r in node.requests.values()
        ]
        return Report(tuple(ended), pool.free, plan.pages)


def _until_over(node: DecodeNode, plan: Plan) -> None:
    """All loops of the node in turn, until every request is over."""
    to_abort = set(plan.aborts)
    moved = asked = time.monotonic()
    while True:
        under_way = [
            r for r in node.requests.values() if r.phase not in (Phase.ABORTED, Phase.FINISHED)
        ]
        if not under_way:
            return
        # Every loop gets its turn: a list, where `any` would stop at the first that moves.
        now, did = time.monotonic(), any([node.listen(), node.admit(), node.step()])
        for request in under_way:
            if request.number in to_abort and request.phase is Phase.TRANSFERRING:
                to_abort.discard(request.number)
                node.abort(request.number)
                node.submit(request.number + plan.requests, request.prompt, COUNT)
                did = True
        if now - asked > plan.patience / 4:
            asked = now
            node.ask_again()
        if did:
            moved = now
        elif now - moved > plan.patience:
            waiting = ", ".join(f"request {r.number} is {r.phase.name.lower()}" for r in under_way)
            raise TransferError(f"no word from the prefill node for {plan.patience:g} s: {waiting}")


def prefill_process(plan: Plan, peer: Connection) -> int:
    """The whole life of the prefill process; how many requests it was asked for."""
    with device() as memory:
        model = with_heads_reversed(SmallModel(SHAPE))
        pool = SlotPool(SHAPE, 4 * SHAPE.pages(PROMPT))
        stand_in = SlotPool(SHAPE, plan.pages)
        torch.cuda.synchronize()
        endpoint = Endpoint("prefill", memory)
        endpoint.register(_memory(pool))
        card = _card(peer)
        endpoint.meet(card)
        peer.send(endpoint.card())
        transport = NixlTransport(endpoint, card, _memory(stand_in), plan.patience)
        talk = Notifications(endpoint, card.name)
        node = PrefillNode(model, pool, stand_in, Peer(talk, talk, transport), plan.on)
        asked = 0
        while not peer.poll():
            asked += node.listen()
            node.work()
            node.tidy()
            if plan.fault is not None and node.under_way:
                os.kill(os.getpid(), plan.fault)
        peer.recv()
        return asked


def _card(peer: Connection) -> Card:
    if not peer.poll(STARTS_WITHIN):
        raise TransferError(f"the other node does not start within {STARTS_WITHIN:g} s")
    card: Card = peer.recv()
    return card


def _memory(pool: SlotPool) -> list[torch.Tensor]:
    return [*pool.components, pool.records]


def run(
    plan: Plan,
    timeout: float = 120.0,
    started: Callable[[Mapping[str, int]], object] = lambda _: None,
) -> Report:
    """Run a plan in two processes.

    Raises `ProcessError` if one of them fails or they are not done after `timeout` seconds; no
    process is left then, nor otherwise. `started` is told their process ids by name.
    """
    ours, theirs = SPAWN.Pipe()
    tasks: dict[str, Callable[[], object]] = {
        "decode": partial(decode_process, plan, ours),
        "prefill": partial(prefill_process, plan, theirs),
    }
    try:
        report: Report = together(tasks, timeout, started)["decode"]
    finally:
        ours.close()
        theirs.close()
    return report


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="reference_impl.adapters.two_nodes", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--requests", type=int, default=4)
    parser.add_argument(
        "--abort", type=int, action="append", default=[], metavar="REQUEST", help="may be repeated"
    )
    parser.add_argument("--design", default="published_fix", help="of models/slot_lifecycle.py")
    parser.add_argument("--prefill", choices=FAULTS, default="works")
    parser.add_argument("--patience", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS")
    asked = parser.parse_args(arguments)
    from reference_impl.adapters.designs import design, handoff

    on = handoff("slot_lifecycle", design("slot_lifecycle", asked.design)).on
    plan = Plan(
        on, asked.requests, tuple(asked.abort), patience=asked.patience, fault=FAULTS[asked.prefill]
    )
    try:
        report = run(plan, asked.timeout)
    except ProcessError as error:
        sys.stderr.write(f"two_nodes: {error}\n")
        return 1
    for ended in report.requests:
        tokens = " ".join(map(str, ended.tokens)) or "-"
        verdict = "" if ended.is_right else f"  WRONG: {' '.join(map(str, ended.right))}"
        sys.stdout.write(f"request {ended.request}  {ended.phase:9} {tokens}{verdict}\n")
    sys.stdout.write(f"{report.free} of {report.pages} pages are free\n")
    return 0 if report.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
