"""The prefill node of a handoff: computes a prompt chunk by chunk and writes it to the other node.

A chunk is a page. Three loops of a real node are three methods here, each of which does one thing
and says whether it did: `listen` (the control thread), `work` (the transfer worker) and `tidy` (the
scheduler, which drops failed requests from its tables).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor

from reference_impl.attention import SmallModel
from reference_impl.barriers import Handoff
from reference_impl.messages import (
    Abort,
    Answer,
    Arrived,
    Channel,
    Failure,
    Records,
    Success,
    Transfer,
)
from reference_impl.slot_pool import Paged, Slot, SlotPool
from reference_impl.transport import Handle, State, Transport


class Room(Enum):
    """A transfer at the prefill node; one that is in no table is cleared."""

    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"


@dataclass
class Target:
    """The memory of the decode node that transfers write into."""

    pool: SlotPool
    records: Records


@dataclass
class _Transfer:
    """A transfer in the tables; `pages` are the prefill node's own."""

    asked: Transfer
    room: Room = Room.QUEUED
    pages: Slot | None = None
    parts: list[Handle] = field(default_factory=list)
    record: Handle | None = None
    token: Tensor | None = None
    arrival_is_told: bool = False

    @property
    def number(self) -> int:
        return self.asked.request

    @property
    def handles(self) -> list[Handle]:
        return self.parts if self.record is None else [*self.parts, self.record]


