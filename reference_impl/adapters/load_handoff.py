"""Two nodes of the handoff for `reference_impl.load`, with a wire and bad luck.

A write lands some ticks after it was posted, a few of them much later; of what a design does not
take for granted, a little goes wrong: aborts and answers get lost, writes fail, handoffs are
rejected, prefill nodes count as lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch

from fencepost.streams import virtual_cuda
from fencepost.streams.policies import InOrder
from fencepost.streams.queues import Queue, Token
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.alone import Alone
from reference_impl.adapters.designs import Deployment
from reference_impl.adapters.fused import Fused, on_host
from reference_impl.adapters.heads import with_heads_reversed
from reference_impl.adapters.luck import Luck
from reference_impl.adapters.virtual import Handle, Hosts, LandsWhenTold, VirtualChannel, VirtualNic
from reference_impl.attention import Shape, SmallModel
from reference_impl.load.counting import Tally
from reference_impl.load.drafting import Draft, SpeculatingDecodeNode, reading
from reference_impl.load.handoff import HandoffServer
from reference_impl.load.prefixes import ReusingPrefillNode, WithPrefixes
from reference_impl.load.serving import Pace, Server, Watch
from reference_impl.load.workload import LONGEST_INPUT, LONGEST_OUTPUT, Asked
from reference_impl.messages import Abort, Answer, Failure, Message, Success
from reference_impl.slot_pool import SlotPool
from reference_impl.transport import Peer, Region

SHAPE = Shape(layers=1, positions=LONGEST_INPUT + LONGEST_OUTPUT)
BATCH = 4
"""The decode node's pages are for so many of the longest requests."""
KEPT_PAGES = 64
"""Pages of prompts that the prefill node keeps."""
DRAFT_READS = 5
"""Rows that the draft model's attention reads, of those that the target's does."""


class LuckyNic(VirtualNic):
    """A NIC whose writes land at a tick that is drawn when they are posted."""

    def __init__(
        self, virtual: VirtualDevice, policy: LandsWhenTold, draw: random.Random, luck: Luck
    ) -> None:
        super().__init__(virtual, policy)
        self._draw, self._luck = draw, luck
        self.tick = 0
        self.flying: list[tuple[int, Handle]] = []
        self._idle: list[Queue] = []

    def peek(self, tensor: torch.Tensor) -> torch.Tensor:
        """Nobody observes these writes, so nothing is copied."""
        return tensor

    def queue(self) -> Queue:
        """One that no write is on, so that writes land in any order."""
        return self._idle.pop() if self._idle else super().queue()

    def post(self, regions: Sequence[Region]) -> Handle:
        """As in `Transport`."""
        handle = super().post(regions)
        draw, luck = self._draw, self._luck
        self.flying.append((self.tick + luck.delay(draw), handle))
        handle.failed |= draw.random() < luck.fails
        return handle

    def go_on(self, tick: int) -> list[Handle]:
        """What is due lands; these writes."""
        self.tick = tick
        due = [handle for at, handle in self.flying if at <= tick]
        self.flying = [entry for entry in self.flying if entry[0] > tick]
        for handle in due:
            if not handle.landed:
                self.land(handle)
            self.posted.remove(handle)
            self._idle.append(handle.queue)
        return due


