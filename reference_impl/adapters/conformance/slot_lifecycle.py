"""The cache taken along `models/slot_lifecycle.py`, one loop of a node for each step.

What is told apart here that the model takes as one:
  - `succeed` is two messages: the decode node first puts what has arrived into its own layout.
  - The record is written with the last chunk that is posted, and ends with it.
  - A message that nobody waits for any more is dropped by the model. Here it arrives all the same,
    once the request is tried again, and must change nothing that can be seen.
  - A request that lets go of its slot leaves nobody's bytes behind in the model. Here the observer
    writes over them, so that what lands later is seen.

The numbers of rooms are the cache's own: a retry and a new request get a fresh one, as soon as
nothing is left of the former, which is what the model says of its own numbers. Promises about the
world (`aborts_arrive` and its like) are kept by this adapter, which is the world.
"""

from __future__ import annotations

from collections.abc import Mapping

from fencepost import Adapter
from reference_impl.adapters.designs import handoff
from reference_impl.adapters.told import Room, ToldHandoff, taken
from reference_impl.decode import Phase
from reference_impl.messages import Abort, Answer, Arrived, Failure, Success

REPORTS = (Success, Failure)


class SlotLifecycle(Adapter):
    """A decode node, a prefill node for each request, and what is between them."""

    device = "virtual"
    sizes = {"requests": 2, "slots": 1, "chunks": 1}  # noqa: RUF012  # as in `Adapter`

    def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
        made = handoff("slot_lifecycle", barriers)
        self.assumed, self.slots = made.assumed, sizes["slots"]
        self.requests, self.chunks = sizes["requests"], sizes["chunks"]
        self.all = ToldHandoff(made, self.requests, self.slots, self.chunks)
        self.decode, self.rooms = self.all.decode, self.all.rooms
        self.faults_are_over = False
        self._forgotten: set[int] = set()
        """Rooms whose transfer is known to be over: what is owed for them has no effect."""

    def close(self) -> None:
        self.all.close()

    def perform(self, action: str, **arguments: int) -> None:
        before = [self.all.owner(slot) for slot in range(self.slots)]
        getattr(self, f"_{action}")(**arguments)
        self._let_arrive_what_is_dropped()
        self.all.run_all()
        for slot, owner in enumerate(before):
            if owner is not None and self.all.owner(slot) is None:
                for chunk in range(self.chunks):
                    self.all.wipe(slot, chunk)

    # The decode node.

    def _allocate(self, request: int, slot: int) -> None:
        self.all.allocate(request, slot)

    def _hear_success(self, request: int) -> None:
        self.all.hear(request, Success)
        self._forget(self.rooms[request])

    def _start_decoding(self, request: int) -> None:
        taken(self.decode.start(self.all.asked(request)))

    def _finish(self, request: int) -> None:
        taken(self.decode.decode(self.all.asked(request)))

    def _abort(self, request: int) -> None:
        taken(self.decode.abort(self.rooms[request].number))

    def _send_abort_again(self, request: int) -> None:
        room = self.rooms[request]
        taken(not room.node.up.find(room.number, Abort))  # a second says nothing new
        taken(self.decode.ask(self.all.asked(request)))

    def _hear_answer(self, request: int) -> None:
        self.all.hear(request, Answer)
        self._forget(self.rooms[request])

    def _hear_failure(self, request: int) -> None:
        self.all.hear(request, Failure)

    def _miss_heartbeat(self, request: int) -> None:
        room = self.rooms[request]
        self._may_fail("nodes_stay_reachable")
        taken(self.all.asked(request).listens and not room.node.up.is_cut)
        self.decode.miss_heartbeat(room.node.peer)
        room.node.up.cut()
        room.node.down.cut()
        self._forget(room)

    def _pass_deadline(self, request: int) -> None:
        room = self.rooms[request]
        taken("timeout_outlasts_writes" not in self.assumed or not room.flying)
        taken(self.decode.pass_deadline(room.number))
        room.node.prefill.ended_leases.add(room.number)

    # The prefill node.

    def _reject(self, request: int) -> None:
        room = self.rooms[request]
        taken(room.node.prefill.reject(room.number))

    def _post(self, request: int, chunk: int) -> None:
        self.all.post(request, chunk)

    def _succeed(self, request: int) -> None:
        room = self.rooms[request]
        taken(room.node.prefill.finish(room.number))
        for message in room.node.down.find(room.number, Arrived):
            room.node.down.deliver(message)
            self.decode.listen()
        room.node.prefill.finish(room.number)

    def _receive_abort(self, request: int) -> None:
        room = self.rooms[request]
        aborts = room.node.up.find(room.number, Abort)
        taken(bool(aborts))
        self._forgotten.discard(room.number)
        room.node.up.deliver(aborts[0])
        taken(room.node.prefill.listen())

    def _answer_late(self, request: int) -> None:
        room = self.rooms[request]
        taken(not room.node.down.is_cut and room.number not in self._forgotten)
        taken(room.node.prefill.answer_owed(room.number))

    def _clear_room(self, request: int) -> None:
        room = self.rooms[request]
        taken(room.node.prefill.clear(room.number))

    def _drop_expired(self, request: int) -> None:
        room = self.rooms[request]
        taken(room.node.prefill.expire(room.number))

    # The NIC, which tells the sender at once how a write ended.

    def _land(self, request: int, chunk: int) -> None:
        room = self.rooms[request]
        taken(chunk in room.flying and not room.node.nic.is_fenced)
        self._end_write(room, chunk)

    def _fail_write(self, request: int, chunk: int) -> None:
        room = self.rooms[request]
        taken(chunk in room.flying)
        for handle in room.writes[chunk]:
            handle.bounce()
        self._end_write(room, chunk)
        room.node.prefill.fail_on_error(room.number)

    def _end_write(self, room: Room, chunk: int) -> None:
        room.over.add(chunk)
        for handle in room.writes[chunk]:
            room.node.nic.land(handle)
        room.node.prefill.look_at(room.number)

    # The network and its users.

    def _lose_abort(self, request: int) -> None:
        room = self.rooms[request]
        self._may_fail("aborts_arrive")
        taken(room.node.up.lose(room.number, Abort))

    def _lose_answer(self, request: int) -> None:
        room = self.rooms[request]
        self._may_fail("answers_arrive")
        taken(bool(self.all.awaited(request, Answer)))
        room.node.down.lose(room.number, Answer)

    def _lose_report(self, request: int) -> None:
        room = self.rooms[request]
        self._may_fail("answers_arrive")
        taken(bool(self.all.awaited(request, *REPORTS)))
        room.node.down.lose(room.number, *REPORTS)

    def _stop_faults(self) -> None:
        self._may_fail("nodes_stay_reachable")
        self.faults_are_over = True

    def _may_fail(self, promise: str) -> None:
        taken(promise not in self.assumed and not self.faults_are_over)

    def _retry(self, request: int) -> None:
        taken(self.all.asked(request).phase is Phase.ABORTED)
        self._start_over(request, is_retry=True)

    def _arrive(self, request: int) -> None:
        taken(self.all.asked(request).phase is Phase.FINISHED)
        self._start_over(request, is_retry=False)

    def _start_over(self, request: int, *, is_retry: bool) -> None:
        room = self.rooms[request]
        taken(room.number not in room.node.prefill.table and not room.flying)
        self._forget(room)
        node = self.all.node() if room.node.up.is_cut else room.node
        self.rooms[request] = self.all.submit(request, node, is_retry=is_retry)
        for slot in range(self.slots):
            for chunk in range(self.chunks):
                rows = self.all.rows_in(slot, chunk)
                if rows is not None and rows.request == request:
                    self.all.wipe(slot, chunk)

    # What is dropped.

    def _forget(self, room: Room) -> None:
        """The transfer of a room is over: an abort under way and an answer owed change nothing."""
        for message in room.node.up.find(room.number, Abort):
            room.node.up.deliver(message)
            room.node.prefill.listen()
        if room.number in room.node.prefill.owed:
            self._forgotten.add(room.number)

    def _let_arrive_what_is_dropped(self) -> None:
        for node in {id(room.node): room.node for room in self.rooms}.values():
            for number in list(self._forgotten):
                node.prefill.answer_owed(number)
            for message in list(node.down.under_way):
                request = self.all.request_of[message.request]
                is_old = message.request != self.rooms[request].number
                waits = self.all.asked(request).listens
                if waits and (is_old or message not in self.all.awaited(request, object)):
                    node.down.deliver(message)
                    self.decode.listen()

    # What is seen.

    def observe(self) -> Mapping[str, object]:
        slots, chunks = range(self.slots), range(self.chunks)
        rooms = list(enumerate(self.rooms))
        return {
            "phase": [self._phase(request) for request, _ in rooms],
            "pool.owner": [self.all.owner(slot) for slot in slots],
            "bytes_of": {(s, c): self._bytes_of(s, c) for s in slots for c in chunks},
            "node": [self._node(room) for _, room in rooms],
            "room": [self._room(room) for _, room in rooms],
            "address": [self.all.slot_of(room.address) for _, room in rooms],
            "write": {(r, c): self._write(room, c) for r, room in rooms for c in chunks},
            "holds_pages": [room.number in room.node.prefill.held_pages for _, room in rooms],
            "owes_answer": [self._owes(room) for _, room in rooms],
            "lease_over": [room.number in room.node.prefill.ended_leases for _, room in rooms],
            "abort_sent": [bool(room.node.up.find(room.number, Abort)) for _, room in rooms],
            "answer_sent": [bool(self.all.awaited(request, Answer)) for request, _ in rooms],
            "report": [self._report(request) for request, _ in rooms],
            "faults_are_over": self.faults_are_over,
        }

    def _phase(self, request: int) -> str:
        phase = self.all.asked(request).phase
        retries = phase is Phase.QUEUED and self.rooms[request].is_retry
        return "RETRYING" if retries else phase.name

    def _bytes_of(self, slot: int, chunk: int) -> int | None:
        """Whose bytes a reader finds there: one that decodes needs them in its own layout."""
        rows, owner = self.all.rows_in(slot, chunk), self.all.owner(slot)
        if rows is None or (owner == rows.request and self._reads(owner) and not rows.in_order):
            return None
        return rows.request

    def _reads(self, request: int) -> bool:
        return self.all.asked(request).phase in (Phase.RECEIVED, Phase.DECODING)

    @staticmethod
    def _node(room: Room) -> str:
        if not room.node.up.is_cut:
            return "REACHABLE"
        return "FENCED" if room.node.nic.is_fenced else "LOST"

    @staticmethod
    def _room(room: Room) -> str:
        if room.address is None:
            return "QUEUED"
        transfer = room.node.prefill.table.get(room.number)
        return "CLEARED" if transfer is None else transfer.room.name

    @staticmethod
    def _write(room: Room, chunk: int) -> str:
        if chunk not in room.writes:
            return "NOT_POSTED"
        if chunk in room.flying:
            return "POSTED"
        landed = all(handle.landed and not handle.failed for handle in room.writes[chunk])
        return "LANDED" if landed else "NOT_POSTED"

    def _owes(self, room: Room) -> bool:
        return room.number in room.node.prefill.owed and room.number not in self._forgotten

    def _report(self, request: int) -> str:
        reports = self.all.awaited(request, *REPORTS)
        return type(reports[0]).__name__.upper() if reports else "NONE"
