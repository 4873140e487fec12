"""The layer split under load: what has arrived forms a batch, which all ranks serve together.

Every prefix comes from host memory. A rank computes all tokens of a batch; each answer is taken
from one of them, in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from time import thread_time
from typing import Protocol

from reference_impl.layer_split import Rank, Stage
from reference_impl.load.counting import End, Tally
from reference_impl.load.serving import Live, Made, Oracle, Pace, Server, State
from reference_impl.load.workload import Asked
from reference_impl.rank_group import Group

BATCH = 4
"""Most requests of a batch."""
ROUNDS = 4
"""How often each loop of a rank has its turn in a tick, at most."""
RETRIES = 1


class Ranks(Oracle, Protocol):
    """The device that ranks are on, and host memory with every prefix."""

    def start(self, batch: Sequence[Asked]) -> tuple[list[Rank], Group]:
        """New ranks for a batch."""

    def as_rank(self, number: int) -> AbstractContextManager[None]:
        """Calls are this rank's until the end of the context."""

    def go_on(self, tick: int) -> None:
        """A tick passes on the device."""


class LayerSplitServer(Server):
    """A `Server` of one batch at a time; one in which nobody goes on for `Pace.timeout` is stuck,
    and its ranks are started anew."""

    def __init__(self, place: Ranks, asked: Iterable[Asked], tally: Tally, pace: Pace) -> None:
        super().__init__(place, asked, tally, pace)
        self.place = place
        self._waiting: list[Live] = []
        self._batch: list[Live] = []
        self._ranks: list[Rank] = []
        self._went_on = 0
        """When somebody did."""
        self._seconds = 0.0

    def submit(self, live: Live) -> None:
        """As in `Server`."""
        self._waiting.append(live)

    def leave(self, live: Live) -> None:
        """As in `Server`: one that is being served is left once a rank may refuse a turn of it."""
        if live in self._waiting:
            self._waiting.remove(live)

    def go_on(self) -> None:
        """As in `Server`."""
        if self._waiting and not any(live.number in self.live for live in self._batch):
            self._form_batch()
        for _ in range(ROUNDS):
            if not self._round():
                break
            self._went_on = self.tick
        self._look()
        self.place.go_on(self.tick)

    def _form_batch(self) -> None:
        self._batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        self._ranks, self._group = self.place.start([live.asked for live in self._batch])
        self._went_on = self.tick
        for live in self._batch:
            self.tally.rows += len(live.asked.prompt) - 1
            self.tally.reused += len(live.asked.prompt) - 1

    def _round(self) -> bool:
        """Every loop of every rank has a turn; whether somebody went on."""
        went_on = []
        began = thread_time()
        for rank in self._ranks:
            with self.place.as_rank(rank.number):
                went_on += [
                    self._refuse(rank),
                    rank.fetch(),
                    rank.take_up(),
                    rank.take_up(),
                    rank.attend(),
                ]
        self._seconds += thread_time() - began
        return any(went_on)

    def _refuse(self, rank: Rank) -> bool:
        """The next turn of a rank, if it is one of a request whose user has left."""
        turn = next((turn for turn in rank.turns if turn.stage < Stage.JOINED), None)
        return turn is not None and self._batch[turn.prompt].stops is End.LEFT and rank.refuse()

    def _look(self) -> None:
        """The serving state of this tick."""
        serving = [live for live in self._batch if live.number in self.live]
        state = State(
            self.tick,
            decoding=len(serving),
            waiting=len(self._waiting),
            transferring=sum(live.began is None for live in serving),
            used_pages=len(serving),
            pages=BATCH,
            writes_under_way=sum(
                turn.side is not None and turn.side.done is None
                for rank in self._ranks
                for turn in rank.turns
            ),
        )
        self.tally.occupancy.append(state.used_pages / state.pages)
        for live in serving:
            if live.began is None and self._is_begun(live):
                live.began = self.tick
                live.states.append(state)

    def _is_begun(self, live: Live) -> bool:
        prompt = self._batch.index(live)
        turns = [turn for rank in self._ranks for turn in rank.turns if turn.prompt == prompt]
        return any(turn.attended is not None for turn in turns)

    def settle(self, live: Live) -> None:
        """As in `Server`."""
        if live not in self._batch:
            if live.stops is not None:
                self.abort(live, may_retry=False)
            return
        prompt = self._batch.index(live)
        if self._group.all_finished(prompt):
            if any(prompt in rank.dropped for rank in self._ranks):
                self.abort(live, may_retry=live.attempt < RETRIES)
            else:
                self.end(live, End.DELIVERED)
        elif self.tick - self._went_on >= self.pace.timeout:
            self.end(live, End.STUCK)

    def made(self, live: Live) -> Made:
        """As in `Server`."""
        rows = len(live.asked.prompt) - 1
        if live not in self._batch or not self._group.all_finished(self._batch.index(live)):
            return Made()
        prompt = self._batch.index(live)
        result = self._ranks[live.number % len(self._ranks)].results.get(prompt)
        tokens = () if result is None else tuple(result.tolist())
        return Made(tokens, reused_rows=rows)

    def close(self) -> None:
        """As in `Server`."""
        self.tally.decode_seconds += self._seconds