class VirtualNodes(Alone):
    """`Nodes` on the virtual device, a `Machine`."""

    pool_kind: type[SlotPool] = SlotPool
    nic_kind: type[LuckyNic] = LuckyNic

    def __init__(
        self, virtual: VirtualDevice, policy: LandsWhenTold, made: Deployment, luck: Luck, seed: int
    ) -> None:
        self.assumed, self.luck, self._on = made.assumed, luck, made.on
        self._draw = random.Random(seed)
        self._hosts, self._policy = Hosts(virtual), policy
        model = SmallModel(SHAPE)
        super().__init__(virtual, on_host(virtual, model))
        fused = Fused(virtual, self.host)
        longest = SHAPE.pages(LONGEST_INPUT + LONGEST_OUTPUT)
        pool = self._target = self.pool_kind(SHAPE, BATCH * longest)
        self._reversed = on_host(virtual, with_heads_reversed(model))
        torch.cuda.synchronize()
        self._links = [self._link()]
        nic, up, down = self._links[0]
        with self.as_decode():
            self.decode = SpeculatingDecodeNode(
                model,
                pool,
                made.on,
                Peer(down, up, nic),
                target=fused,
                draft=Draft(reading(self.host, DRAFT_READS), virtual.runtime.quiet),
            )
        self.prefills: list[ReusingPrefillNode] = []
        self._start_prefill()

    def _link(self) -> tuple[LuckyNic, Wire, Wire]:
        """What a prefill node writes by, and the messages to it and from it."""
        virtual, draw, luck = self.virtual, self._draw, self.luck
        asked = () if self._holds("aborts_arrive") else (Abort,)
        heard = () if self._holds("answers_arrive") else (Answer, Success, Failure)
        return (
            self.nic_kind(virtual, self._policy, draw, luck),
            Wire(virtual, draw, luck, asked),
            Wire(virtual, draw, luck, heard),
        )

    def _start_prefill(self) -> None:
        """A prefill node at the newest link, which has computed no prefix yet."""
        nic, up, down = self._links[-1]
        with self.as_prefill(len(self.prefills)):
            model = WithPrefixes(Fused(self.virtual, self._reversed), KEPT_PAGES)
            sources = SlotPool(SHAPE, len(self._target.owner))
            torch.cuda.synchronize()
            peer = Peer(up, down, nic)
            self.prefills.append(ReusingPrefillNode(model, sources, self._target, peer, self._on))

    def replace_prefill(self) -> None:
        """As in `Nodes`."""
        _, lost, _ = self._links[-1]
        lost.under_way.clear()
        self._links.append(self._link())
        nic, up, down = self._links[-1]
        self.decode.peers.append(Peer(down, up, nic))
        self._start_prefill()

    def server(self, asked: Iterable[Asked], tally: Tally, watch: Watch, pace: Pace) -> Server:
        """As in `Machine`."""
        return HandoffServer(self, asked, tally, watch, pace)

    def _holds(self, promise: str) -> bool:
        return promise in self.assumed

    def as_decode(self) -> AbstractContextManager[None]:
        """As in `Nodes`."""
        return self._hosts.acting("decode")

    def as_prefill(self, number: int) -> AbstractContextManager[None]:
        """As in `Nodes`."""
        return self._hosts.acting(f"prefill {number}")

    def go_on(self, tick: int) -> None:
        """As in `Nodes`."""
        for nic, _, _ in self._links:
            nic.go_on(tick)

    def rejects(self) -> bool:
        """As in `Nodes`."""
        return self._draw.random() < self.luck.rejected

    def loses_node(self) -> int | None:
        """As in `Nodes`; none is lost where they stay reachable."""
        loses = self._draw.random() < self.luck.loses_node
        if not loses or self._holds("nodes_stay_reachable"):
            return None
        return self._draw.randint(1, self.luck.late_delay)

    def may_pass_deadline(self, number: int) -> bool:
        """As in `Nodes`; where a timeout outlasts writes, none of the request is under way."""
        prefill = self.prefills[self.decode.requests[number].peer]
        posted = prefill.under_way.get(number, [])
        if self._holds("timeout_outlasts_writes") and any(
            isinstance(handle, Handle) and not handle.landed for handle in posted
        ):
            return False
        prefill.ended_leases.add(number)
        return True


class Wire(VirtualChannel):
    """A channel that loses some messages of the kinds that may get lost.

    `left` is told of every message as it leaves the wire, and whether it arrives.
    """

    def __init__(
        self, virtual: VirtualDevice, draw: random.Random, luck: Luck, lossy: tuple[type, ...]
    ) -> None:
        super().__init__(virtual, lambda _: None)
        self.left: Callable[[Message, bool], object] = lambda _message, _arrives: None
        self._draw, self._luck, self._lossy = draw, luck, lossy
        self._lost: set[Token] = set()

    @property
    def waiting(self) -> list[Message]:
        """The messages that have not left the wire."""
        return [message for message, _ in self.under_way]

    def send(self, message: Message) -> None:
        """As in `Channel`."""
        super().send(message)
        if isinstance(message, self._lossy) and self._draw.random() < self._luck.lost:
            self._lost.add(self.under_way[-1][1])

    def receive(self) -> Message | None:
        """As in `Channel`."""
        while self.under_way and self.under_way[0][1] in self._lost:
            message, token = self.under_way.popleft()
            self._lost.remove(token)
            self.left(message, False)
        received = super().receive()
        if received is not None:
            self.left(received, True)
        return received


@contextmanager
def nodes(made: Deployment, luck: Luck, seed: int) -> Iterator[VirtualNodes]:
    """Two nodes on a device of their own, until the end of the context."""
    policy = LandsWhenTold(InOrder())
    with virtual_cuda(policy=policy) as virtual:
        yield VirtualNodes(virtual, policy, made, luck, seed)
