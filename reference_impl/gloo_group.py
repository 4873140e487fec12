"""Ranks as processes: their collectives are those of `torch.distributed`, over gloo on loopback."""

from __future__ import annotations

import os
import re
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from reference_impl.barriers import LayerSplit
from reference_impl.layer_split import Broadcast


class GroupError(RuntimeError):
    """A collective has failed, or was not over in time: a rank is gone, or takes no part in it."""


@dataclass
class _Collective:
    """A broadcast that this rank has joined; `host` holds the bytes that travel."""

    turn: int
    side: Broadcast
    host: Tensor
    work: dist.Work | None = None


class GlooGroup:
    """A `Group` of one rank's process. What is posted gets on in `progress`, which the process
    calls again and again.

    Rounds, broadcasts, receipts of broadcasts and the ends of prompts each have a communicator,
    where the nth collective of one rank meets the nth of every other. Layers travel through host
    memory: the owner's stream copies a layer there, and the streams of the others copy it from
    there. Receipts are exchanged where `send_waits_for_receivers` needs them.
    """

    def __init__(
        self, rank: int, ranks: int, layers: int, store: Path, on: LayerSplit, patience: float
    ) -> None:
        """Meet the others at `store`, a file that does not exist yet; all are there afterwards.

        Raises `GroupError` when they do not come, or after `patience` seconds in any collective.
        """
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        self.rank, self.ranks, self.layers, self.on = rank, ranks, layers, on
        self.patience = patience
        try:
            most = timedelta(seconds=patience)
            dist.init_process_group(
                "gloo", init_method=store.as_uri(), rank=rank, world_size=ranks, timeout=most
            )
            self._for_rounds, self._for_layers, self._for_receipts, self._for_ends = (
                dist.new_group(timeout=most) for _ in range(4)
            )
        except RuntimeError as error:
            raise self._error("meeting the other ranks", error) from error
        self._rounds: dict[int, tuple[dist.Work, Tensor]] = {}
        self._receipts: dict[int, tuple[dist.Work, Tensor]] = {}
        self._sent: list[int] = []
        """Turns whose layer this rank has sent."""
        self._ends: dict[int, tuple[dist.Work, Tensor]] = {}
        self._pending: deque[_Collective] = deque()
        self._region: Tensor | None = None

    def enter(self, turn: int, rank: int, refuses: bool) -> None:  # noqa: ARG002
        """As in `Group`."""
        self._rounds[turn] = self._all_reduce(int(refuses), self._for_rounds)

    def concluded(self, turn: int, rank: int) -> bool | None:  # noqa: ARG002
        """As in `Group`."""
        work, refusals = self._rounds[turn]
        return int(refusals) == 0 if self._is_over(work, f"the round of turn {turn}") else None

    def finish(self, prompt: int, rank: int) -> None:  # noqa: ARG002
        """As in `Group`."""
        self._ends[prompt] = self._all_reduce(1, self._for_ends)

    def all_finished(self, prompt: int) -> bool:
        """As in `Group`."""
        end = self._ends.get(prompt)
        return end is not None and self._is_over(end[0], f"the end of prompt {prompt}")

    def join(self, turn: int, rank: int, side: Broadcast) -> None:  # noqa: ARG002
        """As in `Group`."""
        if side.source is not None:
            made = _Collective(turn, side, self._staging(side.source))
        else:
            assert side.target is not None
            made = _Collective(turn, side, torch.empty(side.target.shape, pin_memory=True))
            if not self.on.communicator_is_live:
                side.received = side.stream.record_event()
        self._pending.append(made)

    def progress(self) -> bool:
        """Send what may be sent, post the broadcasts whose turn it is, take in what has arrived."""
        moved = False
        for made in self._pending:
            side = made.side
            if side.source is not None and side.sent is None and self._may_send():
                self._queue_on(side, made.host, side.source)
                side.sent, moved = side.stream.record_event(), True
                self._sent.append(made.turn)
        if not self.on.communicator_is_live:
            return moved
        for made in self._pending:
            if made.work is None:
                if made.side.source is not None and not self._has_left(made.side):
                    break  # the nth of one rank meets the nth of every other: none overtakes
                owner = made.turn % self.layers % self.ranks
                made.work = dist.broadcast(made.host, owner, self._for_layers, async_op=True)
                moved = True
        while self._pending and self._has_arrived(self._pending[0]):
            self._take_in(self._pending.popleft())
            moved = True
        return moved

    def _may_send(self) -> bool:
        """Whether all ranks have received what this one has sent, if that is asked for."""
        if not (self.on.send_waits_for_receivers and self.on.communicator_is_live):
            return True
        receipts = [self._receipts.get(turn) for turn in self._sent]
        return all(r is not None and self._is_over(r[0], "a receipt") for r in receipts)

    @staticmethod
    def _has_left(side: Broadcast) -> bool:
        return side.sent is not None and side.sent.query()

    def _take_in(self, made: _Collective) -> None:
        if made.side.target is not None:
            self._queue_on(made.side, made.side.target, made.host)
            made.side.received = made.side.stream.record_event()
        if self.on.send_waits_for_receivers:
            self._receipts[made.turn] = self._all_reduce(1, self._for_receipts)

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()

    def _has_arrived(self, made: _Collective) -> bool:
        return made.work is not None and self._is_over(
            made.work, f"the broadcast of turn {made.turn}"
        )

    def _queue_on(self, side: Broadcast, target: Tensor, source: Tensor) -> None:
        for event in side.waits:
            side.stream.wait_event(event)
        with torch.cuda.stream(side.stream):
            target.copy_(source, non_blocking=True)

    def _staging(self, rows: Tensor) -> Tensor:
        """Host memory of this broadcast alone, or the one region that all share."""
        if self.on.staging_per_broadcast:
            return torch.empty(rows.shape, pin_memory=True)
        if self._region is None or len(self._region) < len(rows):
            self._region = torch.empty(rows.shape, pin_memory=True)
        return self._region[: len(rows)]

    def _all_reduce(self, value: int, group: dist.ProcessGroup) -> tuple[dist.Work, Tensor]:
        total = torch.tensor([value])
        work = dist.all_reduce(total, group=group, async_op=True)
        return work, total

    def _is_over(self, work: dist.Work, what: str) -> bool:
        if not work.is_completed():
            return False
        try:
            work.wait()
        except RuntimeError as error:
            raise self._error(what, error) from error
        return True

    def _error(self, what: str, error: Exception) -> GroupError:
        reason = re.sub(r"^\[[^]]*\] ", "", str(error)).split(". ")[0].splitlines()[0]
        return GroupError(f"{what}: a rank is gone or late ({self.patience:g} s): {reason}")
