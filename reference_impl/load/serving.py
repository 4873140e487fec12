"""One server under load: requests come, are prefilled and decoded, leave, and come back.

Time goes in ticks. In each, every loop of both nodes has its turn: the decode node hears all that
has arrived, admits what fits and brings its batch one step on; the prefill node does so many things
as `Pace` says, which makes it the bottleneck or not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import thread_time
from typing import Protocol

from reference_impl.decode import Phase, Request
from reference_impl.load.counting import Attempt, End, Tally
from reference_impl.load.drafting import History, SpeculatingDecodeNode, Step
from reference_impl.load.prefixes import ReusingPrefillNode
from reference_impl.load.workload import Asked
from reference_impl.speculation import Monitor, Verdict


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast the nodes are, and how patient; in ticks where not said otherwise."""

    prefill_actions: int = 3
    """Things that the prefill node does in a tick: a chunk, a message, an answer."""
    asks_again: int = 20
    timeout: int = 200
    """A transfer that takes so long is aborted, as its last word may be lost."""
    deadline: int = 40
    """A slot that is held back for so long may be freed, where the design says so."""
    patience: int = 400
    """Where nothing has come or ended for so long, what has not ended is stuck."""


class Machine(Protocol):
    """What serves: two nodes, and the device and the wire that they are on."""

    decode: SpeculatingDecodeNode
    prefill: ReusingPrefillNode

    def as_decode(self) -> AbstractContextManager[None]:
        """Calls are the decode node's until the end of the context."""

    def as_prefill(self) -> AbstractContextManager[None]:
        """Calls are the prefill node's until the end of the context."""

    def go_on(self, tick: int) -> None:
        """A tick passes on the wire."""

    def may_pass_deadline(self, number: int) -> bool:
        """Whether the world lets a deadline pass now."""

    def right(self, prompt: tuple[int, ...], count: int, found: Sequence[int]) -> tuple[int, ...]:
        """The tokens of the oracle; `found` are likely the same, which may save work."""


@dataclass(frozen=True)
class State:
    """Serving state at the time of a step."""

    tick: int
    decoding: int
    waiting: int
    transferring: int
    reclaiming: int
    used_pages: int
    pages: int
    writes_under_way: int


@dataclass
class Live:
    """An attempt that is being served."""

    asked: Asked
    number: int
    """Of this attempt, at both nodes."""
    attempt: int
    came: int
    leaves: int | None
    states: list[State]
    began: int | None = None
    is_suspected: bool = False
    stops: End | None = None
    transferring_since: int | None = None
    reclaiming_since: int | None = None
    pages: tuple[int, ...] = ()
    generation: int = 0


@dataclass(frozen=True)
class Ended:
    """Everything of an attempt that has ended, for a log."""

    live: Live
    attempt: Attempt
    reused_rows: int


