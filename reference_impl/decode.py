"""The decode node of a handoff: owns the slots, reads what was written, and gives them on.

`listen`, `admit`, `step` and `ask_again` are the loops of a real scheduler; each does one thing and
says whether it did. What a loop does for one request has a name of its own (`serve`, `start`,
`decode`, `ask`). `abort`, `miss_heartbeat` and `pass_deadline` come from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import torch

from reference_impl.attention import SmallModel
from reference_impl.barriers import Handoff
from reference_impl.messages import Abort, Answer, Arrived, Failure, Success, Transfer
from reference_impl.slot_pool import Paged, Slot, SlotPool
from reference_impl.transport import Peer


class Phase(Enum):
    """Where the decode node is with a request."""

    QUEUED, TRANSFERRING, RECEIVED, DECODING, RECLAIMING, ABORTED, FINISHED = range(7)


@dataclass
class Request:
    """A request; `tokens` are what it has generated so far, at most `count`, and `peer` is the
    prefill node that the router chose."""

    number: int
    prompt: tuple[int, ...]
    count: int
    peer: int = 0
    phase: Phase = Phase.QUEUED
    slot: Slot | None = None
    tokens: list[int] = field(default_factory=list)

    @property
    def listens(self) -> bool:
        """Whether a word of the prefill node is still waited for."""
        return self.phase in (Phase.TRANSFERRING, Phase.RECLAIMING)


class DecodeNode:
    """One decode node with its slots; `peers` are the prefill nodes that it is connected to, by the
    numbers that requests name them by."""

    def __init__(self, model: SmallModel, pool: SlotPool, on: Handoff, *peers: Peer) -> None:
        self.model, self.pool, self.on, self.peers = model, pool, on, list(peers)
        self.stream = torch.cuda.Stream()
        self.requests: dict[int, Request] = {}

    def submit(self, number: int, prompt: tuple[int, ...], count: int, peer: int = 0) -> Request:
        """A request comes in, or a retry under a number of its own."""
        made = self.requests[number] = Request(number, prompt, count, peer)
        return made

    # The scheduler's loops.

    def listen(self) -> bool:
        """Take one message; one that nobody waits for changes nothing."""
        received = (message for peer in self.peers if (message := peer.receive()) is not None)
        message = next(received, None)
        if message is None:
            return False
        request = self.requests[message.request]
        if not request.listens:
            return True
        match message:
            case Arrived() if request.phase is Phase.TRANSFERRING:
                self._reformat(request)
            case Success() if request.phase is Phase.TRANSFERRING:
                request.phase = Phase.RECEIVED
            case Success() | Answer():
                self._release(request)
            case Failure() if request.phase is Phase.TRANSFERRING:
                self._give_up(request, deferred=self.on.failure_is_deferred)
        return True

    def admit(self) -> bool:
        """Give a slot to the next request that waits for one, and send its address."""
        request = next((r for r in self.requests.values() if r.phase is Phase.QUEUED), None)
        return request is not None and self.serve(request)

    def serve(self, request: Request) -> bool:
        """Give a slot to a request, and send its address."""
        if request.phase is not Phase.QUEUED:
            return False
        peer = self.peers[request.peer]
        if not peer.is_connected:
            self._release(request)  # a router would try another node
            return True
        tokens = len(request.prompt) + request.count
        request.slot = self.pool.take(request.number, self.model.shape.pages(tokens))
        if request.slot is None:
            return False
        request.phase = Phase.TRANSFERRING
        peer.send(Transfer(request.number, request.prompt, request.slot))
        return True

    def step(self) -> bool:
        """Bring one request one token on: the first comes from the record, the last frees all."""
        for request in self.requests.values():
            if request.phase in (Phase.RECEIVED, Phase.DECODING):
                return self.start(request) or self.decode(request)
        return False

    def ask_again(self) -> bool:
        """Send the abort of each request whose slot is still held back once more."""
        asked = [self.ask(request) for request in self.requests.values()]
        return any(asked)

    def ask(self, request: Request) -> bool:
        """Send the abort of a request whose slot is still held back once more."""
        peer, asks = self.peers[request.peer], self.on.abort_is_sent and self.on.abort_is_sent_again
        if not (asks and peer.is_connected and request.phase is Phase.RECLAIMING):
            return False
        peer.send(Abort(request.number))
        return True

    # What comes from outside.

    def abort(self, number: int) -> bool:
        """A user leaves, time runs out, or a monitor gives up; whether there was anything to."""
        request = self.requests[number]
        match request.phase:
            case Phase.TRANSFERRING | Phase.RECEIVED:
                frees = request.phase is Phase.RECEIVED and self.on.seen_completion_frees
                self._give_up(request, deferred=self.on.abort_is_deferred and not frees)
            case Phase.QUEUED | Phase.DECODING:
                self._release(request)
            case _:
                return False
        return True

    def miss_heartbeat(self, peer: int = 0) -> None:
        """A prefill node counts as lost; what it still writes, nobody can tell."""
        self.peers[peer].is_connected = False
        if self.on.lost_node_is_fenced:
            self.peers[peer].transport.fence()
        for request in self.requests.values():
            if request.peer == peer and request.listens:
                if self.on.lost_node_is_fenced:
                    self._release(request)
                elif request.phase is Phase.TRANSFERRING:
                    self._give_up(request, deferred=self.on.failure_is_deferred)

    def pass_deadline(self, number: int) -> bool:
        """A slot has been held back for long enough."""
        request = self.requests[number]
        if not self.on.release_times_out or request.phase is not Phase.RECLAIMING:
            return False
        self._release(request)
        return True

    # What these have in common.

    def _give_up(self, request: Request, *, deferred: bool) -> None:
        """Nobody waits for this transfer any more: hold its slot back, or free it at once."""
        if deferred:
            request.phase = Phase.RECLAIMING
        else:
            self._release(request)
        if self.on.abort_is_sent:
            self.peers[request.peer].send(Abort(request.number))

    def _release(self, request: Request, phase: Phase = Phase.ABORTED) -> None:
        if request.slot is not None:
            self.pool.give_back(request.slot)
        request.slot, request.phase = None, phase

    def _reformat(self, request: Request) -> None:
        """Put the heads of what was received into the order that this node has them in."""
        with torch.cuda.stream(self.stream):
            for page in self._received(request):
                rows = self.pool.keys_values[page]
                rows.copy_(rows.flip(-2))
        self.stream.synchronize()  # short, and nothing of it is left when the slot is given on

    def _received(self, request: Request) -> tuple[int, ...]:
        assert request.slot is not None
        return request.slot.pages[: self.model.shape.pages(len(request.prompt))]

    def start(self, request: Request) -> bool:
        """Take the first token of a request that was received from its record, unless a guard says
        that it is another's."""
        if request.phase is not Phase.RECEIVED:
            return False
        assert request.slot is not None
        with torch.cuda.stream(self.stream):
            tag, token, rows = self.pool.records[request.slot.pages[0]].tolist()
            foreign = self.on.record_carries_tag and tag != request.slot.generation
            if self.on.record_carries_digest:
                foreign |= rows != int(self.pool.digest(self._received(request)))
        if foreign:
            self._release(request)
            return True
        request.phase = Phase.DECODING
        self._take(request, token)
        return True

    def decode(self, request: Request) -> bool:
        """Bring a request that decodes one token on."""
        if request.phase is not Phase.DECODING:
            return False
        assert request.slot is not None
        start = len(request.prompt) + len(request.tokens) - 1
        with torch.cuda.stream(self.stream):
            token = torch.tensor(request.tokens[-1:], device="cuda")
            token = self.model.forward(token, start, Paged(self.pool, request.slot))
            self._take(request, int(token))
        return True

    def _take(self, request: Request, token: int) -> None:
        request.tokens.append(token)
        if len(request.tokens) == request.count:
            self._release(request, Phase.FINISHED)
