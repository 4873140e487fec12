"""The event log of a handoff under load, as `fencepost conform slot_lifecycle --log` reads it.

Observers of two nodes write a line for each step of `models/slot_lifecycle.py` that these take. A
load that is logged differs a little from one that is not, as some of what the model takes as one is
made one:
  - Every prompt is as long as the longest, so that all transfers have as many chunks.
  - Every request gets as many pages as it may need at most, so that slots never overlap in part.
  - A write that fails lands nothing, and its sender is told at once how a write has ended.
  - No handoff is rejected and no prefill node is lost.

In the log the record of a transfer is one more chunk. A message that says nothing new has no line:
its request waits for none, or another of its kind is under way. An abort that is sent while another
is under way counts as sent when that has left the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from fencepost import EventLog
from fencepost.streams import virtual_cuda
from fencepost.streams.policies import InOrder
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.adapters.designs import Deployment, design, handoff
from reference_impl.adapters.load_handoff import BATCH, SHAPE, LuckyNic, VirtualNodes
from reference_impl.adapters.logs.steps import after
from reference_impl.adapters.luck import Luck
from reference_impl.adapters.virtual import Handle, LandsWhenTold
from reference_impl.decode import DecodeNode, Phase, Request
from reference_impl.load.counting import Tally
from reference_impl.load.serving import Pace, Server, Watch
from reference_impl.load.workload import LONGEST_INPUT, LONGEST_OUTPUT, Asked
from reference_impl.messages import Abort, Answer, Failure, Message, Success
from reference_impl.prefill import PrefillNode
from reference_impl.slot_pool import Slot, SlotPool
from reference_impl.transport import Region

MODEL = "slot_lifecycle"
LONGEST = SHAPE.pages(LONGEST_INPUT + LONGEST_OUTPUT)
CHUNKS = SHAPE.pages(LONGEST_INPUT)
RECORD = "record"
HEARD = {Success: "hear_success", Answer: "hear_answer", Failure: "hear_failure"}
LOST = {Success: "lose_report", Answer: "lose_answer", Failure: "lose_report"}


class Events:
    """The log of the machines of one run, one after the other, each with requests and slots of its
    own numbers."""

    def __init__(self, log: EventLog, made: Deployment) -> None:
        self._log, self._made = log, made
        self._requests = self._first = 0
        self._machines = self._slots = 0

    def machine(self, luck: Luck, seed: int) -> AbstractContextManager[LoggedNodes]:
        """Another machine, whose steps are logged, until the end of the context."""
        self._first, self._slots = self._requests, BATCH * self._machines
        self._machines += 1
        return _nodes(self, self._made, luck, seed)

    def step(self, action: str, request: int, **arguments: Any) -> None:
        """A step of a request, by its number at the nodes."""
        number = self._first + request
        self._requests = max(self._requests, number + 1)
        self._log.step(action, request=number, **arguments)

    def slot(self, slot: Slot) -> int:
        """The number of a slot among those of all machines."""
        return self._slots + slot.pages[0] // LONGEST


class WholeSlots(SlotPool):
    """A pool that gives out as many pages as the longest request may need, however few are asked
    for."""

    def take(self, owner: int, count: int) -> Slot | None:
        """As in `SlotPool`."""
        return super().take(owner, max(count, LONGEST))


class FailingNic(LuckyNic):
    """A NIC of which a write that fails does so when it is over, and then has landed nothing."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._failing: set[Handle] = set()

    def post(self, regions: Sequence[Region]) -> Handle:
        """As in `Transport`."""
        handle = super().post(regions)
        if handle.failed:
            handle.failed = False
            self._failing.add(handle)
        return handle

    def land(self, handle: Handle) -> None:
        """As in `VirtualNic`."""
        if handle in self._failing:
            self._failing.remove(handle)
            handle.bounce()
        super().land(handle)


class Observed(Protocol):
    """A wire that is watched: `left` is told of every message as it leaves the wire, and whether it
    arrives; `waiting` are those that are on it."""

    left: Callable[[Message, bool], object]

    @property
    def waiting(self) -> Iterable[Message]:
        """In the order in which they were sent."""


