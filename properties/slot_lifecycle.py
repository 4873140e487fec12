"""What must hold of a slot's life, and what must stay possible."""

from fencepost import *
from models.slot_lifecycle import Node, Phase, Report, Room, SlotLifecycle, Write


@always(SlotLifecycle)
def decode_reads_own_bytes(m, request: SlotLifecycle.Request):
    """Attention of a decoding request reads the keys and values of that request, and no others."""
    return m.phase[request] != Phase.DECODING or for_all(
        m.Chunk, lambda chunk: m.bytes_of[m.address[request], chunk] == request
    )


@always(SlotLifecycle)
def write_reads_own_pages(m, request: SlotLifecycle.Request, chunk: SlotLifecycle.Chunk):
    """A posted write reads pages that the prefill node still holds for its request."""
    return m.write[request, chunk] != Write.POSTED or m.holds_pages[request]


@always_possible(SlotLifecycle)
def slot_can_be_freed(m, slot: SlotLifecycle.Slot):
    """No slot is lost for ever: whatever has happened, it can still become free."""
    return m.pool.is_free(slot)


@reachable(SlotLifecycle)
def request_decodes(m, request: SlotLifecycle.Request):
    """Every request can be decoded."""
    return m.phase[request] == Phase.DECODING


@reachable(SlotLifecycle)
def aborted_request_is_retried(m, request: SlotLifecycle.Request):
    """Every request can be aborted and then retried."""
    return m.phase[request] == Phase.RETRYING


@reachable(SlotLifecycle)
def slot_of_aborted_transfer_is_reused(m, slot: SlotLifecycle.Slot):
    """A slot can pass to another request while a transfer into it, aborted, is not forgotten."""
    return exists(
        m.Request,
        m.Request,
        lambda aborted, decoding: (
            m.phase[aborted] == Phase.ABORTED
            and m.address[aborted] == slot
            and exists(m.Chunk, lambda chunk: m.write[aborted, chunk] != Write.LANDED)
            and m.phase[decoding] == Phase.DECODING
            and m.address[decoding] == slot
        ),
    )


@always_possible(SlotLifecycle)
def source_pages_can_be_released(m, request: SlotLifecycle.Request):
    """The prefill node's pages of a request are not lost either: they can always be given back."""
    return not m.holds_pages[request]


# What must happen in the end. The fair actions of the model say what is relied on: everybody goes
# on working, a write ends, a message that is sent again and again arrives, and a request that takes
# too long is aborted. Nobody relies on a retry, on a new request, or on a node being lost.


@leads_to(SlotLifecycle)
def allocated_slot_becomes_free(m, slot: SlotLifecycle.Slot):
    """Whoever has a slot gives it back."""
    return not m.pool.is_free(slot), m.pool.is_free(slot)


@leads_to(SlotLifecycle)
def request_ends(m, request: SlotLifecycle.Request):
    """Every request is finished or aborted in the end, also one that nobody ever serves."""
    return True, m.phase[request] in (Phase.ABORTED, Phase.FINISHED)


@leads_to(SlotLifecycle)
def abort_is_answered(m, request: SlotLifecycle.Request):
    """An abort whose prefill node lives is answered, or its slot is free without an answer."""
    held = m.phase[request] == Phase.RECLAIMING
    lives = m.node[request] == Node.REACHABLE
    return held and lives, not held or not lives


# Lemmas: what a proof for any number of requests, slots and chunks goes by.


def is_held(m, request):
    """Whether the decode node holds a slot for a request."""
    return m.phase[request] in (
        Phase.TRANSFERRING,
        Phase.RECEIVED,
        Phase.DECODING,
        Phase.RECLAIMING,
    )


def writes_no_more(m, request):
    """The prefill node will post no further write of a request."""
    return m.room[request] in (Room.FAILED, Room.CLEARED) or (
        m.lease_stops_writer and m.lease_over[request]
    )


