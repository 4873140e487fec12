"""Ranks as objects of one process: their collectives are copies between streams of one device."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reference_impl.barriers import LayerSplit
from reference_impl.layer_split import Broadcast


@dataclass
class _Collective:
    """One broadcast: who has joined, and which rank is the owner."""

    sides: dict[int, Broadcast] = field(default_factory=dict)
    owner: int | None = None
    staged: Tensor | None = None


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
        self._region: Tensor | None = None

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
        for side in made.sides.values():
            if side.target is not None and side.received is None:
                self._receive(made, made.sides[made.owner], side)

    def _send(self, turn: int, made: _Collective, side: Broadcast) -> bool:
        assert side.source is not None
        if self.on.send_waits_for_receivers:
            for number, earlier in self._broadcasts.items():
                if number < turn and earlier.owner == made.owner:
                    received = [s.received for s in earlier.sides.values() if s.target is not None]
                    if len(received) < self.ranks - 1 or None in received:
                        return False
                    side.waits += [event for event in received if event is not None]
        for event in side.waits:
            side.stream.wait_event(event)
        with torch.cuda.stream(side.stream):
            made.staged = self._staging(side.source)
            made.staged.copy_(side.source)
        side.sent = side.stream.record_event()
        return True

    def _staging(self, source: Tensor) -> Tensor:
        """Memory of this broadcast alone, or the one region that all share."""
        if self.on.staging_per_broadcast:
            return torch.empty_like(source)
        if self._region is None or len(self._region) < len(source):
            self._region = torch.empty_like(source)
        return self._region[: len(source)]

    def _receive(self, made: _Collective, owner: Broadcast, side: Broadcast) -> None:
        assert made.staged is not None
        assert side.target is not None
        assert owner.sent is not None
        for event in side.waits:
            side.stream.wait_event(event)
        if self.on.communicator_is_live:
            side.stream.wait_event(owner.sent)
            with torch.cuda.stream(side.stream):
                side.target.copy_(made.staged)
        side.received = side.stream.record_event()
