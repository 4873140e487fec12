"""Prefill/decode disaggregation: when may a decode node give a KV slot to the next request?

A decode node allocates a slot for a request and sends its address to the prefill node that the
router paired with the request. The prefill node queues the request, computes it chunk by chunk and
writes each chunk's keys and values straight into the slot by RDMA. The decode node takes no part
in these writes, and nobody can recall one that is posted. When the prefill node reports success,
the request moves to the running batch and attention reads the slot. A request may be aborted at
any time, by its time budget, by its user or by the speculation monitor. Its slot is wanted at once
by the next request, while the prefill node may still be writing, may still have the request in its
queue, may have failed, or may be gone: which exchange between the two nodes makes it safe to reuse
the slot, and which of these exchanges never loses one?

Who acts, and where SGLang has it
  decode   the scheduler of the decode node: its prealloc queue (QUEUED), its transfer queue
           (TRANSFERRING), its running batch (DECODING), and the slots it holds back after an
           abort (RECLAIMING, the "deferred release")
  prefill  the prefill node: its bootstrap and waiting queues (QUEUED), its transfer worker
           (RUNNING), `request_status[room]` (FAILED), and the scheduler that clears the room from
           every table (CLEARED)
  nic      the RDMA hardware: posted writes land or fail, in any order, at any time
  network  the control connection, which may lose messages, and with them a whole node
  clock    deadlines
  user     aborts, retries, new requests

A request is its bootstrap room. A retry enters under a fresh room, and so does the next request;
here either takes the old number once nothing is left of its former use, so that a few numbers
stand for an endless stream of requests. A retry that does not wait for that is another request.

What is abstracted, and whether that is safe (no bug of a real system is hidden by it)
  - Each request has a prefill node of its own, lost on its own. Safe: two requests on one node that
    dies are two nodes that die. A node with several ranks is one whose chunks count for all ranks;
    that the ranks agree on their answer is a different protocol, left out here.
  - A lost node is one that the decode node no longer hears and cannot reach. It may be dead, or
    alive and still writing; the decode node cannot know, and the model lets it go on. Safe.
  - Chunks are posted, land and fail in any order. Safe: real chunks have fewer orders. A failed
    write has not landed; that one may land after its error is seen is in `rdma_write_completion`.
  - A write's landing, its completion at the sender and its visibility are one event. NOT safe by
    itself: `rdma_write_completion` takes them apart.
  - Addresses and the request itself reach the prefill queue together with the allocation. Safe:
    QUEUED also stands for "on its way", since the first chunk may come as late as it likes.
  - One abort message and one answer are under way per request; a newer answer replaces an older
    one. Safe: the older would come first, and a decode node that has since asked acts only on the
    newer.
  - What a slot held before it was allocated belongs to nobody. Safe: it is never the request's own.
  - The decode node does not crash, and time has no length: any deadline may pass at any moment,
    unless a barrier says otherwise. Safe but for the crash, which is left out.

Barriers of kind "edge" are synchronisation that code does. Four of them are assumptions about the
world (`..._arrive`, `nodes_stay_reachable`, `timeout_outlasts_writes`): a design that needs one
holds only where somebody guarantees it.
"""

from enum import IntEnum

from fencepost import *
from fencepost.language.components import SlotPool


class Phase(IntEnum):
    """A request at the decode node."""

    QUEUED, RETRYING, TRANSFERRING, RECEIVED, DECODING, RECLAIMING, ABORTED, FINISHED = range(8)


class Room(IntEnum):
    """A request at the prefill node. What is CLEARED is in no table: an unknown room."""

    QUEUED, RUNNING, FAILED, CLEARED = range(4)


class Write(IntEnum):
    """One chunk's write; POSTED is out of everybody's hands."""

    NOT_POSTED, POSTED, LANDED, FAILED = range(4)


class Report(IntEnum):
    """What the prefill node reports of a transfer without being asked."""

    NONE, SUCCESS, FAILURE = range(3)


class Node(IntEnum):
    """A request's prefill node as the decode node sees it; a FENCED one can write no more."""

    REACHABLE, LOST, FENCED = range(3)


