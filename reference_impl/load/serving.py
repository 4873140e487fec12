"""A server under load, whatever its protocol: requests come, are served, leave, and come back.

Time goes in ticks, in each of which every loop has its turn. What a protocol does in a tick, and
when an attempt is over, is said by its own server: `handoff`, `two_tiers` or `layers`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reference_impl.load.counting import Attempt, End, Tally
from reference_impl.load.drafting import History
from reference_impl.load.workload import Asked
from reference_impl.slot_pool import SlotPool
from reference_impl.speculation import Monitor


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


class Oracle(Protocol):
    """What serves one request at a time."""

    def right(self, prompt: tuple[int, ...], count: int, found: Sequence[int]) -> tuple[int, ...]:
        """The tokens of the oracle; `found` are likely the same, which may save work."""


@dataclass(frozen=True)
class State:
    """Serving state at the time of a step.

    `transferring` are requests whose rows are on their way, `reclaiming` those that are over and
    still hold memory; `pages` are what requests compete for: of a layer split, places in a batch;
    `lost_nodes` are the prefill nodes that count as lost by now.
    """

    tick: int = 0
    decoding: int = 0
    waiting: int = 0
    transferring: int = 0
    reclaiming: int = 0
    used_pages: int = 0
    pages: int = 0
    writes_under_way: int = 0
    lost_nodes: int = 0


@dataclass
class Live:
    """An attempt that is being served."""

    asked: Asked
    number: int
    """Of this attempt, at all nodes."""
    attempt: int
    came: int
    leaves: int | None
    states: list[State] = field(default_factory=list)
    """One for each step."""
    began: int | None = None
    """When its first token could be made."""
    node: int | None = None
    """The prefill node that it was sent to."""
    is_rejected: bool = False
    is_suspected: bool = False
    stops: End | None = None
    """Why it is being aborted."""
    pages: tuple[int, ...] = ()
    generation: int = 0


@dataclass(frozen=True)
class Made:
    """What an attempt has come to: its tokens, the steps that made them, and its copied rows."""

    tokens: tuple[int, ...] = ()
    history: History = field(default_factory=History)
    reused_rows: int = 0


@dataclass(frozen=True)
class Ended:
    """Everything of an attempt that has ended, for a log."""

    live: Live
    attempt: Attempt
    reused_rows: int


@dataclass(frozen=True)
class Suspected:
    """An attempt that a monitor aborts, and the pool that its pages are in."""

    live: Live
    tokens: Sequence[int]
    history: History
    pool: SlotPool


@dataclass(frozen=True)
class Watch:
    """The monitor of a server, and whether it `acts` on what it suspects."""

    monitor: Monitor
    acts: bool


class Server(ABC):
    """`ended` is told of every attempt, `suspected` of each that a monitor aborts, at once."""

    def __init__(self, oracle: Oracle, asked: Iterable[Asked], tally: Tally, pace: Pace) -> None:
        self.tally, self.pace = tally, pace
        self.ended: Callable[[Ended], object] = lambda _: None
        self.suspected: Callable[[Suspected], object] = lambda _: None
        self.coming = deque(asked)
        self.live: dict[int, Live] = {}
        self.tick = 0
        self._oracle = oracle
        self._changed = 0
        self._numbers = 0

    # What a protocol says.

    @abstractmethod
    def submit(self, live: Live) -> None:
        """An attempt begins."""

    @abstractmethod
    def leave(self, live: Live) -> None:
        """The user of a request leaves; `live.stops` says so."""

    @abstractmethod
    def go_on(self) -> None:
        """One tick: everybody has a turn."""

    @abstractmethod
    def settle(self, live: Live) -> None:
        """Call `end` or `abort` if an attempt has ended."""

    @abstractmethod
    def made(self, live: Live) -> Made:
        """What an attempt has come to, asked once."""

    @abstractmethod
    def close(self) -> None:
        """The last request has ended: count what is known only now."""

    # What all have in common.

    def serve(self) -> None:
        """Until every request has ended, or nothing ends any more."""
        while (self.coming or self.live) and self.tick < self._changed + self.pace.patience:
            while self.coming and self.coming[0].arrives <= self.tick:
                self._arrive(self.coming.popleft())
            for live in self.live.values():
                if live.leaves is not None and self.tick >= live.leaves and live.stops is None:
                    live.stops = End.LEFT
                    self.leave(live)
            self.go_on()
            for live in list(self.live.values()):
                self.settle(live)
            self.tick += 1
        for live in list(self.live.values()):
            self.end(live, End.STUCK)
        self.close()

    def _arrive(self, asked: Asked) -> None:
        self.tally.requests += 1
        self.tally.input_lengths[len(asked.prompt)] += 1
        self.tally.output_lengths[asked.count] += 1
        self._begin(asked, 0, None if asked.leaves is None else self.tick + asked.leaves)

    def _begin(self, asked: Asked, attempt: int, leaves: int | None) -> None:
        self._changed = self.tick
        number = self._numbers
        self._numbers += 1
        live = self.live[number] = Live(asked, number, attempt, self.tick, leaves)
        self.submit(live)

    def abort(self, live: Live, *, may_retry: bool) -> None:
        """An attempt was aborted: count it, and see to the next one."""
        left = live.stops is End.LEFT
        self.end(live, live.stops or End.FAILED)
        again = live.asked.returns if left else may_retry
        self.tally.given_up += not (left or again)
        if again:
            self.tally.retries += 1
            self._begin(live.asked, live.attempt + 1, None if left else live.leaves)

    def end(self, live: Live, end: End) -> None:
        """Compare an attempt with the oracle, and count it."""
        del self.live[live.number]
        self._changed = self.tick
        made, asked = self.made(live), live.asked
        found = made.tokens
        right = self._oracle.right(asked.prompt, asked.count, found) if found else ()
        attempt = Attempt(end, found, right, made.history, live.is_suspected)
        self.tally.tokens += len(found)
        if live.began is not None:
            self.tally.first_token_ticks.append(live.began - live.came)
        if end is End.DELIVERED and live.began is not None and len(found) > 1:
            self.tally.decode_ticks.append((self.tick - live.began) / (len(found) - 1))
        self.tally.add(attempt)
        self.ended(Ended(live, attempt, made.reused_rows))
