"""When is a transfer that consists of several one-sided writes over, and who may say so?

The KV rows of a request reach the decode node's slot as several RDMA operations, one per handle
(one per remote rank, or one per task of a batch), each writing its own part of the slot. A small
metadata record with the first token travels as one more write. Nothing orders any of these with
each other or with the message that reports the outcome, and none of them can be called back.

Actors
- decode: owns the slots. It allocates one and sends its address, may give up (`abort`), and acts
  on the notice: it accepts the request and decodes, or takes the slot back.
- worker: posts the writes, sees completions, keeps the request's status word and sends one notice.
  Where rows are pulled (vLLM over NIXL, vllm-ascend) it lives on the decode node, where they are
  pushed (Mooncake, SGLang) on the prefill node, with the reformatting left to the decode node; the
  protocol is the same. Its transfer thread and its control thread (which hears of aborts) write
  the same status word.
- nic: makes bytes visible in the slot, and completes handles, in any order. A handle fails whether
  its bytes were delivered or not, and its siblings go on: there is no cancel (NIXL-2067).

For each handle there are four facts that code likes to take for one another: it is *posted*
(`write` leaves IDLE), its bytes are *visible* to the decode node (`landed`), its completion is
*seen* (`write` is DONE or ERROR), and the outcome of the whole transfer is *announced* (`notice`).

The designs answer the question in three ways. Edges order: the outcome is published when every
handle has stopped, on the error path, on the abort path and on the success path alike (`safe`).
Guards detect: a tag in the record protects the first token, a digest protects the rows until it
has been compared, and neither protects a request that already decodes. Reference counts protect
the library, and nobody else.

Abstractions, and the direction in which each is safe
- A request is one attempt; a retry is another request. A tag is therefore a generation. SAFE for
  the edges; UNSAFE for `record_carries_tag` where a retry keeps its room number, since a tag that
  two attempts share tells nothing (then `success_before_tagged_record` breaks as without a tag).
- All writes of a request are posted in one step. UNSAFE for an abort between two posts, which is
  the subject of `slot_lifecycle`; SAFE for what happens once writes are out.
- A completion is seen when it is raised. SAFE: one seen late looks like a write still in flight.
- Addresses, aborts and notices arrive once, after any delay. UNSAFE for leaks by a lost message;
  `failure_is_announced` off has the effect of a lost notice.
- The record never fails, and is seen to complete when it lands. UNSAFE for leaks only.
- A record that was never written is told from a written one, and waited for. SAFE: without it the
  first request of a slot finds what the second finds here.
- A part lands in one step, and decoding reads the whole slot in every state. SAFE: a part may be
  taken as small as one likes, and more states are looked at than any kernel reads.
- Digests do not collide. UNSAFE by the chance that they do.
"""

from enum import IntEnum

from fencepost import *


class Phase(IntEnum):
    """Where the decode node is with a request."""

    IDLE, WAITING, ABORTING, DECODING, CLOSED = range(5)


class Write(IntEnum):
    """What the worker knows of one write; ORPHANED: its handle was released while in flight."""

    IDLE, POSTED, DONE, ERROR, ORPHANED = range(5)


class Outcome(IntEnum):
    """The status word, and what the notice said of it."""

    PENDING, SUCCESS, FAILED = range(3)


NEXT_OWNER_IS_CORRUPTED = (
    violates("decodes_own_kv", steps=16),
    violates("accepts_own_kv", steps=16),
    violates("takes_own_first_token", steps=16),
)


