"""The cache taken along `models/rdma_write_completion.py`, one loop of a node for each step.

A handle is the write of a chunk. What is told apart here that the model takes as one:
  - A failed transfer fails at once, and is announced when its writes are over, if it has to wait.
    The model has one step for both, which is taken when the node would announce it at once.
  - `accept` is two loops: the success is heard, and the record is read.
  - `finish` of the worker is asked twice: what has arrived is told first, then the success.
  - Rows that land once their request was put into the decode node's layout are nobody's, whoever
    reads them. Here the next owner of the slot may turn them along with its own.

Refused here and not asked of the cache, which would do something else than the model's step:
  - `abort` of a request that decodes: its slot comes back without a word to the other node. The
    model ends with the transfer; `slot_lifecycle` has this step, and its adapter performs it.
  - `succeed` before `reformat`: the worker would tell what has arrived, which is `reformat`.
  - `reformat` of a failed transfer: where `failed_is_sticky` is off the cache tells what has
    arrived all the same, and the model lets only a late success through.
  - `accept` while nobody has written the record: the cache decodes what it finds there, which the
    model has no token for.
  - `fail_on_error` and `fail_on_abort` while a write is under way for which the failure waits: the
    cache would take the error or the abort now, and announce the failure once the write is over.
  - `fail_on_abort` of a transfer whose outcome is published: the cache would take the abort and
    answer it, which tells the decode node nothing new. The model has no step for it.

Not seen: whether the rows of a request that was given up before its parts were put into the decode
node's layout are still its own, since the decode node does not touch them any more. A record that
was never written is told from a written one by this adapter, as the model says of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fencepost import Adapter
from reference_impl.adapters.designs import handoff
from reference_impl.adapters.told import Room, ToldHandoff, ToldWrite, taken
from reference_impl.decode import Phase
from reference_impl.messages import Abort, Answer, Arrived, Failure, Success
from reference_impl.prefill import Room as Place

PHASES = {
    Phase.QUEUED: "IDLE",
    Phase.TRANSFERRING: "WAITING",
    Phase.RECEIVED: "WAITING",
    Phase.RECLAIMING: "ABORTING",
    Phase.DECODING: "DECODING",
    Phase.ABORTED: "CLOSED",
    Phase.FINISHED: "CLOSED",
}


class RdmaWriteCompletion(Adapter):
    """A decode node and a prefill node for each request, with writes that fail one by one."""

    device = "virtual"
    sizes = {"requests": 2, "slots": 1, "handles": 1}  # noqa: RUF012  # as in `Adapter`

    @classmethod
    def can_be(cls, barriers: frozenset[str]) -> str:
        """As in `Adapter`."""
        if "error_waits_for_siblings" not in barriers:
            return "the cache drops the failure of a request that it has given up already"
        if "failure_is_announced" not in barriers and "abort_is_answered" in barriers:
            return "the cache answers an abort also where the failure came first"
        return ""

    def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
        made = handoff("rdma_write_completion", barriers)
        self.on, self.slots, self.handles = made.on, sizes["slots"], sizes["handles"]
        self.all = ToldHandoff(made, sizes["requests"], self.slots, self.handles)
        self.decode, self.rooms = self.all.decode, self.all.rooms
        self.transfers: dict[int, Any] = {}
        self.flipped: set[int] = set()
        """Requests whose rows the decode node has put into its layout."""
        self.garbage: set[tuple[int, int]] = set()
        """Requests and parts whose rows landed after that."""
        self.foreign: set[int] = set()
        self.token: dict[int, int] = {}

    def close(self) -> None:
        self.all.close()

    def perform(self, action: str, **arguments: int) -> None:
        getattr(self, f"_{action}")(**arguments)
        self.all.run_all()

    # The decode node.

    def _allocate(self, request: int, slot: int) -> None:
        self.all.allocate(request, slot)
        room = self.rooms[request]
        self.transfers[request] = room.node.prefill.table[room.number]

    def _abort(self, request: int) -> None:
        taken(self.all.asked(request).phase is Phase.TRANSFERRING)
        taken(self.decode.abort(self.rooms[request].number))

    def _accept(self, request: int) -> None:
        room = self.rooms[request]
        taken(self.all.asked(request).phase is Phase.TRANSFERRING)
        taken(bool(room.node.down.find(room.number, Success)))
        taken(self._record(room) is not None)
        own = self._holds_own(request)
        writer = self._record(room)
        self.all.hear(request, Success)
        taken(self.decode.start(self.all.asked(request)))
        if self.all.asked(request).phase is Phase.DECODING and writer is not None:
            self.token[request] = writer
            if not own:
                self.foreign.add(request)

    def _finish(self, request: int) -> None:
        taken(self.decode.decode(self.all.asked(request)))

    def _take_back(self, request: int) -> None:
        room, phase = self.rooms[request], self.all.asked(request).phase
        kinds = (Answer, Failure, Success) if phase is Phase.RECLAIMING else (Answer, Failure)
        kind = next((k for k in kinds if self.all.awaited(request, k)), None)
        taken(kind is not None and room.address is not None)
        assert kind is not None
        self.all.hear(request, kind)

    # The worker.

    def _post(self, request: int) -> None:
        for handle in range(self.handles):
            self.all.post(request, handle)

    def _reformat(self, request: int) -> None:
        room = self.rooms[request]
        transfer = self.transfers.get(request)
        taken(transfer is not None and not transfer.arrival_is_told)
        taken(self._status(request) == "PENDING")
        taken(room.node.prefill.finish(room.number))
        for message in room.node.down.find(room.number, Arrived):
            if self.all.asked(request).phase is Phase.TRANSFERRING:
                self.flipped.add(request)
            room.node.down.deliver(message)
            self.decode.listen()

    def _succeed(self, request: int) -> None:
        room = self.rooms[request]
        taken(request in self.transfers and self.transfers[request].arrival_is_told)
        taken(room.node.prefill.finish(room.number))

    def _fail_on_error(self, request: int) -> None:
        room = self.rooms[request]
        taken(not room.node.prefill.under_way.get(room.number))
        taken(room.node.prefill.fail_on_error(room.number))
        room.node.prefill.answer_owed(room.number)

    def _fail_on_abort(self, request: int) -> None:
        room = self.rooms[request]
        aborts = room.node.up.find(room.number, Abort)
        taken(bool(aborts) and self._status(request) == "PENDING")
        quiet = not room.node.prefill.under_way.get(room.number)
        taken(quiet or not self.on.answer_waits_for_writes)
        room.node.up.deliver(aborts[0])
        taken(room.node.prefill.listen())

    # The NIC.

    def _land(self, request: int, handle: int) -> None:
        write = self._handle(request, handle)
        taken(not write.landed and not write.is_late)
        self.rooms[request].node.nic.land(write)
        if self.transfers[request].arrival_is_told:
            self.garbage.add((request, handle))

    def _complete(self, request: int, handle: int) -> None:
        self._end(request, handle, failed=False)

    def _fail(self, request: int, handle: int) -> None:
        self._end(request, handle, failed=True)

    def _end(self, request: int, handle: int, *, failed: bool) -> None:
        room, write = self.rooms[request], self._handle(request, handle)
        taken(
            not write.is_over
            and (write.landed or failed or not self.on.completion_follows_visibility)
        )
        write.is_over, write.failed, write.is_late = True, failed, self._has_failed(request)
        taken(room.node.prefill.look_at(room.number))

    def _land_record(self, request: int) -> None:
        room = self.rooms[request]
        write = self._record_write(request)
        taken(write is not None and not write.landed)
        assert write is not None
        write.is_over = True
        room.node.nic.land(write)
        room.node.prefill.look_at(room.number)

    def _handle(self, request: int, handle: int) -> ToldWrite:
        writes = self.rooms[request].writes.get(handle, [])
        taken(bool(writes))
        return writes[0]

    def _record_write(self, request: int) -> ToldWrite | None:
        return next((w[1] for w in self.rooms[request].writes.values() if len(w) > 1), None)

    # What is seen.

    def observe(self) -> Mapping[str, object]:
        every = range(len(self.rooms))
        parts = [(r, h) for r in every for h in range(self.handles)]
        cells = [(s, h) for s in range(self.slots) for h in range(self.handles)]
        rows = {cell: self._kv(*cell) for cell in cells}
        return {
            "phase": [PHASES[self.all.asked(request).phase] for request in every],
            "owner": [self.all.owner(slot) for slot in range(self.slots)],
            "token": [self._decodes(request, self.token.get(request)) for request in every],
            "accepted_foreign": [
                bool(self._decodes(request, request in self.foreign)) for request in every
            ],
            "target": [self.all.slot_of(room.address) for room in self.rooms],
            "reformatted": [
                r in self.transfers and self.transfers[r].arrival_is_told for r in every
            ],
            "status": [self._status(request) for request in every],
            "notice": [self._notice(self.rooms[request]) for request in every],
            "write": {part: self._write(*part) for part in parts if self._is_seen(*part)},
            "record_write": [self._record_state(request) for request in every],
            "landed": {part: self._landed(*part) for part in parts if self._is_seen(*part)},
            "kv": {cell: whose for cell, whose in rows.items() if whose != -1},
            "record": [self.all.record_in(slot) for slot in range(self.slots)],
        }

    def _decodes(self, request: int, what: int | None) -> int | None:
        return what if self.all.asked(request).phase is Phase.DECODING else None

    def _record(self, room: Room) -> int | None:
        slot = self.all.slot_of(room.address)
        return None if slot is None else self.all.record_in(slot)

    def _holds_own(self, request: int) -> bool:
        slot = self.all.slot_of(self.rooms[request].address)
        assert slot is not None
        return all(self._kv(slot, part) == request for part in range(self.handles))

    def _kv(self, slot: int, part: int) -> int | None:
        """Whose rows are there, in the layout that they should be in; -1 where that is not seen."""
        rows = self.all.rows_in(slot, part)
        if rows is None:
            return None
        request = rows.request
        if (request, part) in self.garbage:
            return None
        told, flipped = self.transfers[request].arrival_is_told, request in self.flipped
        if told and not flipped:
            return -1
        if rows.in_order == flipped:
            return request
        return None if self.all.owner(slot) == request else -1

    def _has_failed(self, request: int) -> bool:
        """Whether the failure of a transfer was published, whatever came later."""
        room, transfer = self.rooms[request], self.transfers.get(request)
        if transfer is None:
            return False
        dropped = room.number not in room.node.prefill.table and not self._said(room, Success)
        return transfer.room is Place.FAILED or dropped

    def _said(self, room: Room, *kinds: type) -> bool:
        sent = room.node.down.sent
        return any(m.request == room.number and isinstance(m, kinds) for m in sent)

    def _status(self, request: int) -> str:
        if self._said(self.rooms[request], Success):
            return "SUCCESS"
        return "FAILED" if self._has_failed(request) else "PENDING"

    @staticmethod
    def _notice(room: Room) -> str:
        for message in room.node.down.sent:
            if message.request == room.number and not isinstance(message, Arrived):
                return "SUCCESS" if isinstance(message, Success) else "FAILED"
        return "PENDING"

    def _is_seen(self, request: int, handle: int) -> bool:
        """A handle that failed is let go of when nothing of it can land, which is not seen."""
        writes = self.rooms[request].writes.get(handle)
        failed = writes and writes[0].failed and not writes[0].is_late
        return not (failed and self._has_failed(request) and not self.on.error_follows_flush)

    def _write(self, request: int, handle: int) -> str:
        writes = self.rooms[request].writes.get(handle)
        if not writes:
            return "IDLE"
        write, released = writes[0], self._has_failed(request)
        if not write.is_over:
            return "ORPHANED" if released else "POSTED"
        if write.is_late or (write.failed and released):
            return "IDLE"
        return "ERROR" if write.failed else "DONE"

    def _landed(self, request: int, handle: int) -> bool:
        writes = self.rooms[request].writes.get(handle)
        if not writes or self._write(request, handle) == "IDLE":
            return False
        return writes[0].landed and not writes[0].fenced

    def _record_state(self, request: int) -> str:
        write = self._record_write(request)
        if write is None:
            return "IDLE"
        return "DONE" if write.landed else "POSTED"
