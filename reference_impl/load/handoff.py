"""The handoff under load: prefill on one node, decode on another, and a monitor that may abort.

In each tick the decode node hears all that has arrived, admits what fits and brings its batch one
step on; the prefill node does so many things as `Pace` says, which makes it the bottleneck or not.
One that counts as lost goes on with what it has, unheard, and requests go to a new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from time import thread_time
from typing import Protocol

from reference_impl.decode import Phase, Request
from reference_impl.load.counting import End, Tally
from reference_impl.load.drafting import History, SpeculatingDecodeNode, Step
from reference_impl.load.prefixes import ReusingPrefillNode
from reference_impl.load.serving import Live, Made, Oracle, Pace, Server, State, Suspected, Watch
from reference_impl.load.workload import Asked
from reference_impl.speculation import Verdict


class Nodes(Oracle, Protocol):
    """A decode node, prefill nodes, and the device and the wires that they are on.

    prefills: by their number; all but the newest count as lost
    """

    decode: SpeculatingDecodeNode
    prefills: list[ReusingPrefillNode]

    def as_decode(self) -> AbstractContextManager[None]:
        """Calls are the decode node's until the end of the context."""

    def as_prefill(self, number: int) -> AbstractContextManager[None]:
        """Calls are this prefill node's until the end of the context."""

    def replace_prefill(self) -> None:
        """No message to or from the newest prefill node arrives any more; another one starts."""

    def go_on(self, tick: int) -> None:
        """A tick passes on the wires."""

    def rejects(self) -> bool:
        """Whether a handoff that has come now fails validation."""

    def loses_node(self) -> int | None:
        """After how many ticks a handoff that has come now loses its prefill node, if it does."""

    def may_pass_deadline(self, number: int) -> bool:
        """Whether the world lets a deadline pass now."""


