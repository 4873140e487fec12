"""A handoff that takes the steps that it is told: its network, its NIC and its clock wait for it.

A model's step is about one request and one thing that happens. Here each loop of the nodes is
called for one request, each message arrives or is lost when told, and each write lands or bounces
when told, so that the cache can be taken along the states of a model (`conformance/`).

A request is served under a number of the cache's own, its *room*, and by a prefill node of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from fencepost.engines.conform import Refused
from fencepost.streams import virtual_cuda
from fencepost.streams.policies import InOrder
from fencepost.streams.queues import Queue
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.designs import Deployment
from reference_impl.adapters.fused import Fused, Rounded, on_host
from reference_impl.adapters.heads import with_heads_reversed
from reference_impl.adapters.virtual import Handle, LandsWhenTold, VirtualNic
from reference_impl.attention import Shape, SmallModel
from reference_impl.decode import DecodeNode, Phase
from reference_impl.decode import Request as Asked
from reference_impl.load.oracle import Dense
from reference_impl.messages import Failure, Message, Transfer
from reference_impl.prefill import PrefillNode
from reference_impl.slot_pool import Slot, SlotPool
from reference_impl.transport import Peer, Region, State

SHAPE = Shape(page_rows=2)
COUNT = 2
"""Tokens of a request: the first comes from its record, the last ends it."""


class Wire:
    """A `Channel` whose messages arrive, or are lost, when told."""

    def __init__(self) -> None:
        self.under_way: list[Message] = []
        self.sent: list[Message] = []
        self.is_cut = False
        self._arrived: deque[Message] = deque()

    def send(self, message: Message) -> None:
        """As in `Channel`; nothing goes through a wire that is cut."""
        self.sent.append(message)
        if not self.is_cut:
            self.under_way.append(message)

    def receive(self) -> Message | None:
        """As in `Channel`."""
        return self._arrived.popleft() if self._arrived else None

    def find(self, room: int, *kinds: type) -> list[Message]:
        """The messages of these kinds that are under way about a room."""
        return [m for m in self.under_way if m.request == room and isinstance(m, kinds)]

    def deliver(self, message: Message) -> None:
        """It arrives now, whatever was sent before it."""
        self.under_way.remove(message)
        self._arrived.append(message)

    def lose(self, room: int, *kinds: type) -> bool:
        """None of these arrives; whether there were any."""
        lost = self.find(room, *kinds)
        self.under_way = [m for m in self.under_way if m not in lost]
        return bool(lost)

    def cut(self) -> None:
        """Nothing arrives any more."""
        self.is_cut = True
        self.under_way.clear()


class ToldWrite(Handle):
    """A write whose sender knows of its end when told, whether it has landed or not."""

    is_over = is_late = False

    def state(self) -> State:
        """As in `Handle` of the transport."""
        return super().state() if self.is_over else State.POSTED

    def flush(self) -> None:
        """As in `Handle`; nothing lands of one that has failed and is flushed."""
        if self.failed:
            self.bounce()
        super().flush()


class ToldNic(VirtualNic):
    """A NIC whose writes may use the queue of one that is over: a run may be long."""

    handle = ToldWrite

    def post(self, regions: Sequence[Region]) -> Handle:
        """As in `Transport`."""
        made = super().post(regions)
        assert isinstance(made, ToldWrite)
        self.newest.append(made)
        return made

    def __init__(self, virtual: VirtualDevice, policy: LandsWhenTold) -> None:
        super().__init__(virtual, policy)
        self.newest: list[ToldWrite] = []
        """The writes that nobody has taken note of yet."""

    def queue(self) -> Queue:
        """As in `VirtualNic`."""
        over = next((handle for handle in self.posted if handle.landed), None)
        if over is None:
            return super().queue()
        self.posted.remove(over)
        return over.queue

    def peek(self, tensor: Tensor) -> Tensor:
        """What was to be sent is not looked at."""
        return tensor


class ChosenPool(SlotPool):
    """A pool that gives out the pages that are chosen, where they are free."""

    chosen: tuple[int, ...] = ()

    def take(self, owner: int, count: int) -> Slot | None:
        """As in `SlotPool`."""
        if any(page not in self._free for page in self.chosen):
            return None
        for page in reversed(self.chosen):
            self._free.remove(page)
            self._free.append(page)
        return super().take(owner, count)

    def is_free(self, page: int) -> bool:
        """Whether a page may be given out."""
        return page in self._free


@dataclass
class Node:
    """A prefill node, by its number at the decode node, with its wires and its NIC."""

    peer: int
    up: Wire
    down: Wire
    nic: ToldNic
    prefill: PrefillNode


@dataclass
class Room:
    """A request of the model as the cache has it; `writes` are the handles of each part, of which
    `over` have ended."""

    number: int
    node: Node
    is_retry: bool
    address: Slot | None = None
    writes: dict[int, list[ToldWrite]] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)

    @property
    def flying(self) -> list[int]:
        """The parts whose write is posted and has not ended."""
        return [part for part in self.writes if part not in self.over]


class ToldHandoff:
    """A decode node with one prefill node for each of `requests`, on a device until `close`.

    Each of `slots` slots has a page for each of `chunks` chunks, and room for the tokens.
    """

    def __init__(self, made: Deployment, requests: int, slots: int, chunks: int) -> None:
        self.made, self.chunks = made, chunks
        self._known = rows(requests, chunks)
        self._hosts = weights()
        self._open = ExitStack()
        self._policy = LandsWhenTold(InOrder())
        self.virtual = self._open.enter_context(virtual_cuda(policy=self._policy))
        try:
            self._set_up(requests, slots)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """The device is gone."""
        self._open.close()

    def _set_up(self, requests: int, slots: int) -> None:
        own, other = (Fused(self.virtual, host) for host in self._hosts)
        self._other = other
        self.pages = SHAPE.pages(self.chunks * SHAPE.page_rows + COUNT)
        self.pool = ChosenPool(SHAPE, slots * self.pages)
        torch.cuda.synchronize()
        self.decode = DecodeNode(own, self.pool, self.made.on)
        runtime = self.virtual.runtime
        with runtime.quiet():
            self._bytes = [runtime.alias(rows).numpy() for rows in self.pool.components]
            self._records = runtime.alias(self.pool.records).numpy()
        self.request_of: list[int] = []
        """The request that each room is, or was, of."""
        self.rooms = [self.submit(request, self.node()) for request in range(requests)]

    def node(self) -> Node:
        """Another prefill node, with which messages pass."""
        up, down, nic = Wire(), Wire(), ToldNic(self.virtual, self._policy)
        prefill = PrefillNode(
            self._other,
            SlotPool(SHAPE, 2 * self.chunks),
            self.pool,
            Peer(up, down, nic),
            self.made.on,
        )
        torch.cuda.synchronize()
        self.decode.peers.append(Peer(down, up, nic))
        return Node(len(self.decode.peers) - 1, up, down, nic, prefill)

    def submit(self, request: int, node: Node, *, is_retry: bool = False) -> Room:
        """A request comes in, under a number that nobody had."""
        made = Room(len(self.request_of), node, is_retry)
        self.request_of.append(request)
        self.decode.submit(made.number, prompt(request, self.chunks), COUNT, node.peer)
        return made

    def asked(self, request: int) -> Asked:
        """A request as the decode node has it."""
        return self.decode.requests[self.rooms[request].number]

    # What both models have as steps.

    def allocate(self, request: int, slot: int) -> None:
        """A request gets this slot, and its prefill node the address."""
        room = self.rooms[request]
        self.pool.chosen = self.pages_of(slot)
        taken(self.decode.serve(self.asked(request)))
        for message in room.node.up.find(room.number, Transfer):
            if isinstance(message, Transfer):
                room.address = message.slot
            room.node.up.deliver(message)
            taken(room.node.prefill.listen())

    def post(self, request: int, chunk: int) -> None:
        """A chunk is computed and its write posted; with the last one, so is the record's."""
        room = self.rooms[request]
        taken(room.node.prefill.post(room.number, chunk))
        room.writes[chunk], room.node.nic.newest = room.node.nic.newest, []

    def hear(self, request: int, kind: type) -> None:
        """A message of this kind, which it waits for, arrives at the decode node."""
        room = self.rooms[request]
        messages = self.awaited(request, kind)
        taken(bool(messages))
        room.node.down.deliver(messages[0])
        taken(self.decode.listen())

    def awaited(self, request: int, *kinds: type) -> list[Message]:
        """The messages of these kinds that are under way and would change something: the failure of
        a transfer that is given up already would not, nor anything once the slot is let go of."""
        room, phase = self.rooms[request], self.asked(request).phase
        if not self.asked(request).listens:
            return []
        found = room.node.down.find(room.number, *kinds)
        return [m for m in found if phase is Phase.TRANSFERRING or not isinstance(m, Failure)]

    # What is seen.

    def run_all(self) -> None:
        """All streams do what is queued on them: what is seen is what a reader would find."""
        self.virtual.run_streams()

    def pages_of(self, slot: int) -> tuple[int, ...]:
        """The pages of a slot, in the order of its rows."""
        return tuple(range(slot * self.pages, (slot + 1) * self.pages))

    def slot_of(self, address: Slot | None) -> int | None:
        """The slot that an address names; -1 where it is none."""
        if address is None:
            return None
        slot = address.pages[0] // self.pages
        return slot if address.pages == self.pages_of(slot) else -1

    def owner(self, slot: int) -> int | None:
        """The request that owns all pages of a slot, of which none is free, or none where all are;
        -1 where neither is so."""
        pages, numbers = self.pages_of(slot), [room.number for room in self.rooms]
        owners = {self.pool.owner[page] for page in pages}
        free = {self.pool.is_free(page) for page in pages}
        if owners == {None} and free == {True}:
            return None
        owner = owners.pop() if len(owners) == 1 else None
        return numbers.index(owner) if owner in numbers and free == {False} else -1

    def rows_in(self, slot: int, part: int) -> Rows | None:
        """Whose rows of a part lie in its page of a slot; None where they are nobody's."""
        page = self.pages_of(slot)[part]
        return self._known.get((part, b"".join(part[page].tobytes() for part in self._bytes)))

    def record_in(self, slot: int) -> int | None:
        """For whose transfer the record of a slot was written; -1 where it was for nobody's."""
        tag = int(self._records[self.pages_of(slot)[0], 0])
        if tag == 0:
            return None
        named = (room.address for room in self.rooms)
        wrote = [a is not None and (self.slot_of(a), a.generation) == (slot, tag) for a in named]
        return wrote.index(True) if True in wrote else -1

    def wipe(self, slot: int, part: int) -> None:
        """The observer writes over a part, so that what lands there later can be told from it."""
        for storage in self._bytes:
            storage[self.pages_of(slot)[part]] = 0