class PrefillNode:
    """One prefill node; `target` is the memory that it may write into."""

    def __init__(
        self,
        model: SmallModel,
        pool: SlotPool,
        target: Target,
        transport: Transport,
        channel: tuple[Channel, Channel],
        on: Handoff,
    ) -> None:
        self.model, self.pool, self.target, self.transport = model, pool, target, transport
        self.incoming, self.outgoing = channel
        self.on = on
        self.stream = torch.cuda.Stream()
        self.table: dict[int, _Transfer] = {}
        self.under_way: dict[int, list[Handle]] = {}
        """The writes of each request that are not known to be over."""
        self.owed: set[int] = set()
        """Requests whose abort or failure is yet to be answered: the ack targets."""
        self.ended_leases: set[int] = set()
        """Requests whose time to post writes has passed."""
        self.held_pages: dict[int, Slot] = {}
        self._sources: dict[int, Tensor] = {}

    # The control thread.

    def listen(self) -> bool:
        """Take one message."""
        match self.incoming.receive():
            case Transfer() as asked:
                self.table[asked.request] = _Transfer(asked)
            case Abort(request):
                self._receive_abort(request)
            case _:
                return False
        return True

    def _receive_abort(self, request: int) -> None:
        transfer = self.table.get(request)
        if transfer is None:
            if not self.on.count_outlives_room or self._is_quiet(request):
                self._answer(request)
            elif self.on.cleared_room_answers_later:
                self.owed.add(request)
        elif transfer.room is Room.QUEUED:
            if self.on.abort_leaves_queue:
                del self.table[request]
            self._answer(request)
        else:
            if self.on.abort_stops_chunks:
                transfer.room = Room.FAILED
            if not self.on.answer_waits_for_writes or self._is_quiet(request):
                self._answer(request)
            else:
                self.owed.add(request)

    def reject(self, request: int) -> None:
        """A queued request fails validation."""
        transfer = self.table[request]
        if self.on.rejection_is_reported:
            self._fail(transfer)
        else:
            del self.table[request]
            self.outgoing.send(Success(request))

    # The transfer worker.

    def work(self) -> bool:
        """Look at what is under way, then bring one transfer one step on."""
        seen = [self._look_at(request) for request in list(self.under_way)]
        for request in [r for r in self.owed if self._is_quiet(r)]:
            self.owed.discard(request)
            self._answer(request)
            return True
        return any(self._advance(transfer) for transfer in list(self.table.values())) or any(seen)

    def _advance(self, transfer: _Transfer) -> bool:
        number = transfer.number
        if number in self.ended_leases and self.on.lease_stops_writer:
            if transfer.room in (Room.QUEUED, Room.RUNNING):
                transfer.room = Room.FAILED
                return True
            return False
        if transfer.room is not Room.FAILED:
            if any(handle.state() is State.FAILED for handle in transfer.handles):
                self._fail(transfer)
                return True
            if len(transfer.parts) < self._chunks(transfer):
                return self._post(transfer)
        elif self.on.failed_is_sticky:
            return False
        return self._finish(transfer)

    def _chunks(self, transfer: _Transfer) -> int:
        return self.model.shape.pages(len(transfer.asked.prompt))

    def _post(self, transfer: _Transfer) -> bool:
        """Compute the next chunk and post its write; the record goes with the last one."""
        asked, rows = transfer.asked, self.model.shape.page_rows
        chunk = len(transfer.parts)
        if transfer.pages is None:
            transfer.pages = self.pool.take(asked.request, self._chunks(transfer))
            if transfer.pages is None:
                return False
            self.held_pages[asked.request] = transfer.pages
        transfer.room = Room.RUNNING
        with torch.cuda.stream(self.stream):
            tokens = torch.tensor(asked.prompt[chunk * rows : (chunk + 1) * rows], device="cuda")
            cache = Paged(self.pool, transfer.pages)
            transfer.token = self.model.forward(tokens, chunk * rows, cache)
            if chunk + 1 == self._chunks(transfer):
                self._sources[asked.request] = self._record(transfer)
        self.stream.synchronize()
        own, theirs = transfer.pages.pages[chunk], asked.slot.pages[chunk]
        writes = zip(self.pool.regions(own), self.target.pool.regions(theirs), strict=True)
        handle = self.transport.post(list(writes))
        transfer.parts.append(handle)
        self.under_way.setdefault(asked.request, []).append(handle)
        if asked.request in self._sources:
            row = self.target.records.rows[asked.slot.pages[0]]
            transfer.record = self.transport.post([(self._sources[asked.request], row)])
            self.under_way[asked.request].append(transfer.record)
        return True

    def _record(self, transfer: _Transfer) -> Tensor:
        """For whom, the first token, a digest of the rows; int64 [3]."""
        assert transfer.pages is not None
        assert transfer.token is not None
        tag = torch.tensor(transfer.asked.slot.generation, device="cuda")
        return torch.stack([tag, transfer.token, digest(self.pool, transfer.pages.pages)])

    def _finish(self, transfer: _Transfer) -> bool:
        """Tell what has arrived, once it has."""
        arrived = [self._has_arrived(part) for part in transfer.parts]
        if not any(arrived):
            return False
        if not transfer.arrival_is_told and (
            all(arrived) or not self.on.reformat_waits_for_all_parts
        ):
            transfer.arrival_is_told = True
            self.outgoing.send(Arrived(transfer.number))
            return True
        record = transfer.record
        if not all(arrived) or record is None:
            return False
        if self.on.success_waits_for_record and not self._has_arrived(record):
            return False
        self.outgoing.send(Success(transfer.number))
        self._clear(transfer)
        return True

    def _has_arrived(self, handle: Handle) -> bool:
        state = handle.state()
        early = state is State.ACKNOWLEDGED and not self.on.completion_follows_visibility
        return state is State.VISIBLE or early

    def _look_at(self, request: int) -> bool:
        """Take off the list what is over; pages that only a posted write kept are free then."""
        before, left = self.under_way[request], []
        for handle in before:
            if handle.state() is State.FAILED and self.on.error_follows_flush:
                handle.flush()
            elif handle.state() is not State.FAILED and not self._has_arrived(handle):
                left.append(handle)
        self.under_way[request] = left
        if not left and request not in self.table:
            del self.under_way[request]
            self._free_pages(request)
        return len(left) < len(before)

    def _is_quiet(self, request: int) -> bool:
        """Whether no write of a request is under way."""
        return not self.under_way.get(request)

    # How a transfer ends.

    def _fail(self, transfer: _Transfer) -> None:
        transfer.room = Room.FAILED
        if not self.on.failure_is_announced:
            return
        if self.on.failure_waits_for_writes:
            self.owed.add(transfer.number)
        else:
            self.outgoing.send(Failure(transfer.number))

    def _answer(self, request: int) -> None:
        if self.on.failure_is_announced or self.on.abort_is_answered:
            self.outgoing.send(Answer(request))

    def tidy(self) -> bool:
        """Drop one failed transfer from the tables."""
        for transfer in list(self.table.values()):
            if transfer.room is Room.FAILED:
                self._clear(transfer)
                return True
        return False

    def _clear(self, transfer: _Transfer) -> None:
        number = transfer.number
        del self.table[number]
        if not self.on.ack_target_outlives_room:
            self.owed.discard(number)
        if not self.under_way.get(number) or not self.on.source_waits_for_writes:
            self._free_pages(number)

    def _free_pages(self, request: int) -> None:
        pages = self.held_pages.pop(request, None)
        if pages is not None:
            self.pool.give_back(pages)
            self._sources.pop(request, None)


def digest(pool: SlotPool, pages: tuple[int, ...]) -> Tensor:
    """A sum of the bits of some pages, whatever the order of their heads; int64 []."""
    parts = [region.view(torch.int32).sum() for page in pages for region in pool.regions(page)]
    return torch.stack(parts).sum()