class Observer:
    """Logs the steps of two nodes as they take them, but for those of the NIC between them."""

    def __init__(
        self,
        events: Events,
        decode: DecodeNode,
        prefill: PrefillNode,
        wires: tuple[Observed, Observed],
    ) -> None:
        self.events, self.decode, self.prefill = events, decode, prefill
        self.up, self.down = wires
        self.chunks: dict[object, tuple[int, int | str]] = {}
        """The request and the chunk of each write."""
        self._over: set[int] = set()
        """Requests whose transfer is known to be over: what is owed to them has no effect."""
        step = events.step
        self.up.left, self.down.left = self._abort_left, self._word_left
        after(decode, "serve", self._served)
        after(decode, "start", self._started)
        after(decode, "_release", self._released)
        after(decode, "abort", lambda number: step("abort", number))
        after(decode, "ask", self._asked)
        after(decode, "pass_deadline", lambda number: step("pass_deadline", number))
        after(prefill, "_post", self._posted)
        after(prefill, "finish", self._finished)
        after(prefill, "answer_owed", self._answered)
        after(prefill, "clear", lambda number: step("clear_room", number))
        after(prefill, "expire", lambda number: step("drop_expired", number))

    # The decode node.

    def _served(self, request: Request) -> None:
        assert request.slot is not None
        self.events.step("allocate", request.number, slot=self.events.slot(request.slot))

    def _started(self, request: Request) -> None:
        if request.phase is Phase.DECODING:
            self.events.step("start_decoding", request.number)

    def _released(self, request: Request, phase: Phase = Phase.ABORTED) -> None:
        if phase is Phase.FINISHED:
            self.events.step("finish", request.number)

    def _asked(self, request: Request) -> None:
        if self._under_way(self.up, request.number, Abort) == 1:
            self.events.step("send_abort_again", request.number)

    def _word_left(self, message: Message, arrives: bool) -> None:
        request, kind = self.decode.requests[message.request], type(message)
        waits = request.phase is Phase.TRANSFERRING or kind is not Failure
        if kind not in HEARD or not request.listens or not waits:
            return
        if not arrives:
            if not self._under_way(self.down, request.number, kind):
                self.events.step(LOST[kind], request.number)
            return
        self.events.step(HEARD[kind], request.number)
        if kind is not Failure:
            self._over.add(request.number)

    # The prefill node.

    def _posted(self, transfer: Any, chunk: int) -> None:
        posted: list[tuple[int | str, Any]] = [(chunk, transfer.parts[chunk])]
        if transfer.record is not None:
            posted.append((RECORD, transfer.record))
        for name, handle in posted:
            self.chunks[handle] = transfer.asked.request, name
            self.events.step("post", transfer.asked.request, chunk=name)

    def _finished(self, number: int) -> None:
        if number not in self.prefill.table:  # the first time, it told what has arrived
            self.events.step("succeed", number)

    def _answered(self, number: int) -> None:
        if number not in self._over:
            self.events.step("answer_late", number)

    def _abort_left(self, message: Message, arrives: bool) -> None:
        number = message.request
        if not isinstance(message, Abort) or number in self._over:
            return
        self.events.step("receive_abort" if arrives else "lose_abort", number)
        if self._under_way(self.up, number, Abort):
            self.events.step("send_abort_again", number)

    @staticmethod
    def _under_way(wire: Observed, number: int, kind: type) -> int:
        found = [m for m in wire.waiting if m.request == number and isinstance(m, kind)]
        return len(found)


class LoggedNodes(VirtualNodes):
    """Two nodes, and a log of the steps that they take."""

    pool_kind, nic_kind = WholeSlots, FailingNic

    def __init__(
        self,
        virtual: VirtualDevice,
        policy: LandsWhenTold,
        made: Deployment,
        luck: Luck,
        seed: int,
        events: Events,
    ) -> None:
        super().__init__(virtual, policy, made, luck, seed)
        ((self._nic, up, down),), (self._prefill,) = self._links, self.prefills
        self._observer = Observer(events, self.decode, self._prefill, (up, down))

    def server(self, asked: Iterable[Asked], tally: Tally, watch: Watch, pace: Pace) -> Server:
        """As in `Machine`."""
        long = (replace(one, prompt=lengthened(one.prompt)) for one in asked)
        return super().server(long, tally, watch, pace)

    def go_on(self, tick: int) -> None:
        """As in `Nodes`."""
        over = self._nic.go_on(tick)
        for handle in over:
            request, chunk = self._observer.chunks.pop(handle)
            self._observer.events.step(
                "fail_write" if handle.failed else "land", request, chunk=chunk
            )
            with self.as_prefill(0):
                self._prefill.look_at(request)
                self._prefill.fail_on_error(request)


def lengthened(prompt: tuple[int, ...]) -> tuple[int, ...]:
    """The longest prompt that begins with this one and goes on as it does."""
    return (prompt * LONGEST_INPUT)[:LONGEST_INPUT]


@contextmanager
def _nodes(events: Events, made: Deployment, luck: Luck, seed: int) -> Iterator[LoggedNodes]:
    policy = LandsWhenTold(InOrder())
    with virtual_cuda(policy=policy) as virtual:
        yield LoggedNodes(virtual, policy, made, luck, seed, events)


@contextmanager
def logged(
    path: Path, name: str, chunks: int = CHUNKS, unlogged: Sequence[str] = ()
) -> Iterator[Events]:
    """What logs into a file the steps of a design of `slot_lifecycle`, until the end of the
    context; all its prompts have so many chunks."""
    made = handoff(MODEL, design(MODEL, name))
    sizes = {"chunks": chunks + 1}
    with EventLog(path, model=MODEL, design=name, sizes=sizes, unlogged=unlogged) as log:
        yield Events(log, made)