class Server:
    """`ended` is told of every attempt, `suspected` of each that a monitor aborts, at once."""

    def __init__(
        self,
        machine: Machine,
        asked: Iterable[Asked],
        tally: Tally,
        monitor: Monitor,
        *,
        acts: bool,
        pace: Pace,
    ) -> None:
        self.machine, self.tally, self.monitor = machine, tally, monitor
        self.acts, self.pace = acts, pace
        self.ended: Callable[[Ended], object] = lambda _ended: None
        self.suspected: Callable[[Live, Request, History], object] = lambda *_: None
        self.coming = deque(asked)
        self.live: dict[int, Live] = {}
        self.tick = 0
        self._changed = 0
        self._numbers = 0
        self._state = State(0, 0, 0, 0, 0, 0, 0, 0)
        machine.decode.after_step = self._after_step

    def serve(self) -> None:
        """Until every request has ended, or nothing ends any more."""
        while (self.coming or self.live) and self.tick < self._changed + self.pace.patience:
            self.go_on()
            self.tick += 1
        for live in list(self.live.values()):
            self._end(live, End.STUCK)
        self.tally.rows += self.machine.prefill.model.rows
        self.tally.reused += self.machine.prefill.model.reused

    def go_on(self) -> None:
        """One tick."""
        machine, decode, prefill = self.machine, self.machine.decode, self.machine.prefill
        while self.coming and self.coming[0].arrives <= self.tick:
            asked = self.coming.popleft()
            self.tally.requests += 1
            self.tally.input_lengths[len(asked.prompt)] += 1
            self.tally.output_lengths[asked.count] += 1
            self._submit(asked, 0, asked.leaves)
        with machine.as_decode():
            self._interrupt()
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
        with machine.as_prefill():
            began = thread_time()
            while prefill.listen():
                pass
            for _ in range(self.pace.prefill_actions):
                if not prefill.work():
                    break
            prefill.tidy()
            self.tally.prefill_seconds += thread_time() - began
        machine.go_on(self.tick)
        for live in list(self.live.values()):
            self._settle(live)

    # What users and clocks do.

    def _submit(self, asked: Asked, attempt: int, leaves: int | None) -> None:
        self._changed = self.tick
        number = self._numbers
        self._numbers += 1
        due = None if leaves is None else self.tick + leaves
        self.live[number] = Live(asked, number, attempt, self.tick, due, [])
        self.machine.decode.submit(number, asked.prompt, asked.count)

    def _interrupt(self) -> None:
        decode = self.machine.decode
        for live in self.live.values():
            request = decode.requests[live.number]
            if live.leaves is not None and self.tick >= live.leaves and live.stops is None:
                live.stops = End.LEFT
                decode.abort(live.number)
            if request.phase is Phase.TRANSFERRING:
                live.transferring_since = live.transferring_since or self.tick
                if self.tick - live.transferring_since >= self.pace.timeout:
                    live.stops = live.stops or End.FAILED
                    decode.abort(live.number)
            if request.phase is not Phase.RECLAIMING:
                continue
            if live.reclaiming_since is None:
                live.reclaiming_since = self.tick
            waited = self.tick - live.reclaiming_since
            if (
                waited >= self.pace.deadline
                and decode.on.release_times_out
                and self.machine.may_pass_deadline(live.number)
            ):
                decode.pass_deadline(live.number)

    def _look(self) -> None:
        """The serving state of this tick."""
        decode, prefill = self.machine.decode, self.machine.prefill
        requests = [decode.requests[number] for number in self.live]
        phases = [request.phase for request in requests]
        for live, request in zip(self.live.values(), requests, strict=True):
            if request.slot is not None and not live.pages:
                live.pages, live.generation = request.slot.pages, request.slot.generation
            if request.phase is Phase.RECEIVED and live.began is None:
                live.began = self.tick
                self.monitor.begin(live.asked.number)
        pages = len(decode.pool.owner)
        self._state = State(
            self.tick,
            phases.count(Phase.DECODING) + phases.count(Phase.RECEIVED),
            phases.count(Phase.QUEUED),
            phases.count(Phase.TRANSFERRING),
            phases.count(Phase.RECLAIMING),
            pages - decode.pool.free,
            pages,
            sum(map(len, prefill.under_way.values())),
        )
        self.tally.occupancy.append(self._state.used_pages / pages)

    # What becomes of an attempt.

    def _after_step(self, request: Request, step: Step) -> None:
        live = self.live[request.number]
        live.states.append(self._state)
        if live.is_suspected or not step.drafted:
            return
        verdict = self.monitor.see(live.asked.number, step.drafted, step.accepted)
        if verdict is not Verdict.ABORT:
            return
        live.is_suspected = True
        self.suspected(live, request, self.machine.decode.histories[request.number])
        if self.acts and request.phase is Phase.DECODING:
            live.stops = End.MONITOR
            self.machine.decode.abort(request.number)

    def _settle(self, live: Live) -> None:
        """Count an attempt that has ended, and see to the next one."""
        phase = self.machine.decode.requests[live.number].phase
        if phase is Phase.FINISHED:
            self._end(live, End.DELIVERED)
        elif phase is Phase.ABORTED:
            self._end(live, live.stops or End.FAILED)
            if live.stops is End.LEFT:
                again = live.asked.returns
            else:
                again = self._may_retry(live)
                self.tally.given_up += not again
            if again:
                self.tally.retries += 1
                left = None if live.stops is End.LEFT or live.leaves is None else live.leaves
                remaining = None if left is None else max(0, left - self.tick)
                self._submit(live.asked, live.attempt + 1, remaining)

    def _may_retry(self, live: Live) -> bool:
        """The balancer's answer; it counts attempts that decoded, and here those that failed."""
        if live.stops is End.MONITOR:
            return self.monitor.may_retry(live.asked.number)
        return live.attempt < self.monitor.rule.retries

    def _end(self, live: Live, end: End) -> None:
        del self.live[live.number]
        self._changed = self.tick
        decode = self.machine.decode
        request = decode.requests[live.number]
        found = tuple(request.tokens)
        asked = live.asked
        right = self.machine.right(asked.prompt, asked.count, found) if found else ()
        history = decode.histories.pop(live.number, History())
        made = Attempt(end, found, right, history, live.is_suspected)
        self.tally.tokens += len(found)
        if live.began is not None:
            self.tally.first_token_ticks.append(live.began - live.came)
        if end is End.DELIVERED and live.began is not None and len(found) > 1:
            self.tally.decode_ticks.append((self.tick - live.began) / (len(found) - 1))
        self.tally.add(made)
        decode.draft.forget(live.number)
        reused = self.machine.prefill.model.hits.pop(live.number, 0)
        self.ended(Ended(live, made, reused))