class SlotLifecycle(Model):
    """KV slots of a decode node that prefill nodes write into, from allocation to reuse."""

    requests, slots, chunks = Parameter(2, low=1), Parameter(1, low=1), Parameter(2, low=1)
    Request, Slot, Chunk = Index(requests), Index(slots), Index(chunks)

    # What the decode node does.
    abort_is_deferred = Barrier(
        "an aborted request keeps its slot until its transfer is known to be over",
        buys=["decode_reads_own_bytes"],
    )
    abort_is_sent = Barrier(
        "the decode node tells the prefill node of an abort, and so asks for an answer",
        buys=["slot_can_be_freed"],
    )
    abort_is_sent_again = Barrier(
        "the decode node asks again while it holds a slot back: asking is idempotent",
        buys=["slot_can_be_freed"],
    )
    failure_is_deferred = Barrier(
        "a failure reported by the prefill node holds the slot back as an abort does",
        buys=["decode_reads_own_bytes"],
    )
    lost_node_is_fenced = Barrier(
        "before it frees slots of a lost node, the decode node revokes the node's access to its "
        "memory (queue pair torn down, or memory key invalidated): late writes bounce",
        buys=["slot_can_be_freed"],
    )
    completion_seen_frees = Barrier(
        "an abort after the completion was seen frees the slot at once",
        buys=["slot_can_be_freed"],
    )
    release_times_out = Barrier(
        "a slot held back is freed when its deadline passes, answer or no answer",
        buys=["slot_can_be_freed"],
    )

    # What the prefill node does.
    abort_stops_chunks = Barrier(
        "an aborted request posts no further chunk",
        buys=["decode_reads_own_bytes"],
    )
    abort_leaves_queue = Barrier(
        "an aborted request that never started never will: it leaves the prefill queue, and one "
        "that is still on its way is refused",
        buys=["decode_reads_own_bytes"],
    )
    answer_waits_for_writes = Barrier(
        "an abort is answered when all posted writes are over, not when it is received",
        buys=["decode_reads_own_bytes"],
    )
    count_outlives_room = Barrier(
        "the count of posted writes outlives the room, so that an unknown room is not taken for a "
        "quiet one",
        buys=["decode_reads_own_bytes"],
    )
    target_outlives_room = Barrier(
        "whom to answer is remembered until the writes are over, even if the room is cleared first",
        buys=["slot_can_be_freed"],
    )
    cleared_room_answers_later = Barrier(
        "an abort for a cleared room with live writes is remembered and answered later",
        buys=["slot_can_be_freed"],
    )
    failure_waits_for_writes = Barrier(
        "a failed transfer is reported when all posted writes are over, not when the first fails",
        buys=["decode_reads_own_bytes"],
    )
    source_waits_for_writes = Barrier(
        "the prefill node frees a request's own pages when no posted write reads them any more",
        buys=["writes_read_held_pages"],
    )
    rejection_is_reported = Barrier(
        "a request that fails validation is reported as failed and not handed over",
        buys=["decode_reads_own_bytes"],
    )
    lease_stops_writer = Barrier(
        "a prefill node posts for a request only while it holds the request's lease, which ends "
        "no later than the decode node's deadline",
        buys=["decode_reads_own_bytes"],
    )

    # What the world does.
    timeout_outlasts_writes = Barrier(
        "assumed: a deadline is longer than any single write takes",
        buys=["decode_reads_own_bytes"],
    )
    aborts_arrive = Barrier("assumed: no abort message is lost", buys=["slot_can_be_freed"])
    answers_arrive = Barrier("assumed: no answer is lost", buys=["slot_can_be_freed"])
    nodes_stay_reachable = Barrier("assumed: no node is lost", buys=["slot_can_be_freed"])

    # The decode node.
    phase = Array(Request, of=Phase, initial=Phase.QUEUED)
    pool = SlotPool(Slot, Request)
    holds_bytes_of = Array(Slot, Chunk, of=Maybe(Request), initial=NONE)
    node = Array(Request, of=Node, initial=Node.REACHABLE)

    # The prefill node.
    room = Array(Request, of=Room, initial=Room.QUEUED)
    address = Array(Request, of=Maybe(Slot), initial=NONE)
    write = Array(Request, Chunk, of=Write, initial=Write.NOT_POSTED)
    holds_pages = Array(Request, of=bool, initial=False)
    owes_answer = Array(Request, of=bool, initial=False)

    # Under way between them.
    abort_sent = Array(Request, of=bool, initial=False)
    answer_sent = Array(Request, of=bool, initial=False)
    report = Array(Request, of=Report, initial=Report.NONE)
    lease_over = Array(Request, of=bool, initial=False)

    # Decode: from the prealloc queue to the running batch.

    @actor("decode")
    @action(request=Request, slot=Slot)
    def allocate(self, request, slot):
        require(self.phase[request] in (Phase.QUEUED, Phase.RETRYING))
        self.pool.take(slot, request)
        assign(self.holds_bytes_of[slot], to=NONE)
        self.address[request] = slot
        self.phase[request] = Phase.TRANSFERRING

    @actor("decode")
    @action(request=Request)
    def hear_success(self, request):
        require(self.hears(request) and self.report[request] == Report.SUCCESS)
        self.report[request] = Report.NONE
        if self.phase[request] == Phase.TRANSFERRING:
            self.phase[request] = Phase.RECEIVED
        else:
            require(self.phase[request] == Phase.RECLAIMING)
            self.release(request)

    @actor("decode")
    @action(request=Request)
    def start_decoding(self, request):
        require(self.phase[request] == Phase.RECEIVED)
        self.phase[request] = Phase.DECODING

    @actor("decode")
    @action(request=Request)
    def finish(self, request):
        require(self.phase[request] == Phase.DECODING)
        self.release(request, Phase.FINISHED)

    # Decode: abort and reclaim.

    @actor("user")
    @action(request=Request)
    def abort(self, request):
        """The time budget runs out, the user goes away, or the monitor gives up."""
        require(self.phase[request] not in (Phase.RECLAIMING, Phase.ABORTED, Phase.FINISHED))
        match self.phase[request]:
            case Phase.TRANSFERRING:
                self.give_up(request, self.abort_is_deferred)
            case Phase.RECEIVED:
                self.give_up(request, self.abort_is_deferred and not self.completion_seen_frees)
            case Phase.DECODING:
                self.release(request)
            case _:
                self.phase[request] = Phase.ABORTED

    @actor("decode")
    @action(request=Request)
    def send_abort_again(self, request):
        require(self.abort_is_sent and self.abort_is_sent_again)
        require(self.phase[request] == Phase.RECLAIMING and not self.abort_sent[request])
        self.abort_sent[request] = True

    @actor("decode")
    @action(request=Request)
    def hear_failure(self, request):
        require(self.hears(request) and self.report[request] == Report.FAILURE)
        require(self.phase[request] == Phase.TRANSFERRING)
        self.report[request] = Report.NONE
        self.give_up(request, self.failure_is_deferred)

    @actor("decode")
    @action(request=Request)
    def hear_answer(self, request):
        """The prefill node promises: no write of the request is posted, and none will be."""
        require(self.hears(request) and self.answer_sent[request])
        self.answer_sent[request] = False
        require(self.phase[request] in (Phase.TRANSFERRING, Phase.RECLAIMING))
        self.release(request)

    @actor("decode")
    @action(request=Request)
    def give_up_node(self, request):
        """The heartbeat of a request's prefill node has stopped."""
        require(self.node[request] == Node.LOST)
        require(self.phase[request] in (Phase.TRANSFERRING, Phase.RECLAIMING))
        if self.lost_node_is_fenced:
            self.node[request] = Node.FENCED
            self.release(request)
        else:
            require(self.phase[request] == Phase.TRANSFERRING)
            self.give_up(request, self.failure_is_deferred)

    @actor("clock")
    @action(request=Request)
    def deadline_passes(self, request):
        require(self.release_times_out and self.phase[request] == Phase.RECLAIMING)
        if self.timeout_outlasts_writes:
            require(self.is_quiet(request))
        self.lease_over[request] = True
        self.release(request)

    # Prefill: queue, transfer worker, and the scheduler that clears rooms.

    @actor("prefill")
    @action(request=Request, chunk=Chunk)
    def post(self, request, chunk):
        """A chunk is computed and its write posted; the first one takes the request in hand."""
        require(self.address[request] != NONE)
        require(self.room[request] in (Room.QUEUED, Room.RUNNING))
        require(self.write[request, chunk] == Write.NOT_POSTED)
        if self.lease_stops_writer:
            require(not self.lease_over[request])
        self.room[request] = Room.RUNNING
        self.holds_pages[request] = True
        self.write[request, chunk] = Write.POSTED

    @actor("prefill")
    @action(request=Request)
    def reject(self, request):
        """The request fails validation, before anything is computed."""
        require(self.address[request] != NONE and self.room[request] == Room.QUEUED)
        if self.rejection_is_reported:
            self.fail(request)
        else:
            self.room[request] = Room.CLEARED
            self.report[request] = Report.SUCCESS

    @actor("prefill")
    @action(request=Request)
    def succeed(self, request):
        require(self.room[request] == Room.RUNNING)
        require(for_all(self.Chunk, lambda chunk: self.write[request, chunk] == Write.LANDED))
        self.room[request] = Room.CLEARED
        self.report[request] = Report.SUCCESS

    @actor("prefill")
    @action(request=Request)
    def receive_abort(self, request):
        require(self.abort_sent[request] and self.node[request] == Node.REACHABLE)
        self.abort_sent[request] = False
        match self.room[request]:
            case Room.QUEUED:
                if self.abort_leaves_queue:
                    self.room[request] = Room.CLEARED
                self.answer_sent[request] = True
            case Room.CLEARED:
                if not self.count_outlives_room or self.is_quiet(request):
                    self.answer_sent[request] = True
                elif self.cleared_room_answers_later:
                    self.owes_answer[request] = True
            case _:
                if self.abort_stops_chunks:
                    self.room[request] = Room.FAILED
                if not self.answer_waits_for_writes or self.is_quiet(request):
                    self.answer_sent[request] = True
                else:
                    self.owes_answer[request] = True

    @actor("prefill")
    @action(request=Request)
    def answer_when_quiet(self, request):
        """The transfer worker returns from the last write and finds somebody to answer."""
        require(self.owes_answer[request] and self.is_quiet(request))
        self.owes_answer[request] = False
        self.answer_sent[request] = True

    @actor("prefill")
    @action(request=Request)
    def clear_room(self, request):
        """The prefill scheduler polls the room, sees it failed and drops it from its tables."""
        require(self.room[request] == Room.FAILED)
        self.room[request] = Room.CLEARED
        if not self.target_outlives_room:
            self.owes_answer[request] = False

    @actor("prefill")
    @action(request=Request)
    def free_pages(self, request):
        require(self.holds_pages[request] and self.room[request] == Room.CLEARED)
        if self.source_waits_for_writes:
            require(self.is_quiet(request))
        self.holds_pages[request] = False

    # The network.

    @actor("nic")
    @action(request=Request, chunk=Chunk)
    def land(self, request, chunk):
        require(self.write[request, chunk] == Write.POSTED and self.node[request] != Node.FENCED)
        self.write[request, chunk] = Write.LANDED
        self.holds_bytes_of[self.address[request], chunk] = request

    @actor("nic")
    @action(request=Request, chunk=Chunk)
    def fail_write(self, request, chunk):
        """A write ends in an error; one that meets a fence can end in no other way."""
        require(self.write[request, chunk] == Write.POSTED)
        self.write[request, chunk] = Write.FAILED
        if self.room[request] == Room.RUNNING:
            self.fail(request)

    @actor("network")
    @action(request=Request)
    def lose_abort(self, request):
        require(self.abort_sent[request] and not self.aborts_arrive)
        self.abort_sent[request] = False

    @actor("network")
    @action(request=Request)
    def lose_report(self, request):
        require(self.report[request] != Report.NONE and not self.answers_arrive)
        self.report[request] = Report.NONE

    @actor("network")
    @action(request=Request)
    def lose_answer(self, request):
        require(self.answer_sent[request] and not self.answers_arrive)
        self.answer_sent[request] = False

    @actor("network")
    @action(request=Request)
    def lose_node(self, request):
        require(self.node[request] == Node.REACHABLE and not self.nodes_stay_reachable)
        require(self.phase[request] in (Phase.TRANSFERRING, Phase.RECLAIMING))
        self.node[request] = Node.LOST

    # The users.

    @actor("user")
    @action(request=Request)
    def retry(self, request):
        require(self.phase[request] == Phase.ABORTED)
        self.start_over(request)
        self.phase[request] = Phase.RETRYING

    @actor("user")
    @action(request=Request)
    def arrive(self, request):
        """A new request comes under the number of one that is finished."""
        require(self.phase[request] == Phase.FINISHED)
        self.start_over(request)
        self.phase[request] = Phase.QUEUED

    # Words used above.

    def is_quiet(self, request):
        """Whether no write of a request is out of hand."""
        return not exists(self.Chunk, lambda chunk: self.write[request, chunk] == Write.POSTED)

    def hears(self, request):
        """Whether messages of a request's prefill node reach the decode node."""
        return self.node[request] == Node.REACHABLE

    def give_up(self, request, deferred):
        """Give a request up: hold its slot back, or free it at once."""
        if deferred:
            self.phase[request] = Phase.RECLAIMING
        else:
            self.release(request)
        if self.abort_is_sent:
            self.abort_sent[request] = True

    def release(self, request, phase=Phase.ABORTED):
        """The slot of a request is free, and may be allocated at once."""
        self.pool.give_back(self.address[request])
        self.phase[request] = phase

    def fail(self, request):
        """The transfer of a request fails at the prefill node."""
        self.room[request] = Room.FAILED
        if not self.failure_waits_for_writes:
            self.report[request] = Report.FAILURE
        else:
            self.owes_answer[request] = True

    def start_over(self, request):
        """Nothing is left of a room; its number stands for a fresh one."""
        if self.address[request] != NONE:
            require(self.room[request] == Room.CLEARED and self.is_quiet(request))
            require(not self.holds_pages[request])
        self.room[request] = Room.QUEUED
        self.address[request] = NONE
        assign(self.write[request], to=Write.NOT_POSTED)
        self.node[request] = Node.REACHABLE
        self.owes_answer[request] = self.lease_over[request] = False
        self.abort_sent[request] = self.answer_sent[request] = False
        self.report[request] = Report.NONE

    # Designs.

    as_reported = Design(
        source_waits_for_writes, rejection_is_reported, aborts_arrive, answers_arrive,
        nodes_stay_reachable, expect=violates("decode_reads_own_bytes"), known_bug="ZAI-1",
        text="The slot is free at the abort, and the prefill node is not even told.",
    )
    stops_new_chunks = Design(
        abort_is_sent, abort_stops_chunks, abort_leaves_queue, source_waits_for_writes,
        rejection_is_reported, aborts_arrive, answers_arrive, nodes_stay_reachable,
        expect=violates("decode_reads_own_bytes"), known_bug="ZAI-1",
    )
    published_fix = Design(
        abort_is_deferred, abort_is_sent, failure_is_deferred, abort_stops_chunks,
        abort_leaves_queue, answer_waits_for_writes, count_outlives_room, target_outlives_room,
        cleared_room_answers_later, source_waits_for_writes, rejection_is_reported,
        aborts_arrive, answers_arrive, nodes_stay_reachable,
        expect=holds,
    )
    safe = Design(
        abort_is_deferred, abort_is_sent, abort_is_sent_again, failure_is_deferred,
        lost_node_is_fenced, abort_stops_chunks, abort_leaves_queue, answer_waits_for_writes,
        count_outlives_room, source_waits_for_writes, rejection_is_reported,
        expect=holds,
    )
    lease = Design(
        abort_is_deferred, failure_is_deferred, release_times_out, timeout_outlasts_writes,
        lease_stops_writer, source_waits_for_writes, rejection_is_reported, expect=holds,
    )
