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
from reference_impl.messages import Abort, Answer, Arrived, Failure, Success, Transfer
from reference_impl.slot_pool import Paged, Slot, SlotPool
from reference_impl.transport import Handle, Peer, State


class Room(Enum):
    """A transfer at the prefill node; one that is in no table is cleared."""

    QUEUED, RUNNING, FAILED = range(3)


@dataclass
class _Transfer:
    """A transfer in the tables; `parts` are the writes of its chunks."""

    asked: Transfer
    room: Room = Room.QUEUED
    computed: int = 0
    parts: dict[int, Handle] = field(default_factory=dict)
    record: Handle | None = None
    arrival_is_told: bool = False


class PrefillNode:
    """One prefill node; `target` is the memory of the decode node that it may write into, and
    `peer` the way there and back."""

    def __init__(
        self, model: SmallModel, pool: SlotPool, target: SlotPool, peer: Peer, on: Handoff
    ) -> None:
        self.model, self.pool, self.target, self.peer, self.on = model, pool, target, peer, on
        self.stream = torch.cuda.Stream()
        self.table: dict[int, _Transfer] = {}
        self.under_way: dict[int, list[Handle]] = {}
        """The writes of each request that are not known to be over."""
        self.owed: set[int] = set()
        """Requests whose abort or failure is yet to be answered: the ack targets."""
        self.ended_leases: set[int] = set()
        """Requests whose time to post writes has passed."""
        self.held_pages: dict[int, Slot] = {}

    # The control thread.

    def listen(self) -> bool:
        """Take one message."""
        match self.peer.receive():
            case Transfer() as asked:
                self.table[asked.request] = _Transfer(asked)
            case Abort(request):
                self._receive_abort(request)
            case _:
                return False
        return True

    def _receive_abort(self, request: int) -> None:
        transfer, on = self.table.get(request), self.on
        waits, is_owed = on.answer_waits_for_writes, True
        if transfer is None:
            waits, is_owed = on.count_outlives_room, on.cleared_room_answers_later
        elif transfer.room is Room.QUEUED and on.abort_leaves_queue:
            del self.table[request]
        elif transfer.room is not Room.QUEUED and on.abort_stops_chunks:
            transfer.room = Room.FAILED
        if self._is_quiet(request) or not waits:
            self._answer(request)
        elif is_owed:
            self.owed.add(request)

    def reject(self, request: int) -> bool:
        """A queued request fails validation."""
        transfer = self.table.get(request)
        if transfer is None or transfer.room is not Room.QUEUED:
            return False
        if self.on.rejection_is_reported:
            self._fail(request)
        else:
            del self.table[request]
            self.peer.send(Success(request))
        return True

    # The transfer worker.

    def work(self) -> bool:
        """Look at what is under way, then bring one transfer one step on."""
        seen = [self.look_at(request) for request in list(self.under_way)]
        if any(self.answer_owed(request) for request in list(self.owed)):
            return True
        steps = (self.expire, self.fail_on_error, self.post, self.finish)
        advanced = any(step(request) for request in list(self.table) for step in steps)
        return advanced or any(seen)

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
        if transfer is None:
            return False
        handles = [*transfer.parts.values(), transfer.record]
        if not any(h is not None and h.state() is State.FAILED for h in handles):
            return False
        self._fail(request)
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
        request, theirs = transfer.asked.request, transfer.asked.slot.pages
        slot = self.held_pages.get(request) or self.pool.take(request, self._chunks(transfer))
        if slot is None:
            return False
        self.held_pages[request] = slot
        transfer.room = Room.RUNNING
        with torch.cuda.stream(self.stream):
            while transfer.computed <= chunk:
                self._compute(transfer)
        self.stream.synchronize()
        under_way = self.under_way.setdefault(request, [])
        here, there = self.pool.regions(slot.pages[chunk]), self.target.regions(theirs[chunk])
        transfer.parts[chunk] = self.peer.transport.post(list(zip(here, there, strict=True)))
        under_way.append(transfer.parts[chunk])
        if len(transfer.parts) == self._chunks(transfer):
            record = self.pool.records[slot.pages[0]], self.target.records[theirs[0]]
            transfer.record = self.peer.transport.post([record])
            under_way.append(transfer.record)
        return True

    def _compute(self, transfer: _Transfer) -> None:
        """Compute the next chunk, and the record with the last one."""
        slot, rows = self.held_pages[transfer.asked.request], self.model.shape.page_rows
        start = transfer.computed * rows
        tokens = torch.tensor(transfer.asked.prompt[start : start + rows], device="cuda")
        token = self.model.forward(tokens, start, Paged(self.pool, slot))
        transfer.computed += 1
        if transfer.computed == self._chunks(transfer):
            self.pool.records[slot.pages[0]] = self._record(transfer, token)

    def _record(self, transfer: _Transfer, token: Tensor) -> Tensor:
        """For whom, the first token, a digest of the rows; int64 [3]."""
        asked = transfer.asked
        tag = torch.tensor(asked.slot.generation, device="cuda")
        return torch.stack([tag, token, self.pool.digest(self.held_pages[asked.request].pages)])

    def finish(self, request: int) -> bool:
        """Tell what of a transfer has arrived, once it has."""
        transfer = self.table.get(request)
        if transfer is None or transfer.record is None:
            return False
        if transfer.room is Room.FAILED and self.on.failed_is_sticky:
            return False
        arrived = [self._has_arrived(part) for part in transfer.parts.values()]
        is_whole = all(arrived)
        may_tell = is_whole or (any(arrived) and not self.on.reformat_waits_for_all_parts)
        if may_tell and not transfer.arrival_is_told:
            transfer.arrival_is_told = True
            self.peer.send(Arrived(request))
            return True
        on_record = self.on.success_waits_for_record
        if not is_whole or (on_record and not self._has_arrived(transfer.record)):
            return False
        self.peer.send(Success(request))
        self._drop(request)
        return True

    def _has_arrived(self, handle: Handle) -> bool:
        state = handle.state()
        early = state is State.ACKNOWLEDGED and not self.on.completion_follows_visibility
        return state is State.VISIBLE or early

    def look_at(self, request: int) -> bool:
        """Take off the list what is over; pages that only a posted write kept are free then."""
        if request not in self.under_way:
            return False
        before = self.under_way[request]
        left = self.under_way[request] = [handle for handle in before if self._goes_on(handle)]
        if not left and request not in self.table:
            del self.under_way[request]
            self._free_pages(request)
        return len(left) < len(before)

    def _goes_on(self, handle: Handle) -> bool:
        if handle.state() is not State.FAILED:
            return not self._has_arrived(handle)
        if self.on.error_follows_flush:
            handle.flush()
        return False

    def _is_quiet(self, request: int) -> bool:
        """Whether no write of a request is under way."""
        return not self.under_way.get(request)

    # How a transfer ends.

    def _fail(self, request: int) -> None:
        self.table[request].room = Room.FAILED
        if self.on.failure_is_announced and self.on.failure_waits_for_writes:
            self.owed.add(request)
        elif self.on.failure_is_announced:
            self.peer.send(Failure(request))

    def _answer(self, request: int) -> None:
        """No write is under way, and none will be; what was owed is settled with it."""
        self.owed.discard(request)
        if self.on.failure_is_announced or self.on.abort_is_answered:
            self.peer.send(Answer(request))

    def tidy(self) -> bool:
        """Drop one failed transfer from the tables."""
        return any(self.clear(request) for request in list(self.table))

    def clear(self, request: int) -> bool:
        """Drop a failed transfer from the tables."""
        transfer = self.table.get(request)
        if transfer is None or transfer.room is not Room.FAILED:
            return False
        self._drop(request)
        return True

    def _drop(self, request: int) -> None:
        del self.table[request]
        if not self.on.ack_target_outlives_room:
            self.owed.discard(request)
        if self._is_quiet(request) or not self.on.source_waits_for_writes:
            self._free_pages(request)

    def _free_pages(self, request: int) -> None:
        if request in self.held_pages:
            self.pool.give_back(self.held_pages.pop(request))
