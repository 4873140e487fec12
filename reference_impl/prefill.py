"""The prefill node of a handoff: computes a prompt chunk by chunk and writes it to the other node.

A chunk is a page. Three loops of a real node are three methods here, each of which does one thing
and says whether it did: `listen` (the control thread), `work` (the transfer worker) and `tidy` (the
scheduler, which drops failed requests from its tables). What a loop does for one request has a name
of its own (`look_at`, `answer_owed`, `expire`, `fail_on_error`, `post`, `finish`, `clear`).
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
    """A transfer in the tables; `pages` are the prefill node's own, `parts` the writes of its
    chunks."""

    asked: Transfer
    room: Room = Room.QUEUED
    pages: Slot | None = None
    parts: dict[int, Handle] = field(default_factory=dict)
    computed: int = 0
    record: Handle | None = None
    token: Tensor | None = None
    arrival_is_told: bool = False

    @property
    def number(self) -> int:
        return self.asked.request

    @property
    def handles(self) -> list[Handle]:
        parts = list(self.parts.values())
        return parts if self.record is None else [*parts, self.record]


@dataclass(eq=False)
class PrefillNode:
    """One prefill node; `target` is the memory that it may write into, `channel` the way to it from
    the decode node and the way back."""

    model: SmallModel
    pool: SlotPool
    target: Target
    transport: Transport
    channel: tuple[Channel, Channel]
    on: Handoff

    def __post_init__(self) -> None:
        self.incoming, self.outgoing = self.channel
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

    def reject(self, request: int) -> bool:
        """A queued request fails validation."""
        transfer = self.table.get(request)
        if transfer is None or transfer.room is not Room.QUEUED:
            return False
        if self.on.rejection_is_reported:
            self._fail(transfer)
        else:
            del self.table[request]
            self.outgoing.send(Success(request))
        return True

    # The transfer worker.

    def work(self) -> bool:
        """Look at what is under way, then bring one transfer one step on."""
        seen = [self.look_at(request) for request in list(self.under_way)]
        if any(self.answer_owed(request) for request in list(self.owed)):
            return True
        return any(self._advance(request) for request in list(self.table)) or any(seen)

    def _advance(self, request: int) -> bool:
        steps = (self.expire, self.fail_on_error, self.post, self.finish)
        return any(step(request) for step in steps)

    def _going(self, request: int) -> _Transfer | None:
        """A transfer in the tables that has not failed."""
        transfer = self.table.get(request)
        return None if transfer is None or transfer.room is Room.FAILED else transfer

    def _lease_is_over(self, request: int) -> bool:
        return request in self.ended_leases and self.on.lease_stops_writer

    def answer_owed(self, request: int) -> bool:
        """Answer an abort or a failure, now that no write is under way."""
        if request not in self.owed or not self._is_quiet(request):
            return False
        self._answer(request)
        return True

    def expire(self, request: int) -> bool:
        """A transfer whose lease is over fails, if it is not over too."""
        transfer = self._going(request)
        if transfer is None or not self._lease_is_over(request):
            return False
        transfer.room = Room.FAILED
        return True

    def fail_on_error(self, request: int) -> bool:
        """A transfer of which a write has failed fails."""
        transfer = self._going(request)
        if transfer is None or not any(h.state() is State.FAILED for h in transfer.handles):
            return False
        self._fail(transfer)
        return True

    def post(self, request: int, chunk: int | None = None) -> bool:
        """Compute a chunk (the next, if none is said) and what it needs, and post its write.

        The record goes with the last one.
        """
        transfer = self._going(request)
        if transfer is None or self._lease_is_over(request):
            return False
        left = [c for c in range(self._chunks(transfer)) if c not in transfer.parts]
        if not left or chunk not in (None, *left):
            return False
        return self._post(transfer, left[0] if chunk is None else chunk)

    def _chunks(self, transfer: _Transfer) -> int:
        return self.model.shape.pages(len(transfer.asked.prompt))

    def _post(self, transfer: _Transfer, chunk: int) -> bool:
        asked = transfer.asked
        if transfer.pages is None:
            transfer.pages = self.pool.take(asked.request, self._chunks(transfer))
            if transfer.pages is None:
                return False
            self.held_pages[asked.request] = transfer.pages
        transfer.room = Room.RUNNING
        with torch.cuda.stream(self.stream):
            while transfer.computed <= chunk:
                self._compute(transfer)
        self.stream.synchronize()
        own, theirs = transfer.pages.pages[chunk], asked.slot.pages[chunk]
        writes = zip(self.pool.regions(own), self.target.pool.regions(theirs), strict=True)
        handle = transfer.parts[chunk] = self.transport.post(list(writes))
        self.under_way.setdefault(asked.request, []).append(handle)
        if len(transfer.parts) == self._chunks(transfer):
            row = self.target.records.rows[asked.slot.pages[0]]
            transfer.record = self.transport.post([(self._sources[asked.request], row)])
            self.under_way[asked.request].append(transfer.record)
        return True

    def _compute(self, transfer: _Transfer) -> None:
        """Compute the next chunk, and the record with the last one."""
        asked, rows, chunk = transfer.asked, self.model.shape.page_rows, transfer.computed
        assert transfer.pages is not None
        tokens = torch.tensor(asked.prompt[chunk * rows : (chunk + 1) * rows], device="cuda")
        cache = Paged(self.pool, transfer.pages)
        transfer.token = self.model.forward(tokens, chunk * rows, cache)
        transfer.computed += 1
        if transfer.computed == self._chunks(transfer):
            self._sources[asked.request] = self._record(transfer)

    def _record(self, transfer: _Transfer) -> Tensor:
        """For whom, the first token, a digest of the rows; int64 [3]."""
        assert transfer.pages is not None
        assert transfer.token is not None
        tag = torch.tensor(transfer.asked.slot.generation, device="cuda")
        return torch.stack([tag, transfer.token, digest(self.pool, transfer.pages.pages)])

    def finish(self, request: int) -> bool:
        """Tell what of a transfer has arrived, once it has."""
        transfer = self.table.get(request)
        if transfer is None or len(transfer.parts) < self._chunks(transfer):
            return False
        if transfer.room is Room.FAILED and self.on.failed_is_sticky:
            return False
        arrived = [self._has_arrived(part) for part in transfer.parts.values()]
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
        self._drop(transfer)
        return True

    def _has_arrived(self, handle: Handle) -> bool:
        state = handle.state()
        early = state is State.ACKNOWLEDGED and not self.on.completion_follows_visibility
        return state is State.VISIBLE or early

    def look_at(self, request: int) -> bool:
        """Take off the list what is over; pages that only a posted write kept are free then."""
        if request not in self.under_way:
            return False
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
        """No write is under way, and none will be; what was owed is settled with it."""
        self.owed.discard(request)
        if self.on.failure_is_announced or self.on.abort_is_answered:
            self.outgoing.send(Answer(request))

    def tidy(self) -> bool:
        """Drop one failed transfer from the tables."""
        return any(self.clear(request) for request in list(self.table))

    def clear(self, request: int) -> bool:
        """Drop a failed transfer from the tables."""
        transfer = self.table.get(request)
        if transfer is None or transfer.room is not Room.FAILED:
            return False
        self._drop(transfer)
        return True

    def _drop(self, transfer: _Transfer) -> None:
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