@dataclass(frozen=True)
class Rows:
    """Whose rows they are, and whether their heads are in the order of the decode node."""

    request: int
    in_order: bool


def taken(did: bool) -> None:
    """Raises `Refused` where a loop of the cache says that it did nothing."""
    if not did:
        raise Refused


def prompt(request: int, chunks: int) -> tuple[int, ...]:
    """The prompt of a request, as long as so many chunks; no two have a token in common."""
    length = chunks * SHAPE.page_rows
    return tuple((5 * request + 31 * i) % SHAPE.vocabulary for i in range(length))


@cache
def weights() -> tuple[SmallModel, SmallModel]:
    """The models of the decode node and of the prefill nodes, in ordinary memory."""
    with virtual_cuda() as virtual:
        model = SmallModel(SHAPE)
        return on_host(virtual, model), on_host(virtual, with_heads_reversed(model))


@cache
def rows(requests: int, chunks: int) -> Mapping[tuple[int, bytes], Rows]:
    """Whose rows some bytes of a page are, for each part of a prompt: what an oracle computes, one
    request after the other, as the prefill node sends it and as the decode node reads it."""
    found = {}
    model, size = weights()[1], SHAPE.page_rows
    for request in range(requests):
        cache = Dense(SHAPE.layers)
        model.verify(torch.tensor(prompt(request, chunks)), 0, Rounded(cache))
        index_keys, keys_values = cache.stacked()
        for part in range(chunks):
            own = slice(part * size, (part + 1) * size)
            for in_order in (False, True):
                sent = keys_values[:, own]
                both = index_keys[:, own], sent.flip(-2) if in_order else sent
                held = b"".join(half.contiguous().numpy().tobytes() for half in both)
                found[part, held] = Rows(request, in_order)
    return found