class RdmaWriteCompletion(Model):
    """A request's rows arrive as several writes that fail and complete one by one."""

    requests, slots, handles = Parameter(2), Parameter(1), Parameter(2)
    Request, Slot, Handle = Index(requests), Index(slots), Index(handles)

    error_waits_for_siblings = Barrier(
        "after one handle's error, the failure is published only when no write is in flight: "
        "the sibling handles cannot be cancelled, and the blocks are reused at once",
        buys=["decodes_own_kv", "accepts_own_kv", "takes_own_first_token"],
    )
    abort_waits_for_handles = Barrier(
        "after the decode node gives up, the failure is published only when no write is in "
        "flight: giving up on a handle does not stop it",
        buys=["decodes_own_kv", "accepts_own_kv", "takes_own_first_token"],
    )
    reformat_waits_for_all_parts = Barrier(
        "the received blocks are permuted in place (for another TP size or layout) after the "
        "last pull, not after the first: a part that lands later stays in the old layout",
        buys=["reformats_only_whole_kv", "decodes_own_kv"],
    )
    completion_follows_visibility = Barrier(
        "a handle completes only when its bytes are visible in the receiver's GPU memory (a "
        "flushing read, or a receiver-side fence), not when the sender's NIC got its ack",
        buys=["decodes_own_kv", "accepts_own_kv"],
    )
    error_follows_flush = Barrier(
        "a handle's error (or timeout) is reported after its queue pair was moved to the error "
        "state and flushed, so nothing of it lands later: a timeout alone is an observation",
        buys=["decodes_own_kv", "accepts_own_kv"],
    )
    success_waits_for_record = Barrier(
        "success is announced after the metadata record completed as well as the KV writes: "
        "the slot still holds the record of its previous request",
        buys=["takes_own_first_token"],
    )
    failed_is_sticky = Barrier(
        "the status word goes from PENDING to a final value once, by compare-and-set: the "
        "transfer thread does not write SUCCESS over the control thread's FAILED",
        buys=["announced_failure_is_final"],
    )
    failure_is_announced = Barrier(
        "a failed transfer sends a notice too, instead of a line in the log: the decode node "
        "has no other way to tell late from never",
        buys=["slot_can_be_free", "outcome_is_heard"],
    )
    abort_is_answered = Barrier(
        "a failure that follows an abort is announced in answer to it, even where failures that "
        "the worker meets by itself are not; needed only there",
        buys=["decodes_after_a_failure"],
    )
    handle_is_counted = Barrier(
        "the transfer library holds a reference to a handle until it completes, so a release by "
        "the caller does not free it; needed only where an outcome is published too early",
        buys=["no_fault"],
    )
    record_carries_tag = Barrier(
        "the record names the request that it was written for, and the decode node refuses "
        "another's: detects a stale record, and says nothing of the rows",
        buys=["takes_own_first_token"],
        kind="guard",
    )
    record_carries_digest = Barrier(
        "the record holds a digest of the rows, which the decode node compares with its own "
        "before the first token: detects foreign rows, until the moment of the comparison",
        buys=["accepts_own_kv"],
        kind="guard",
    )

    # The decode node's side. `accepted_foreign` is what an observer who knows every byte saw at
    # the moment of acceptance; nobody in the protocol reads it.
    phase = Array(Request, of=Phase, initial=Phase.IDLE)
    owner = Array(Slot, of=Maybe(Request), initial=NONE)
    token = Array(Request, of=Maybe(Request), initial=NONE)
    accepted_foreign = Array(Request, of=bool, initial=False)

    # The worker's side: the address it was sent, its writes, and what it says of them.
    target = Array(Request, of=Maybe(Slot), initial=NONE)
    write = Array(Request, Handle, of=Write, initial=Write.IDLE)
    record_write = Array(Request, of=Write, initial=Write.IDLE)
    reformatted = Array(Request, of=bool, initial=False)
    status = Array(Request, of=Outcome, initial=Outcome.PENDING)
    notice = Array(Request, of=Outcome, initial=Outcome.PENDING)

    # What is in memory, told by who wrote it. A part is NONE where its bytes are nobody's rows; the
    # record's writer stands for its token, its tag and its digest alike.
    landed = Array(Request, Handle, of=bool, initial=False)
    kv = Array(Slot, Handle, of=Maybe(Request), initial=NONE)
    record = Array(Slot, of=Maybe(Request), initial=NONE)

    @fair("strong")
    @actor("decode")
    @action(request=Request, slot=Slot)
    def allocate(self, request, slot):
        """A free slot is taken as it is, and its address goes to the worker."""
        require(self.phase[request] == Phase.IDLE and self.owner[slot] == NONE)
        self.phase[request] = Phase.WAITING
        self.owner[slot], self.target[request] = request, slot

    @fair
    @actor("worker")
    @action(request=Request)
    def post(self, request):
        """Every write of the request goes out, the record's among them."""
        require(self.target[request] != NONE and self.status[request] == Outcome.PENDING)
        require(self.record_write[request] == Write.IDLE)
        assign(self.write[request], to=Write.POSTED)
        self.record_write[request] = Write.POSTED

    @fair
    @actor("nic")
    @action(request=Request, handle=Handle)
    def land(self, request, handle):
        """The bytes become visible at the address that was posted, whoever owns the slot now.

        In blocks that have been reformatted already, rows in the sender's layout are garbage.
        """
        require(self.may_land(request, handle))
        self.kv[self.target[request], handle] = choose(self.reformatted[request], NONE, request)
        self.landed[request, handle] = True

    def may_land(self, request, handle):
        """A posted write lands sooner or later, whatever the worker knows or thinks of it."""
        known = self.write[request, handle]
        unflushed = known == Write.ERROR and not self.error_follows_flush
        under_way = known in (Write.POSTED, Write.DONE, Write.ORPHANED)
        return (under_way or unflushed) and not self.landed[request, handle]

    @fair
    @actor("nic")
    @action(request=Request, handle=Handle)
    def complete(self, request, handle):
        """The worker sees the handle's completion."""
        require(self.outstanding(request, handle))
        if self.completion_follows_visibility:
            require(self.landed[request, handle])
        self.end(request, handle, Write.DONE)

    @actor("nic")
    @action(request=Request, handle=Handle)
    def fail(self, request, handle):
        """The handle ends in an error, which does not tell whether its bytes were delivered."""
        require(self.outstanding(request, handle))
        self.end(request, handle, Write.ERROR)

    def outstanding(self, request, handle):
        return self.write[request, handle] in (Write.POSTED, Write.ORPHANED)

    def end(self, request, handle, outcome):
        """The library writes the completion into the handle, which must still be there."""
        if self.write[request, handle] == Write.ORPHANED:
            assert self.handle_is_counted, "a completion of a released handle"
            self.write[request, handle] = Write.IDLE
            self.landed[request, handle] = False
        else:
            self.write[request, handle] = outcome

    @fair
    @actor("nic")
    @action(request=Request)
    def land_record(self, request):
        require(self.record_write[request] == Write.POSTED)
        self.record_write[request] = Write.DONE
        self.record[self.target[request]] = request

    @fair
    @actor("worker")
    @action(request=Request)
    def reformat(self, request):
        """The received blocks are permuted in place, once."""
        require(self.status[request] == Outcome.PENDING and not self.reformatted[request])
        require(exists(self.Handle, lambda h: self.write[request, h] == Write.DONE))
        if self.reformat_waits_for_all_parts:
            require(self.all_done(request))
        self.reformatted[request] = True

    @fair
    @actor("worker")
    @action(request=Request)
    def succeed(self, request):
        """The transfer thread has seen the last completion."""
        require(self.all_done(request) and self.reformatted[request])
        require(self.status[request] != Outcome.SUCCESS)
        if self.success_waits_for_record:
            require(self.record_write[request] == Write.DONE)
        if self.failed_is_sticky:
            require(self.status[request] == Outcome.PENDING)
        self.status[request] = Outcome.SUCCESS
        if self.notice[request] == Outcome.PENDING:
            self.notice[request] = Outcome.SUCCESS

    @fair
    @actor("worker")
    @action(request=Request)
    def fail_on_error(self, request):
        """The transfer thread has seen an error."""
        require(self.status[request] == Outcome.PENDING)
        require(exists(self.Handle, lambda h: self.write[request, h] == Write.ERROR))
        if self.error_waits_for_siblings:
            require(self.quiet(request))
        self.publish_failure(request)

    @fair
    @actor("worker")
    @action(request=Request)
    def fail_on_abort(self, request):
        """The control thread has heard that the decode node gave up."""
        require(self.status[request] == Outcome.PENDING and self.phase[request] == Phase.ABORTING)
        if self.abort_waits_for_handles:
            require(self.quiet(request))
        self.publish_failure(request)

    def publish_failure(self, request):
        self.status[request] = Outcome.FAILED
        answers = self.abort_is_answered and self.phase[request] == Phase.ABORTING
        if self.failure_is_announced or answers:
            self.notice[request] = Outcome.FAILED
        self.release(request)

    def release(self, request):
        """The handles of a failed transfer are released, whether or not they have completed."""
        assign(
            self.write[request],
            to=lambda h: choose(self.write[request, h] == Write.POSTED, Write.ORPHANED, Write.IDLE),
            where=lambda h: self.outstanding(request, h) or self.over(request, h),
        )
        assign(self.landed[request], to=False, where=lambda h: self.write[request, h] == Write.IDLE)

    def over(self, request, handle):
        """The handle failed and nothing of it will land."""
        return self.write[request, handle] == Write.ERROR and not self.may_land(request, handle)

    def all_done(self, request):
        return for_all(self.Handle, lambda h: self.write[request, h] == Write.DONE)

    def quiet(self, request):
        """No write of the request is in flight, as far as the worker can see."""
        return self.record_write[request] != Write.POSTED and for_all(
            self.Handle, lambda h: self.write[request, h] != Write.POSTED
        )

    @actor("decode")
    @action(request=Request)
    def abort(self, request):
        """The decode node's time limit or its user gives up; the slot stays where it is."""
        require(self.phase[request] == Phase.WAITING)
        self.phase[request] = Phase.ABORTING

    @fair
    @actor("decode")
    @action(request=Request)
    def accept(self, request):
        """The first token is taken from the record, and the first step reads the rows."""
        require(self.phase[request] == Phase.WAITING and self.notice[request] == Outcome.SUCCESS)
        slot = self.target[request]
        require(self.record[slot] != NONE)
        if self.passes_guards(request, slot):
            self.phase[request] = Phase.DECODING
            self.token[request] = self.record[slot]
            self.accepted_foreign[request] = not self.rows_are_of(slot, request)
        else:
            self.close(request)

    def passes_guards(self, request, slot):
        """The record is the request's own, and agrees with the rows."""
        writer = self.record[slot]
        if self.record_carries_tag and writer != request:
            return False
        return not self.record_carries_digest or self.rows_are_of(slot, writer)

    def rows_are_of(self, slot, writer):
        return for_all(self.Handle, lambda part: self.kv[slot, part] == writer)

    @fair
    @actor("decode")
    @action(request=Request)
    def finish(self, request):
        require(self.phase[request] == Phase.DECODING)
        self.close(request)

    @fair
    @actor("decode")
    @action(request=Request)
    def take_back(self, request):
        """The slot is free again, on the word of the worker that the transfer is over."""
        failed = self.notice[request] == Outcome.FAILED
        aborted = self.phase[request] == Phase.ABORTING
        require(failed or (aborted and self.notice[request] == Outcome.SUCCESS))
        require(aborted or self.phase[request] == Phase.WAITING)
        self.close(request)

    def close(self, request):
        self.phase[request] = Phase.CLOSED
        self.owner[self.target[request]] = NONE
        self.token[request] = NONE
        self.accepted_foreign[request] = False

    @final
    def everything_is_closed(self):
        return for_all(self.Request, lambda request: self.phase[request] == Phase.CLOSED)

    safe = Design(
        error_waits_for_siblings,
        abort_waits_for_handles,
        reformat_waits_for_all_parts,
        completion_follows_visibility,
        success_waits_for_record,
        error_follows_flush,
        failed_is_sticky,
        failure_is_announced,
        expect=holds,
        text="Every outcome is published once, when no write of the transfer is in flight.",
    )
    safe_and_counted = Design(
        *safe.barriers,
        handle_is_counted,
        expect=holds,
        text="As `safe`; that the library counts its handles makes no difference.",
    )
    safe_with_guards = Design(
        *safe.barriers,
        record_carries_tag,
        record_carries_digest,
        expect=holds,
        text="As `safe`, with guards that never find anything to refuse.",
    )

    first_error_frees_blocks = safe_and_counted.without(
        error_waits_for_siblings,
        expect=NEXT_OWNER_IS_CORRUPTED,
        known_bug="VLLM-56104",
        blames="fail_on_error",
        text="The first failing handle gives the blocks back while its sibling still writes.",
    )
    first_error_ends_batch = safe.without(
        error_waits_for_siblings,
        expect=(violates("no_fault", steps=5), *NEXT_OWNER_IS_CORRUPTED),
        known_bug="MC-1906",
        blames="fail_on_error",
        text="The first failing task completes the batch: descriptor and buffers are freed.",
    )
    give_up_releases_handle = safe.without(
        abort_waits_for_handles,
        expect=(violates("no_fault", steps=5), *NEXT_OWNER_IS_CORRUPTED),
        known_bug="NIXL-2067",
        blames="fail_on_abort",
        text="A caller that gives up releases its handles, which neither stops nor outlives them.",
    )
    give_up_with_counted_handle = safe_and_counted.without(
        abort_waits_for_handles,
        expect=NEXT_OWNER_IS_CORRUPTED,
        blames="fail_on_abort",
        text="Not enough: it saves the library's memory, and not the slot's next owner.",
    )
    reformat_after_first_part = safe.without(
        reformat_waits_for_all_parts,
        expect=(
            violates("reformats_only_whole_kv", steps=5),
            violates("decodes_own_kv", steps=10),
            violates("accepts_own_kv", steps=10),
        ),
        known_bug="VA-12359",
        blames="reformat",
        text="The blocks are permuted after the first pull, and the second lands as it was sent.",
    )
    completion_at_the_sender = safe.without(
        completion_follows_visibility,
        expect=(
            violates("reformats_only_whole_kv", steps=5),
            violates("decodes_own_kv", steps=8),
            violates("accepts_own_kv", steps=8),
        ),
        known_bug="KVCV-3",
        blames="complete",
        text="The sender's completion is taken for the receiver's: the tail is not visible yet.",
    )
    timeout_taken_for_the_end = safe.without(
        error_follows_flush,
        expect=(violates("decodes_own_kv", steps=18), violates("accepts_own_kv", steps=18)),
        known_bug="MC-3508",
        blames="land",
        text="Not enough: every handle was waited for, and one that timed out still lands.",
    )
    late_success_wins = safe.without(
        failed_is_sticky,
        expect=violates("announced_failure_is_final", steps=11),
        known_bug="SGL-30352",
        blames="succeed",
        text="The transfer thread writes SUCCESS over the FAILED that an abort was answered with.",
    )
    silent_failure = safe.without(
        failure_is_announced,
        expect=(
            violates("slot_can_be_free", steps=3),
            violates("no_stuck_state", steps=3),
            violates("decodes_after_a_failure"),
            violates("owned_slot_becomes_free", steps=3),
            violates("outcome_is_heard", steps=3),
            violates("request_is_closed", steps=3),
        ),
        known_bug="VLLM-50754",
        text="A failed transfer is only logged, and its slot is lost.",
    )
    ack_is_lost = silent_failure.plus(
        abort_is_answered,
        expect=(
            violates("slot_can_be_free", steps=6),
            violates("no_stuck_state", steps=7),
            violates("owned_slot_becomes_free", steps=7),
            violates("outcome_is_heard", steps=7),
            violates("request_is_closed", steps=7),
        ),
        known_bug="MORI-655",
        text="One hardware ack is lost: the bytes are there, the sender gives up, nobody is told.",
    )
    success_before_record = safe.without(
        success_waits_for_record,
        expect=violates("takes_own_first_token", steps=16),
        known_bug="SGL-17259",
        blames="accept",
        text="The notice overtakes the record: the slot still holds the previous first token.",
    )
    success_before_tagged_record = Design(
        *success_before_record.barriers,
        record_carries_tag,
        expect=holds,
        text="The tag finds out in time: a request is lost where a wrong token was taken.",
    )

    tag_alone = Design(
        *first_error_frees_blocks.barriers,
        record_carries_tag,
        expect=(violates("decodes_own_kv", steps=16), violates("accepts_own_kv", steps=16)),
        known_bug="SGL-39229",
        blames="fail_on_error",
        text="Not enough: the record is the request's own, and the rows are not.",
    )
    digest_alone = Design(
        *give_up_with_counted_handle.barriers,
        record_carries_digest,
        expect=(
            violates("decodes_own_kv", steps=16),
            violates("accepts_own_kv", steps=18),
            violates("takes_own_first_token", steps=18),
        ),
        blames="fail_on_abort",
        text="Not enough: stale rows agree with the digest in the stale record beside them.",
    )
    tag_and_digest = Design(
        *tag_alone.barriers,
        record_carries_digest,
        expect=violates("decodes_own_kv", steps=16),
        blames="fail_on_error",
        text="Not enough: a late write lands after the comparison, in rows that are being read.",
    )
