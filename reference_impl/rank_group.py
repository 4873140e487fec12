"""How ranks reach each other: what a group offers, and one whose ranks share a process and a
device, so that their collectives are copies between streams."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from reference_impl.barriers import LayerSplit


@dataclass
class Broadcast:
    """A rank's side of the broadcast of a turn: the owner sends its rows, those of all others are
    written.

    `done` is recorded on the stream behind the copy: the rows were read, or written. It is None
    until the copy is queued.
    """

    turn: int
    rank: int
    stream: torch.cuda.Stream
    rows: Tensor
    sends: bool
    waits: list[torch.cuda.Event] = field(default_factory=list)
    done: torch.cuda.Event | None = None

    def queue(self, copy: Callable[[], object]) -> None:
        """Do this on the stream, behind what this side waits for."""
        for event in self.waits:
            self.stream.wait_event(event)
        with torch.cuda.stream(self.stream):
            copy()
        self.done = self.stream.record_event()


def is_done(event: torch.cuda.Event | None) -> bool:
    """Whether the host sees that an event was recorded and reached."""
    return event is not None and event.query()


class Group(Protocol):
    """What the ranks share: two communicators, one for rounds and one for broadcasts."""

    def enter(self, turn: int, rank: int, refuses: bool) -> None:
        """A rank enters the status round of a turn."""

    def concluded(self, turn: int, rank: int) -> bool | None:
        """Whether a round agreed; None while not all ranks are in it."""

    def join(self, side: Broadcast) -> None:
        """A rank joins a broadcast, which is queued once it can be."""

    def finish(self, prompt: int, rank: int) -> None:
        """A rank has seen its last turn of a prompt end."""

    def all_finished(self, prompt: int) -> bool:
        """Whether all ranks have."""


class Staging:
    """Memory that layers travel through: of each broadcast alone, or one region that all share.

    `empty` makes memory for the rows that it is given.
    """

    def __init__(self, on: LayerSplit, empty: Callable[[Tensor], Tensor]) -> None:
        self._on, self._empty = on, empty
        self._region: Tensor | None = None

    def place(self, rows: Tensor) -> Tensor:
        """Memory for these rows."""
        if self._on.staging_per_broadcast:
            return self._empty(rows)
        if self._region is None or len(self._region) < len(rows):
            self._region = self._empty(rows)
        return self._region[: len(rows)]


@dataclass
class Collective:
    """One broadcast: who has joined it, and where the owner's layer is staged."""

    sender: Broadcast | None = None
    receivers: list[Broadcast] = field(default_factory=list)
    staged: Tensor | None = None


class LocalGroup:
    """A `Group`. What a rank has joined is queued in that order: the owner's stream reads the
    source into staging memory, the streams of the others copy it from there."""

    def __init__(self, ranks: int, on: LayerSplit) -> None:
        self.ranks, self.on = ranks, on
        self._lock = threading.Lock()
        """Whoever joins last queues the work of all, so what each host knew passes on with it."""
        self.rounds: dict[int, dict[int, bool]] = {}
        """The ranks in the round of each turn, and whether they refuse."""
        self.broadcasts: dict[int, Collective] = {}
        self._joined: dict[int, deque[Broadcast]] = {}
        self._finished: dict[int, set[int]] = {}
        self._staging = Staging(on, torch.empty_like)

    def enter(self, turn: int, rank: int, refuses: bool) -> None:
        """As in `Group`."""
        self.rounds.setdefault(turn, {})[rank] = refuses

    def concluded(self, turn: int, rank: int) -> bool | None:  # noqa: ARG002
        """As in `Group`."""
        votes = self.rounds[turn]
        return None if len(votes) < self.ranks else not any(votes.values())

    def finish(self, prompt: int, rank: int) -> None:
        """As in `Group`."""
        self._finished.setdefault(prompt, set()).add(rank)

    def all_finished(self, prompt: int) -> bool:
        """As in `Group`."""
        return len(self._finished.get(prompt, ())) == self.ranks

    def join(self, side: Broadcast) -> None:
        """As in `Group`."""
        with self._lock:
            made = self.broadcasts.setdefault(side.turn, Collective())
            if side.sends:
                made.sender = side
            else:
                made.receivers.append(side)
            self._joined.setdefault(side.rank, deque()).append(side)
            while any(self._advance(sides) for sides in self._joined.values()):
                pass

    def _advance(self, sides: deque[Broadcast]) -> bool:
        """Queue what a rank has joined first, if that can be."""
        if not sides:
            return False
        side, made = sides[0], self.broadcasts[sides[0].turn]
        queued = self._send(made, side) if side.sends else self._receive(made, side)
        if queued:
            sides.popleft()
        return queued

    def _send(self, made: Collective, side: Broadcast) -> bool:
        if self.on.send_waits_for_receivers:
            for earlier in self.broadcasts.values():
                sender = earlier.sender
                if sender and sender.rank == side.rank and sender.turn < side.turn:
                    received = [s.done for s in earlier.receivers if s.done is not None]
                    if len(received) < self.ranks - 1:
                        return False
                    side.waits += received
        with torch.cuda.stream(side.stream):
            made.staged = self._staging.place(side.rows)
        side.queue(partial(made.staged.copy_, side.rows))
        return True

    def _receive(self, made: Collective, side: Broadcast) -> bool:
        if not self.on.communicator_is_live:
            side.queue(lambda: None)
            return True
        sent = made.sender.done if made.sender else None
        if sent is None or made.staged is None:
            return False
        side.waits.append(sent)
        side.queue(partial(side.rows.copy_, made.staged))
        return True
