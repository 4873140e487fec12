"""Ranks as processes: their collectives are those of `torch.distributed`, over gloo on loopback."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from reference_impl.barriers import LayerSplit
from reference_impl.rank_group import Broadcast, Staging, is_done


class GroupError(RuntimeError):
    """A collective has failed, or was not over in time: a rank is gone, or takes no part in it."""


@contextmanager
def _named(what: str, patience: float) -> Iterator[None]:
    """An error in this context is a `GroupError` that says what has failed."""
    try:
        yield
    except RuntimeError as error:
        reason = re.sub(r"^\[[^]]*\] ", "", str(error)).split(". ")[0].splitlines()[0]
        raise GroupError(f"{what}: a rank is gone or late ({patience:g} s): {reason}") from error


class _Communicator:
    """A sequence of collectives: the nth of one rank meets the nth of every other.

    Each has a number that all ranks know it by; with that, `what` says which one failed.
    """

    def __init__(self, what: str, patience: float) -> None:
        self._what, self._patience = what, patience
        self.group = dist.new_group(timeout=timedelta(seconds=patience))
        self._sums: dict[int, tuple[dist.Work, Tensor]] = {}

    def add(self, number: int, value: int) -> None:
        """Add the part of this rank to a sum."""
        total = torch.tensor([value])
        self._sums[number] = (dist.all_reduce(total, group=self.group, async_op=True), total)

    def sum(self, number: int) -> int | None:
        """The sum once all ranks have added to it; None before."""
        if number not in self._sums:
            return None
        work, total = self._sums[number]
        return int(total) if self.is_over(work, number) else None

    def is_over(self, work: dist.Work | None, number: int) -> bool:
        """Whether a collective is posted and over. Raises `GroupError` if it has failed."""
        if work is None or not work.is_completed():
            return False
        with _named(f"{self._what} {number}", self._patience):
            work.wait()
        return True


@dataclass
class _Collective:
    """A broadcast that this rank has joined; `host` holds the bytes that travel."""

    side: Broadcast
    host: Tensor
    work: dist.Work | None = None


class GlooGroup:
    """A `Group` of one rank's process. What is posted gets on in `progress`, which the process
    calls again and again.

    Rounds, broadcasts, receipts of broadcasts and the ends of prompts each have a communicator.
    Layers travel through host memory: the owner's stream copies a layer there, and the streams of
    the others copy it from there. Receipts are exchanged where `send_waits_for_receivers` asks.
    """

    def __init__(
        self, rank: int, ranks: int, layers: int, store: Path, on: LayerSplit, patience: float
    ) -> None:
        """Meet the others at `store`, a file that does not exist yet; all are there afterwards.

        Raises `GroupError` when they do not come, or after `patience` seconds in any collective.
        """
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        self.ranks, self.layers, self.on = ranks, layers, on
        most = timedelta(seconds=patience)
        with _named("meeting the other ranks", patience):
            dist.init_process_group("gloo", store.as_uri(), most, world_size=ranks, rank=rank)
            self._rounds = _Communicator("the round of turn", patience)
            self._broadcasts = _Communicator("the broadcast of turn", patience)
            self._receipts = _Communicator("the receipt of turn", patience)
            self._ends = _Communicator("the end of prompt", patience)
        self._sent: list[int] = []
        """Turns whose layer this rank has sent."""
        self._pending: deque[_Collective] = deque()
        self._staging = Staging(on, _pinned)

    def enter(self, turn: int, rank: int, refuses: bool) -> None:  # noqa: ARG002
        """As in `Group`."""
        self._rounds.add(turn, int(refuses))

    def concluded(self, turn: int, rank: int) -> bool | None:  # noqa: ARG002
        """As in `Group`."""
        refusals = self._rounds.sum(turn)
        return None if refusals is None else refusals == 0

    def finish(self, prompt: int, rank: int) -> None:  # noqa: ARG002
        """As in `Group`."""
        self._ends.add(prompt, 1)

    def all_finished(self, prompt: int) -> bool:
        """As in `Group`."""
        return self._ends.sum(prompt) is not None

    def join(self, side: Broadcast) -> None:
        """As in `Group`."""
        host = self._staging.place(side.rows) if side.sends else _pinned(side.rows)
        if not (side.sends or self.on.communicator_is_live):
            side.done = side.stream.record_event()
        self._pending.append(_Collective(side, host))

    def progress(self) -> bool:
        """Send what may be sent, post the broadcasts whose turn it is, take in what has arrived."""
        moved, may_post = False, self.on.communicator_is_live
        for made in self._pending:
            side = made.side
            if side.sends and side.done is None and self._may_send():
                side.queue(partial(made.host.copy_, side.rows, non_blocking=True))
                self._sent.append(side.turn)
                moved = True
            if may_post and made.work is None and (is_done(side.done) or not side.sends):
                owner = side.turn % self.layers % self.ranks
                made.work = dist.broadcast(made.host, owner, self._broadcasts.group, async_op=True)
                moved = True
            may_post = may_post and made.work is not None  # none overtakes another
        while self._pending and self._has_arrived(self._pending[0]):
            self._take_in(self._pending.popleft())
            moved = True
        return moved

    def _may_send(self) -> bool:
        """Whether all ranks have received what this one has sent, if that is asked for."""
        if not (self.on.send_waits_for_receivers and self.on.communicator_is_live):
            return True
        return all(self._receipts.sum(turn) for turn in self._sent)

    def _has_arrived(self, made: _Collective) -> bool:
        return self._broadcasts.is_over(made.work, made.side.turn)

    def _take_in(self, made: _Collective) -> None:
        side = made.side
        if not side.sends:
            side.queue(partial(side.rows.copy_, made.host, non_blocking=True))
        if self.on.send_waits_for_receivers:
            self._receipts.add(side.turn, 1)

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()


def _pinned(rows: Tensor) -> Tensor:
    return torch.empty(rows.shape, pin_memory=True)
