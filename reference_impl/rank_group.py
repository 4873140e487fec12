"""How ranks reach each other: what a group offers, and one whose ranks share a process and a
device, so that their collectives are copies between streams."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from reference_impl.barriers import LayerSplit


@dataclass
class Broadcast:
    """A rank's side of a broadcast; `source` is the owner's, `target` everybody else's.

    `done` is recorded on the stream behind the copy: the source was read, or the target written. It
    is None until the copy is queued.
    """

    stream: torch.cuda.Stream
    source: Tensor | None = None
    target: Tensor | None = None
    waits: list[torch.cuda.Event] = field(default_factory=list)
    done: torch.cuda.Event | None = None

    def queue(self, copy: Callable[[], object]) -> None:
        """Do this on the stream, behind what this side waits for."""
        for event in self.waits:
            self.stream.wait_event(event)
        with torch.cuda.stream(self.stream):
            copy()
        self.done = self.stream.record_event()


class Group(Protocol):
    """What the ranks share: two communicators, one for rounds and one for broadcasts."""

    def enter(self, turn: int, rank: int, refuses: bool) -> None:
        """A rank enters the status round of a turn."""

    def concluded(self, turn: int, rank: int) -> bool | None:
        """Whether a round agreed; None while not all ranks are in it."""

    def join(self, turn: int, rank: int, side: Broadcast) -> None:
        """A rank joins the broadcast of a turn, which is queued once it can be."""

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
class _Collective:
    """One broadcast: who has joined, which rank is the owner, and where its layer is staged."""

    sides: dict[int, Broadcast] = field(default_factory=dict)
    owner: int | None = None
    staged: Tensor | None = None

    @property
    def receivers(self) -> list[Broadcast]:
        return [side for side in self.sides.values() if side.target is not None]


class LocalGroup:
    """A `Group`. A broadcast is queued as soon as its two ends have joined: the owner's stream
    reads the source into staging memory, the streams of the others copy it from there."""

    def __init__(self, ranks: int, on: LayerSplit) -> None:
        self.ranks, self.on = ranks, on
        self._lock = threading.Lock()
        """Whoever joins last queues the work of all, so what each host knew passes on with it."""
        self._rounds: dict[int, dict[int, bool]] = {}
        self._broadcasts: dict[int, _Collective] = {}
        self._finished: dict[int, set[int]] = {}
        self._staging = Staging(on, torch.empty_like)

    def enter(self, turn: int, rank: int, refuses: bool) -> None:
        """As in `Group`."""
        self._rounds.setdefault(turn, {})[rank] = refuses

    def concluded(self, turn: int, rank: int) -> bool | None:  # noqa: ARG002
        """As in `Group`."""
        votes = self._rounds[turn]
        return None if len(votes) < self.ranks else not any(votes.values())

    def finish(self, prompt: int, rank: int) -> None:
        """As in `Group`."""
        self._finished.setdefault(prompt, set()).add(rank)

    def all_finished(self, prompt: int) -> bool:
        """As in `Group`."""
        return len(self._finished.get(prompt, ())) == self.ranks

    def join(self, turn: int, rank: int, side: Broadcast) -> None:
        """As in `Group`."""
        with self._lock:
            made = self._broadcasts.setdefault(turn, _Collective())
            made.sides[rank] = side
            if side.source is not None:
                made.owner = rank
            for number in sorted(self._broadcasts):
                self._advance(number)

    def _advance(self, turn: int) -> None:
        """Queue what can be queued of a broadcast."""
        made = self._broadcasts[turn]
        if made.owner is None:
            return
        if made.staged is None and not self._send(turn, made, made.sides[made.owner]):
            return
        for side in made.receivers:
            if side.done is None:
                self._receive(made, side)

    def _send(self, turn: int, made: _Collective, side: Broadcast) -> bool:
        if self.on.send_waits_for_receivers:
            for number, earlier in self._broadcasts.items():
                if number < turn and earlier.owner == made.owner:
                    received = [s.done for s in earlier.receivers if s.done is not None]
                    if len(received) < self.ranks - 1:
                        return False
                    side.waits += received

        def stage() -> None:
            assert side.source is not None
            made.staged = self._staging.place(side.source)
            made.staged.copy_(side.source)

        side.queue(stage)
        return True

    def _receive(self, made: _Collective, side: Broadcast) -> None:
        def copy() -> None:
            assert made.owner is not None
            assert made.staged is not None
            assert side.target is not None
            sent = made.sides[made.owner].done
            assert sent is not None
            side.stream.wait_event(sent)
            side.target.copy_(made.staged)

        side.queue(copy if self.on.communicator_is_live else lambda: None)