@lemma(SlotLifecycle)
def slot_belongs_to_its_request(m, request: SlotLifecycle.Request):
    """From its allocation to its release a request owns the slot whose address it sent."""
    return not is_held(m, request) or (
        m.address[request] != NONE and m.pool.owner[m.address[request]] == request
    )


@lemma(SlotLifecycle)
def waiting_request_has_no_address(m, request: SlotLifecycle.Request):
    """A request that waits for a slot has left no address anywhere."""
    return m.phase[request] not in (Phase.QUEUED, Phase.RETRYING) or m.address[request] == NONE


@lemma(SlotLifecycle)
def nothing_happens_without_an_address(m, request: SlotLifecycle.Request):
    """Before the address is sent, the prefill node has nothing to say or do."""
    return m.address[request] != NONE or (
        m.room[request] == Room.QUEUED
        and not m.abort_sent[request]
        and not m.answer_sent[request]
        and not m.owes_answer[request]
        and not m.lease_over[request]
        and m.report[request] == Report.NONE
    )


@lemma(SlotLifecycle)
def queued_request_has_written_nothing(
    m, request: SlotLifecycle.Request, chunk: SlotLifecycle.Chunk
):
    """The first posted write takes a request out of the queue."""
    return m.room[request] != Room.QUEUED or m.write[request, chunk] == Write.NOT_POSTED


@lemma(SlotLifecycle)
def posted_write_has_its_slot(m, request: SlotLifecycle.Request, chunk: SlotLifecycle.Chunk):
    """While a write is posted its slot is held back for it, unless it would bounce."""
    return (
        m.write[request, chunk] != Write.POSTED
        or m.node[request] == Node.FENCED
        or m.phase[request] in (Phase.TRANSFERRING, Phase.RECLAIMING)
    )


@lemma(SlotLifecycle)
def released_request_writes_no_more(m, request: SlotLifecycle.Request):
    """Once a slot is released, or its request served, no further write is posted into it."""
    return (
        m.address[request] == NONE
        or m.node[request] == Node.FENCED
        or m.phase[request] in (Phase.TRANSFERRING, Phase.RECLAIMING)
        or writes_no_more(m, request)
    )


@lemma(SlotLifecycle)
def answer_means_quiet(m, request: SlotLifecycle.Request):
    """An answer that is under way is true: no write is posted, and none will be."""
    return not m.answer_sent[request] or (
        m.room[request] in (Room.FAILED, Room.CLEARED) and m.is_quiet(request)
    )


@lemma(SlotLifecycle)
def owed_answer_is_of_an_ended_room(m, request: SlotLifecycle.Request):
    """While an answer is owed, no further write is posted."""
    return not m.owes_answer[request] or m.room[request] in (Room.FAILED, Room.CLEARED)


@lemma(SlotLifecycle)
def reported_success_is_complete(m, request: SlotLifecycle.Request, chunk: SlotLifecycle.Chunk):
    """Success is reported, and heard, when every chunk has landed."""
    return not (
        m.report[request] == Report.SUCCESS or m.phase[request] in (Phase.RECEIVED, Phase.DECODING)
    ) or (m.room[request] == Room.CLEARED and m.write[request, chunk] == Write.LANDED)


@lemma(SlotLifecycle)
def landed_bytes_stay(m, request: SlotLifecycle.Request, chunk: SlotLifecycle.Chunk):
    """What has landed is there as long as the request has its slot."""
    return (
        not is_held(m, request)
        or m.write[request, chunk] != Write.LANDED
        or m.bytes_of[m.address[request], chunk] == request
    )


@lemma(SlotLifecycle)
def abort_is_under_way_only_if_sent(m, request: SlotLifecycle.Request):
    """Where aborts are not sent, none is under way."""
    return m.abort_is_sent or not m.abort_sent[request]


@lemma(SlotLifecycle)
def failure_is_reported_when_quiet(m, request: SlotLifecycle.Request):
    """Where a failure waits for its writes, it is reported as an answer."""
    return not m.failure_waits_for_writes or m.report[request] != Report.FAILURE
