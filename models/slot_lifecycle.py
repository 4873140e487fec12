"""Prefill/decode disaggregation: when may a decode node give a KV slot to the next request?

A decode node allocates a slot for a request and sends its address to the prefill node that the
router chose. The prefill node queues the request, computes it chunk by chunk and writes each
chunk's keys and values straight into the slot by RDMA. The decode node takes no part in these
writes, and nobody can recall one that is posted. Once the prefill node reports success the request
joins the running batch and attention reads the slot. Requests are aborted at any time, and the
next request wants the slot at once, while the prefill node may still be writing into it, may still
have the aborted request in its queue, may have failed, or may be gone. Which exchange between the
two nodes makes it safe to hand the slot on, and which exchange never loses one?

Who acts, and the names that SGLang has for it:
  decode   the decode scheduler: prealloc queue (QUEUED), transfer queue (TRANSFERRING), running
           batch (DECODING), slots held back after an abort (RECLAIMING, "deferred release")
  prefill  the prefill node: bootstrap and waiting queue (QUEUED), transfer worker (RUNNING),
           `KVPoll.Failed` (FAILED), and out of every table, an unknown room (CLEARED)
  nic      the RDMA hardware, which ends posted writes in any order, at any time
  network  the control connection, which may lose messages, and at some moment loses no more
  clock    the deadline of a slot that is held back
  user     aborts (so do the time budget and the speculation monitor), retries, new requests

A request is its bootstrap room. A retry and a new request get a fresh room; here they take an old
number over, once nothing is left of its former use, so that a few numbers stand for an endless
stream. A retry that does not wait for this is played by another number.

What is abstracted, and whether that can hide a bug of a real system:
  - Each request has a prefill node of its own. Safe: a node that is lost with two requests is two
    nodes lost. The ranks of a node count as one, with the chunks of all; how ranks agree on one
    answer is left out.
  - A node whose heartbeat stops may be dead, cut off or slow. The decode node cannot tell, so the
    model lets it go on computing and writing. Safe.
  - The request and the address are in the prefill queue as soon as the slot is allocated. Safe:
    QUEUED also stands for "on its way", as the first chunk comes as late as it likes.
  - Chunks are posted and end in any order. Safe: real chunks keep to one of these orders.
  - That a write landed, that its sender saw so and that the receiver can see it are one event, and
    a failed write never lands. NOT safe alone: `rdma_write_completion` takes these apart.
  - At most one abort, one answer and one report are under way per request. Safe: a second of a
    kind says nothing new, and messages carry the room, so none is taken for a later request's.
  - A message that would change nothing is dropped at once. Safe. Such are an answer or report to a
    request that has let go of its slot, the failure of one that is given up already, and an abort
    still under way when its transfer is known to be over.
  - A request that lets go of its slot leaves nobody's bytes behind. Safe: nobody's bytes and
    another request's are equally wrong to read.
  - Nothing takes time: a deadline passes at any moment, unless a barrier says otherwise. Safe.
  - The decode node does not crash; what a restarted one may reuse is left out.

Barriers that begin with "Assumed" are no code but promises about the world: a design that needs
one holds only where somebody keeps the promise.
"""

from enum import IntEnum

from fencepost import *
from fencepost.language.components import SlotPool


class Phase(IntEnum):
    """A request at the decode node."""

    QUEUED, RETRYING, TRANSFERRING, RECEIVED, DECODING, RECLAIMING, ABORTED, FINISHED = range(8)


class Room(IntEnum):
    """A request at the prefill node."""

    QUEUED, RUNNING, FAILED, CLEARED = range(4)


class Write(IntEnum):
    """The write of one chunk; a POSTED one is out of everybody's hands."""

    NOT_POSTED, POSTED, LANDED = range(3)


class Report(IntEnum):
    """What a prefill node says of a transfer without being asked."""

    NONE, SUCCESS, FAILURE = range(3)


class Node(IntEnum):
    """A prefill node as the decode node sees it; what a FENCED one still writes bounces."""

    REACHABLE, LOST, FENCED = range(3)