class HandoffServer(Server):
    """A `Server` of two nodes."""

    def __init__(
        self, nodes: Nodes, asked: Iterable[Asked], tally: Tally, watch: Watch, pace: Pace
    ) -> None:
        super().__init__(nodes, asked, tally, pace)
        self.nodes, self.watch = nodes, watch
        self._state = State()
        self._transferring_since: dict[int, int] = {}
        self._reclaiming_since: dict[int, int] = {}
        self._validated: set[int] = set()
        self._lost_at: int | None = None
        """When the newest prefill node will count as lost."""
        nodes.decode.after_step = self._after_step

    def submit(self, live: Live) -> None:
        """As in `Server`."""
        live.node = len(self.nodes.prefills) - 1
        self.nodes.decode.submit(live.number, live.asked.prompt, live.asked.count, live.node)

    def leave(self, live: Live) -> None:
        """As in `Server`."""
        with self.nodes.as_decode():
            self.nodes.decode.abort(live.number)

    def go_on(self) -> None:
        """As in `Server`."""
        nodes, decode = self.nodes, self.nodes.decode
        with nodes.as_decode():
            if self._lost_at is not None and self.tick >= self._lost_at:
                self._lose_node()
            for live in self.live.values():
                self._lose_patience(live)
            while decode.listen():
                pass
            while decode.admit():
                pass
            self._look()
            began = thread_time()
            decode.step()
            self.tally.decode_seconds += thread_time() - began
            if self.tick % self.pace.asks_again == 0:
                decode.ask_again()
        for number, prefill in enumerate(nodes.prefills):
            if prefill is nodes.prefills[-1] or prefill.table or prefill.under_way:
                with nodes.as_prefill(number):
                    self._prefill(prefill)
        nodes.go_on(self.tick)

    def _prefill(self, node: ReusingPrefillNode) -> None:
        began = thread_time()
        while node.listen():
            pass
        for request in node.table.keys() - self._validated:
            self._validate(node, request)
        for _ in range(self.pace.prefill_actions):
            if not node.work():
                break
        node.tidy()
        self.tally.prefill_seconds += thread_time() - began

    def _validate(self, node: ReusingPrefillNode, request: int) -> None:
        """A handoff has come: it may be rejected, and lose its node later."""
        self._validated.add(request)
        if self.nodes.rejects() and node.reject(request):
            self.tally.rejected += 1
            self.live[request].is_rejected = True
        after = self.nodes.loses_node()
        if after is not None and self._lost_at is None:
            self._lost_at = self.tick + after

    def _lose_node(self) -> None:
        """The newest prefill node counts as lost."""
        self.nodes.decode.miss_heartbeat(len(self.nodes.prefills) - 1)
        self.nodes.replace_prefill()
        self.tally.lost_nodes += 1
        self._lost_at = None

    def _lose_patience(self, live: Live) -> None:
        """With a transfer that takes too long, and with a slot that is held back for too long."""
        decode, number = self.nodes.decode, live.number
        request = decode.requests[number]
        if request.phase is Phase.TRANSFERRING:
            since = self._transferring_since.setdefault(number, self.tick)
            if self.tick - since >= self.pace.timeout:
                live.stops = live.stops or End.FAILED
                decode.abort(number)
        if request.phase is Phase.RECLAIMING:
            since = self._reclaiming_since.setdefault(number, self.tick)
            if (
                self.tick - since >= self.pace.deadline
                and decode.on.release_times_out
                and self.nodes.may_pass_deadline(number)
            ):
                decode.pass_deadline(number)

    def _look(self) -> None:
        """The serving state of this tick."""
        decode, prefills = self.nodes.decode, self.nodes.prefills
        requests = [decode.requests[number] for number in self.live]
        phases = [request.phase for request in requests]
        for live, request in zip(self.live.values(), requests, strict=True):
            if request.slot is not None and not live.pages:
                live.pages, live.generation = request.slot.pages, request.slot.generation
            if request.phase is Phase.RECEIVED and live.began is None:
                live.began = self.tick
                self.watch.monitor.begin(live.asked.number)
        pages = len(decode.pool.owner)
        self._state = State(
            self.tick,
            phases.count(Phase.DECODING) + phases.count(Phase.RECEIVED),
            phases.count(Phase.QUEUED),
            phases.count(Phase.TRANSFERRING),
            phases.count(Phase.RECLAIMING),
            pages - decode.pool.free,
            pages,
            sum(len(posted) for node in prefills for posted in node.under_way.values()),
            len(prefills) - 1,
        )
        self.tally.occupancy.append(self._state.used_pages / pages)

    def _after_step(self, request: Request, step: Step) -> None:
        live = self.live[request.number]
        live.states.append(self._state)
        if live.is_suspected or not step.drafted:
            return
        decode, watch = self.nodes.decode, self.watch
        verdict = watch.monitor.see(live.asked.number, step.drafted, step.accepted)
        if verdict is not Verdict.ABORT:
            return
        live.is_suspected = True
        history = decode.histories[request.number]
        self.suspected(Suspected(live, request.tokens, history, decode.pool))
        if watch.acts and request.phase is Phase.DECODING:
            live.stops = End.MONITOR
            decode.abort(request.number)

    def settle(self, live: Live) -> None:
        """As in `Server`."""
        phase = self.nodes.decode.requests[live.number].phase
        if phase is Phase.FINISHED:
            self.end(live, End.DELIVERED)
        elif phase is Phase.ABORTED:
            self.abort(live, may_retry=self._may_retry(live))

    def _may_retry(self, live: Live) -> bool:
        """The balancer's answer; it counts attempts that decoded, and here those that failed."""
        monitor = self.watch.monitor
        if live.stops is End.MONITOR:
            return monitor.may_retry(live.asked.number)
        return live.attempt < monitor.rule.retries

    def made(self, live: Live) -> Made:
        """As in `Server`."""
        decode, number = self.nodes.decode, live.number
        decode.draft.forget(number)
        assert live.node is not None
        return Made(
            tuple(decode.requests[number].tokens),
            decode.histories.pop(number, History()),
            self.nodes.prefills[live.node].model.hits.pop(number, 0),
        )

    def close(self) -> None:
        """As in `Server`."""
        for node in self.nodes.prefills:
            self.tally.rows += node.model.rows
            self.tally.reused += node.model.reused