class SlotLifecycle(Model):
    """KV slots of a decode node that prefill nodes write into, from allocation to reuse."""

    requests, slots, chunks = Parameter(2, low=1), Parameter(1, low=1), Parameter(2, low=1)
    Request, Slot, Chunk = Index(requests), Index(slots), Index(chunks)

    # What the decode node does.
    abort_is_deferred = Barrier(
        "An aborted request keeps its slot until its transfer is known to be over.",
        buys=["decode_reads_own_bytes"],
    )
    abort_is_sent = Barrier(
        "The decode node tells the prefill node of an abort, and so asks for an answer.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )
    abort_is_sent_again = Barrier(
        "While it holds a slot back, the decode node goes on asking.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )
    failure_is_deferred = Barrier(
        "A failure that the decode node did not start holds the slot back as an abort does.",
        buys=["decode_reads_own_bytes"],
    )
    lost_node_is_fenced = Barrier(
        "The decode node takes its memory away from a lost node (queue pair torn down or memory "
        "key revoked: late writes bounce) and only then frees the slot.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )
    seen_completion_frees = Barrier(
        "An abort that comes after the completion was seen frees the slot at once.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )
    release_times_out = Barrier(
        "A slot that is held back is freed at a deadline, answer or no answer.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )

    # What the prefill node does.
    abort_stops_chunks = Barrier(
        "A request that is being transferred posts no further chunk after its abort.",
        buys=["decode_reads_own_bytes"],
    )
    abort_leaves_queue = Barrier(
        "A request whose transfer never started leaves the queue at its abort, and is refused "
        "if it is still on its way: 'never started' also means 'never will'.",
        buys=["decode_reads_own_bytes"],
    )
    answer_waits_for_writes = Barrier(
        "An abort is answered when every posted write is over, not when it is received.",
        buys=["decode_reads_own_bytes"],
    )
    count_outlives_room = Barrier(
        "The count of posted writes outlives the room: an unknown room need not be a quiet one.",
        buys=["decode_reads_own_bytes"],
    )
    ack_target_outlives_room = Barrier(
        "Whom to answer is remembered until the writes are over, even if the room is cleared.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )
    cleared_room_answers_later = Barrier(
        "An abort that finds its room cleared with writes still posted is answered later.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )
    failure_waits_for_writes = Barrier(
        "A failed transfer is reported when every posted write is over, not when the first fails.",
        buys=["decode_reads_own_bytes"],
    )
    source_waits_for_writes = Barrier(
        "The prefill node keeps a request's own pages while a posted write reads them.",
        buys=["write_reads_own_pages"],
    )
    rejection_is_reported = Barrier(
        "A request that fails validation is reported as failed, not handed over empty.",
        buys=["decode_reads_own_bytes"],
    )
    lease_stops_writer = Barrier(
        "A prefill node posts only under a lease that ends before the decode node's deadline.",
        buys=["decode_reads_own_bytes"],
    )

    # What the world does.
    timeout_outlasts_writes = Barrier(
        "Assumed: a write that is posted is over before the deadline passes.",
        buys=["decode_reads_own_bytes"],
    )
    aborts_arrive = Barrier(
        "Assumed: no abort is lost.", buys=["slot_can_be_freed", "allocated_slot_becomes_free"]
    )
    answers_arrive = Barrier(
        "Assumed: no answer or report is lost.",
        buys=["slot_can_be_freed", "allocated_slot_becomes_free"],
    )
    nodes_stay_reachable = Barrier(
        "Assumed: no node is lost.", buys=["slot_can_be_freed", "allocated_slot_becomes_free"]
    )

    # The decode node.
    phase = Array(Request, of=Phase, initial=Phase.QUEUED)
    pool = SlotPool(Slot, Request)
    bytes_of = Array(Slot, Chunk, of=Maybe(Request), initial=NONE)
    node = Array(Request, of=Node, initial=Node.REACHABLE)

    # The prefill node.
    room = Array(Request, of=Room, initial=Room.QUEUED)
    address = Array(Request, of=Maybe(Slot), initial=NONE)
    write = Array(Request, Chunk, of=Write, initial=Write.NOT_POSTED)
    holds_pages = Array(Request, of=bool, initial=False)
    owes_answer = Array(Request, of=bool, initial=False)
    lease_over = Array(Request, of=bool, initial=False)

    # Under way between them.
    abort_sent = Array(Request, of=bool, initial=False)
    answer_sent = Array(Request, of=bool, initial=False)
    report = Array(Request, of=Report, initial=Report.NONE)
    faults_are_over = Var(bool, initial=False)

    @actor("decode")
    @action(request=Request, slot=Slot)
    def allocate(self, request, slot):
        """The prealloc queue finds a free slot and sends its address (`KVReceiver.init`)."""
        require(self.phase[request] in (Phase.QUEUED, Phase.RETRYING))
        self.pool.take(slot, request)
        self.address[request] = slot
        self.phase[request] = Phase.TRANSFERRING

    @fair
    @actor("decode")
    @action(request=Request)
    def hear_success(self, request):
        """`KVPoll.Success`: every chunk has landed."""
        require(self.is_listening(request) and self.report[request] == Report.SUCCESS)
        self.drop_messages(request)
        if self.phase[request] == Phase.TRANSFERRING:
            self.phase[request] = Phase.RECEIVED
        else:
            self.release(request)

    @fair
    @actor("decode")
    @action(request=Request)
    def start_decoding(self, request):
        """The request leaves the transfer queue for the running batch."""
        require(self.phase[request] == Phase.RECEIVED)
        self.phase[request] = Phase.DECODING

    @fair
    @actor("decode")
    @action(request=Request)
    def finish(self, request):
        """The last token is out."""
        require(self.phase[request] == Phase.DECODING)
        self.release(request, Phase.FINISHED)

    @fair
    @actor("user")
    @action(request=Request)
    def abort(self, request):
        """The time budget runs out, the user leaves, or the speculation monitor gives up."""
        require(self.phase[request] not in (Phase.RECLAIMING, Phase.ABORTED, Phase.FINISHED))
        match self.phase[request]:
            case Phase.TRANSFERRING:
                self.give_up(request, self.abort_is_deferred)
            case Phase.RECEIVED:
                self.give_up(request, self.abort_is_deferred and not self.seen_completion_frees)
            case Phase.DECODING:
                self.release(request)
            case _:
                self.phase[request] = Phase.ABORTED

    @fair
    @actor("decode")
    @action(request=Request)
    def send_abort_again(self, request):
        """The slot is still held back, and no abort is under way."""
        require(self.abort_is_sent and self.abort_is_sent_again)
        require(self.phase[request] == Phase.RECLAIMING and self.is_connected(request))
        require(not self.abort_sent[request])
        self.abort_sent[request] = True

    @fair("strong")
    @actor("decode")
    @action(request=Request)
    def hear_answer(self, request):
        """The prefill node has promised that the transfer is over."""
        require(self.is_listening(request) and self.answer_sent[request])
        self.drop_messages(request)
        self.release(request)

    @fair
    @actor("decode")
    @action(request=Request)
    def hear_failure(self, request):
        """`KVPoll.Failed`, as reported by the prefill node."""
        require(self.is_listening(request) and self.report[request] == Report.FAILURE)
        self.give_up(request, self.failure_is_deferred)

    @actor("decode")
    @action(request=Request)
    def miss_heartbeat(self, request):
        """The prefill node counts as lost (`_handle_node_failure`); no message passes any more."""
        require(self.is_listening(request))
        require(not self.nodes_stay_reachable and not self.faults_are_over)
        if self.lost_node_is_fenced:
            self.node[request] = Node.FENCED
            self.release(request)
        else:
            self.node[request] = Node.LOST
            if self.phase[request] == Phase.TRANSFERRING:
                self.give_up(request, self.failure_is_deferred)
        self.drop_messages(request)

    @fair
    @actor("clock")
    @action(request=Request)
    def pass_deadline(self, request):
        """A slot has been held back for long enough."""
        require(self.release_times_out and self.phase[request] == Phase.RECLAIMING)
        if self.timeout_outlasts_writes:
            require(self.is_quiet(request))
        self.lease_over[request] = True
        self.release(request)

    @actor("prefill")
    @action(request=Request)
    def reject(self, request):
        """A queued request fails validation: its prompt is too long, for instance."""
        require(self.address[request] != NONE and self.room[request] == Room.QUEUED)
        if self.rejection_is_reported:
            self.fail(request)
        else:
            self.room[request] = Room.CLEARED
            self.send_report(request, Report.SUCCESS)

    @fair
    @actor("prefill")
    @action(request=Request, chunk=Chunk)
    def post(self, request, chunk):
        """A chunk is computed and its write posted (`send_kv_chunk`); the first opens the room."""
        require(self.address[request] != NONE)
        require(self.room[request] in (Room.QUEUED, Room.RUNNING))
        require(self.write[request, chunk] == Write.NOT_POSTED)
        if self.lease_stops_writer:
            require(not self.lease_over[request])
        self.room[request] = Room.RUNNING
        self.holds_pages[request] = True
        self.write[request, chunk] = Write.POSTED

    @fair
    @actor("prefill")
    @action(request=Request)
    def succeed(self, request):
        """The last chunk has landed: `sync_status_to_decode_endpoint(KVPoll.Success)`."""
        require(self.room[request] == Room.RUNNING)
        require(for_all(self.Chunk, lambda chunk: self.write[request, chunk] == Write.LANDED))
        self.room[request] = Room.CLEARED
        self.holds_pages[request] = False
        self.send_report(request, Report.SUCCESS)

    @fair("strong")
    @actor("prefill")
    @action(request=Request)
    def receive_abort(self, request):
        """The control thread answers now, or takes down whom to answer later (the ack target)."""
        require(self.is_connected(request) and self.abort_sent[request])
        self.abort_sent[request] = False
        match self.room[request]:
            case Room.QUEUED:
                if self.abort_leaves_queue:
                    self.room[request] = Room.CLEARED
                self.send_answer(request)
            case Room.CLEARED:
                if not self.count_outlives_room or self.is_quiet(request):
                    self.send_answer(request)
                elif self.cleared_room_answers_later:
                    self.owes_answer[request] = True
            case _:
                if self.abort_stops_chunks:
                    self.room[request] = Room.FAILED
                if not self.answer_waits_for_writes or self.is_quiet(request):
                    self.send_answer(request)
                else:
                    self.owes_answer[request] = True

    @fair
    @actor("prefill")
    @action(request=Request)
    def answer_late(self, request):
        """The transfer worker returns from the last write and finds whom to answer."""
        require(self.is_connected(request) and self.owes_answer[request])
        require(self.is_quiet(request))
        self.send_answer(request)

    @fair
    @actor("prefill")
    @action(request=Request)
    def clear_room(self, request):
        """The prefill scheduler polls a failed room and drops it from its tables."""
        require(self.room[request] == Room.FAILED)
        self.room[request] = Room.CLEARED
        if not self.ack_target_outlives_room:
            self.owes_answer[request] = False
        if not self.source_waits_for_writes or self.is_quiet(request):
            self.holds_pages[request] = False

    @fair
    @actor("prefill")
    @action(request=Request)
    def drop_expired(self, request):
        """A request whose lease is over leaves the queue or the transfer worker."""
        require(self.lease_stops_writer and self.lease_over[request])
        require(self.room[request] in (Room.QUEUED, Room.RUNNING))
        self.room[request] = Room.FAILED

    @fair
    @actor("nic")
    @action(request=Request, chunk=Chunk)
    def land(self, request, chunk):
        """The bytes of a chunk are where the address says, whoever owns that slot by now."""
        require(self.write[request, chunk] == Write.POSTED and self.node[request] != Node.FENCED)
        self.write[request, chunk] = Write.LANDED
        self.bytes_of[self.address[request], chunk] = request
        self.end_write(request)

    @fair
    @actor("nic")
    @action(request=Request, chunk=Chunk)
    def fail_write(self, request, chunk):
        """A write ends in an error; against a fence it cannot end otherwise."""
        require(self.write[request, chunk] == Write.POSTED)
        self.write[request, chunk] = Write.NOT_POSTED
        if self.room[request] == Room.RUNNING:
            self.fail(request)
        self.end_write(request)

    @actor("network")
    @action(request=Request)
    def lose_abort(self, request):
        require(self.abort_sent[request] and not self.aborts_arrive and not self.faults_are_over)
        self.abort_sent[request] = False

    @actor("network")
    @action(request=Request)
    def lose_answer(self, request):
        require(self.answer_sent[request] and not self.answers_arrive and not self.faults_are_over)
        self.answer_sent[request] = False

    @actor("network")
    @action(request=Request)
    def lose_report(self, request):
        require(self.report[request] != Report.NONE)
        require(not self.answers_arrive and not self.faults_are_over)
        self.report[request] = Report.NONE

    @actor("network")
    @action
    def stop_faults(self):
        """From here on nothing is lost; a slot that only one more fault could free is leaked."""
        require(not self.faults_are_over and not self.nodes_stay_reachable)
        self.faults_are_over = True

    @actor("user")
    @action(request=Request)
    def retry(self, request):
        require(self.phase[request] == Phase.ABORTED)
        self.start_over(request)
        self.phase[request] = Phase.RETRYING

    @actor("user")
    @action(request=Request)
    def arrive(self, request):
        """A new request comes in under the number of a finished one."""
        require(self.phase[request] == Phase.FINISHED)
        self.start_over(request)
        self.phase[request] = Phase.QUEUED

    def is_connected(self, request):
        """Whether messages pass between the decode node and a request's prefill node."""
        return self.node[request] == Node.REACHABLE

    def is_listening(self, request):
        """Whether the decode node still waits for a word of a request's prefill node."""
        waits = self.phase[request] in (Phase.TRANSFERRING, Phase.RECLAIMING)
        return waits and self.is_connected(request)

    def is_quiet(self, request):
        """Whether no write of a request is posted and not over."""
        return not exists(self.Chunk, lambda chunk: self.write[request, chunk] == Write.POSTED)

    def give_up(self, request, deferred):
        """Nobody waits for a transfer any more: hold its slot back, or free it at once."""
        if deferred:
            self.phase[request] = Phase.RECLAIMING
            if self.report[request] == Report.FAILURE:
                self.report[request] = Report.NONE
        else:
            self.release(request)
        if self.abort_is_sent:
            self.abort_sent[request] = True

    def release(self, request, phase=Phase.ABORTED):
        """The slot is free and may be allocated at once."""
        assign(self.bytes_of[self.address[request]], to=NONE)
        self.pool.give_back(self.address[request])
        self.answer_sent[request], self.report[request] = False, Report.NONE
        self.phase[request] = phase

    def drop_messages(self, request):
        """What is under way or owed has no effect any more."""
        self.abort_sent[request] = self.answer_sent[request] = self.owes_answer[request] = False
        self.report[request] = Report.NONE

    def send_answer(self, request):
        """The prefill node promises that no write of a request is posted, and none will be."""
        self.owes_answer[request] = False
        if self.is_listening(request):
            self.answer_sent[request] = True

    def send_report(self, request, report):
        """The prefill node says how a transfer ended."""
        if self.is_listening(request):
            self.report[request] = report

    def fail(self, request):
        """The transfer of a request fails at the prefill node."""
        self.room[request] = Room.FAILED
        if self.failure_waits_for_writes:
            self.owes_answer[request] = True
        elif self.phase[request] == Phase.TRANSFERRING:
            self.send_report(request, Report.FAILURE)

    def end_write(self, request):
        """Pages that only a posted write kept are free when the last one is over."""
        if self.room[request] == Room.CLEARED and self.is_quiet(request):
            self.holds_pages[request] = False

    def start_over(self, request):
        """Nothing is left of a room, so that its number can stand for a fresh one."""
        if self.address[request] != NONE:
            require(self.room[request] == Room.CLEARED and self.is_quiet(request))
        assign(self.bytes_of, to=NONE, where=lambda s, c: self.bytes_of[s, c] == request)
        assign(self.write[request], to=Write.NOT_POSTED)
        self.room[request] = Room.QUEUED
        self.address[request] = NONE
        self.node[request] = Node.REACHABLE
        self.holds_pages[request] = self.lease_over[request] = False
        self.drop_messages(request)

    reliable = (aborts_arrive, answers_arrive, nodes_stay_reachable)
    careful_prefill = (source_waits_for_writes, rejection_is_reported)

    as_reported = Design(
        *careful_prefill,
        *reliable,
        expect=violates("decode_reads_own_bytes", steps=12),
        known_bug="ZAI-1",
        blames=("abort", "hear_failure"),
        text="The slot is free at the abort, and the prefill node is not told.",
    )
    stops_new_chunks = Design(
        abort_is_sent,
        abort_stops_chunks,
        abort_leaves_queue,
        *careful_prefill,
        *reliable,
        expect=violates("decode_reads_own_bytes", steps=12),
        known_bug="ZAI-1",
        blames=("abort", "hear_failure", "receive_abort"),
        text="The first upstream fix: an abort stops new chunks, but not those already posted.",
    )

    published_fix = Design(
        abort_is_deferred,
        abort_is_sent,
        failure_is_deferred,
        abort_stops_chunks,
        abort_leaves_queue,
        answer_waits_for_writes,
        count_outlives_room,
        ack_target_outlives_room,
        cleared_room_answers_later,
        *careful_prefill,
        *reliable,
        expect=holds,
        text="Hold the slot until the prefill node answers; sound while nothing is ever lost.",
    )
    answers_on_receipt = published_fix.without(
        answer_waits_for_writes,
        expect=violates("decode_reads_own_bytes", steps=14),
        known_bug="SGL-31357",
        blames="receive_abort",
        text="The answer says that the abort was received, not that the writes are over.",
    )
    answers_for_unknown_room = published_fix.without(
        count_outlives_room,
        expect=violates("decode_reads_own_bytes", steps=17),
        known_bug="SGL-35360",
        blames="receive_abort",
        text="One write fails, the room is cleared, and the other write is forgotten.",
    )
    forgets_ack_target = published_fix.without(
        ack_target_outlives_room,
        expect=(
            violates("slot_can_be_freed", steps=5),
            violates("allocated_slot_becomes_free", steps=9),
            violates("request_ends", steps=9),
            violates("abort_is_answered", steps=9),
        ),
        known_bug="SGL-38961A",
        text="The room is cleared before the last write is over, and with it whom to answer.",
    )
    ignores_cleared_room = published_fix.without(
        cleared_room_answers_later,
        expect=(
            violates("slot_can_be_freed", steps=7),
            violates("allocated_slot_becomes_free", steps=11),
            violates("request_ends", steps=11),
            violates("abort_is_answered", steps=11),
        ),
        known_bug="SGL-38961C",
        text="The abort finds its room cleared with a write still posted: no answer, ever.",
    )
    frees_at_failure = published_fix.without(
        failure_is_deferred,
        expect=violates("decode_reads_own_bytes", steps=14),
        known_bug="SGL-38961C",
        blames="hear_failure",
        text="Only aborts hold a slot back; a failure that the prefill node reports frees it.",
    )
    frees_source_early = published_fix.without(
        source_waits_for_writes,
        expect=violates("write_reads_own_pages", steps=5),
        known_bug="SGL-38961C",
        blames="clear_room",
        text="A posted write still reads pages that the prefill node has given away.",
    )
    hands_over_rejected = published_fix.without(
        rejection_is_reported,
        expect=violates("decode_reads_own_bytes", steps=4),
        known_bug="SGL-34208",
        blames="reject",
        text="Nothing was written, and success is reported.",
    )
    starts_after_never_started = published_fix.without(
        abort_leaves_queue,
        expect=violates("decode_reads_own_bytes", steps=14),
        blames="receive_abort",
        text="'No write was ever started' was answered, and then one starts.",
    )
    goes_on_after_answer = published_fix.without(
        abort_stops_chunks,
        expect=violates("decode_reads_own_bytes", steps=16),
        blames="receive_abort",
        text="'All started writes are over' was answered, and then one more starts.",
    )

    prefill_dies = published_fix.without(
        nodes_stay_reachable,
        expect=(
            violates("slot_can_be_freed", steps=2),
            violates("allocated_slot_becomes_free", steps=7),
            violates("request_ends", steps=7),
        ),
        known_bug="VLLM-46283",
        text="The answer never comes, and the slot is held for ever.",
    )
    abort_is_lost = published_fix.without(
        aborts_arrive,
        expect=(
            violates("slot_can_be_freed", steps=4),
            violates("allocated_slot_becomes_free", steps=8),
            violates("request_ends", steps=8),
            violates("abort_is_answered", steps=8),
        ),
        text="The prefill node never learns that it was asked.",
    )
    answer_is_lost = published_fix.without(
        answers_arrive,
        expect=(
            violates("slot_can_be_freed", steps=4),
            violates("allocated_slot_becomes_free", steps=7),
            violates("request_ends", steps=7),
            violates("abort_is_answered", steps=7),
        ),
        text="The prefill node has answered, and will not do so again.",
    )
    timeout_shorter_than_write = Design(
        release_times_out,
        *published_fix.barriers,
        expect=violates("decode_reads_own_bytes", steps=13),
        known_bug="ZAI-1",
        blames="pass_deadline",
        text="Upstream's deferred release: what is not answered in time is freed all the same.",
    )
    timeout_longer_than_write = Design(
        timeout_outlasts_writes,
        *timeout_shorter_than_write.barriers,
        expect=violates("decode_reads_own_bytes", steps=13),
        blames="pass_deadline",
        text="Waiting for any posted write does not stop one that is posted after the deadline.",
    )
    lease = Design(
        abort_is_deferred,
        failure_is_deferred,
        release_times_out,
        timeout_outlasts_writes,
        lease_stops_writer,
        *careful_prefill,
        expect=holds,
        text="No questions asked: the writer stops by itself before the deadline. Trusts clocks.",
    )
    safe = Design(
        abort_is_deferred,
        abort_is_sent,
        abort_is_sent_again,
        failure_is_deferred,
        lost_node_is_fenced,
        abort_stops_chunks,
        abort_leaves_queue,
        answer_waits_for_writes,
        count_outlives_room,
        *careful_prefill,
        expect=holds,
        text="Ask until answered, fence what cannot answer: nothing is assumed, not even time.",
    )
    asks_again = safe.without(
        lost_node_is_fenced,
        expect=(
            violates("slot_can_be_freed", steps=2),
            violates("allocated_slot_becomes_free", steps=7),
            violates("request_ends", steps=7),
        ),
        text="Asking again makes up for lost messages, but not for a lost node.",
    )

    waits_for_completion = Design(
        abort_is_deferred,
        seen_completion_frees,
        failure_waits_for_writes,
        ack_target_outlives_room,
        *careful_prefill,
        answers_arrive,
        nodes_stay_reachable,
        expect=holds,
        text="vLLM: no abort is sent; the slot of an aborted load waits for the load to end.",
    )
    load_aborted = waits_for_completion.without(
        abort_is_deferred,
        seen_completion_frees,
        expect=violates("decode_reads_own_bytes", steps=12),
        known_bug="VLLM-32255",
        blames="abort",
        text="The slot of a load that is under way is free at the abort.",
    )
    waits_for_seen_completion = waits_for_completion.without(
        seen_completion_frees,
        expect=(
            violates("slot_can_be_freed", steps=8),
            violates("allocated_slot_becomes_free", steps=11),
            violates("request_ends", steps=11),
            violates("abort_is_answered", steps=11),
        ),
        known_bug="VLLM-32255",
        text="The first fix: the abort waits for a completion that was already taken.",
    )
