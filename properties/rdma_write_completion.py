"""What must hold of a transfer in several writes.

The first four say that a request is served from its own bytes: while it decodes, at the moment it
was accepted, in the first token, and in what the reformatting works on. A guard can buy the second
and third, since it looks at that moment; only an order can buy the first.
"""

from fencepost import *
from models.rdma_write_completion import Outcome, Phase, RdmaWriteCompletion, Write


@always(RdmaWriteCompletion)
def decodes_own_kv(m, request: RdmaWriteCompletion.Request):
    """As long as a request decodes, every part of its slot holds its own rows."""
    return m.phase[request] != Phase.DECODING or m.rows_are_of(m.target[request], request)


@always(RdmaWriteCompletion)
def accepts_own_kv(m, request: RdmaWriteCompletion.Request):
    """A request is accepted only when every part of its slot holds its own rows."""
    return not m.accepted_foreign[request]


@always(RdmaWriteCompletion)
def takes_own_first_token(m, request: RdmaWriteCompletion.Request):
    """The first token of a request comes from its own record."""
    return m.token[request] == NONE or m.token[request] == request


@always(RdmaWriteCompletion)
def reformats_only_whole_kv(m, request: RdmaWriteCompletion.Request):
    """Rows are reformatted when all of them are there."""
    return not m.reformatted[request] or for_all(m.Handle, lambda h: m.landed[request, h])


@always(RdmaWriteCompletion)
def announced_failure_is_final(m, request: RdmaWriteCompletion.Request):
    """A failure that the decode node was told of is not a success later."""
    return m.notice[request] != Outcome.FAILED or m.status[request] == Outcome.FAILED


@always_possible(RdmaWriteCompletion)
def slot_can_be_free(m, slot: RdmaWriteCompletion.Slot):
    """A slot can always become free again."""
    return m.owner[slot] == NONE


@reachable(RdmaWriteCompletion)
def decodes_after_a_failure(m, request: RdmaWriteCompletion.Request):
    """A request can decode after another one's transfer failed and was announced."""
    return m.phase[request] == Phase.DECODING and exists(
        m.Request, lambda other: m.notice[other] == Outcome.FAILED
    )


# What must happen in the end. The fair actions of the model say what is relied on: a write that is
# posted lands and its completion is seen, or an error is; the worker posts, looks at what has ended
# and says so; the decode node acts on what it hears. Nobody relies on an error or on an abort.


@leads_to(RdmaWriteCompletion)
def owned_slot_becomes_free(m, slot: RdmaWriteCompletion.Slot):
    """Whoever has a slot gives it back."""
    return m.owner[slot] != NONE, m.owner[slot] == NONE


@leads_to(RdmaWriteCompletion)
def outcome_is_heard(m, request: RdmaWriteCompletion.Request):
    """A request that waits, or has given up, learns how its transfer ended and is done with it."""
    waits = m.phase[request] in (Phase.WAITING, Phase.ABORTING)
    return waits, not waits


@eventually(RdmaWriteCompletion)
def request_is_closed(m, request: RdmaWriteCompletion.Request):
    """Every request is served or given up in the end."""
    return m.phase[request] == Phase.CLOSED


# Lemmas: what a proof for any number of requests, slots and handles goes by.


def has_slot(m, request):
    """Whether a request has a slot: it waits for its bytes, decodes them, or is being aborted."""
    return m.phase[request] in (Phase.WAITING, Phase.ABORTING, Phase.DECODING)


@lemma(RdmaWriteCompletion)
def slot_belongs_to_its_request(m, request: RdmaWriteCompletion.Request):
    """From its address to its close a request owns the slot that it writes to."""
    return not has_slot(m, request) or (
        m.target[request] != NONE and m.owner[m.target[request]] == request
    )


@lemma(RdmaWriteCompletion)
def notice_is_the_status(m, request: RdmaWriteCompletion.Request):
    """The decode node was told what the status word says, but for a failure that it need not be
    told of."""
    return m.notice[request] == m.status[request] or (
        not m.failure_is_announced
        and m.notice[request] == Outcome.PENDING
        and m.status[request] == Outcome.FAILED
    )


@lemma(RdmaWriteCompletion)
def outcome_comes_before_the_end(m, request: RdmaWriteCompletion.Request):
    """A request decodes or is closed only after its outcome is known."""
    return (
        m.phase[request] not in (Phase.DECODING, Phase.CLOSED)
        or m.status[request] != Outcome.PENDING
    )


@lemma(RdmaWriteCompletion)
def writes_are_posted_to_an_address(m, request: RdmaWriteCompletion.Request):
    """Nothing is posted before the request has an address, which it gets when it leaves IDLE."""
    return (
        m.target[request] == NONE and m.record_write[request] == Write.IDLE
        if m.phase[request] == Phase.IDLE
        else m.target[request] != NONE
    )


@lemma(RdmaWriteCompletion)
def writes_go_out_together(
    m, request: RdmaWriteCompletion.Request, handle: RdmaWriteCompletion.Handle
):
    """Before its record is posted, no write of a request is, and nothing of it has landed."""
    return m.record_write[request] != Write.IDLE or (
        m.write[request, handle] == Write.IDLE
        and not m.landed[request, handle]
        and not m.reformatted[request]
    )


@lemma(RdmaWriteCompletion)
def no_handle_is_released_in_flight(
    m, request: RdmaWriteCompletion.Request, handle: RdmaWriteCompletion.Handle
):
    """A handle is released only when its write is over."""
    return m.write[request, handle] != Write.ORPHANED


@lemma(RdmaWriteCompletion)
def completed_write_is_visible(
    m, request: RdmaWriteCompletion.Request, handle: RdmaWriteCompletion.Handle
):
    """The bytes of a completed write are in the slot."""
    return m.write[request, handle] != Write.DONE or m.landed[request, handle]


@lemma(RdmaWriteCompletion)
def outcome_waits_for_writes(
    m, request: RdmaWriteCompletion.Request, handle: RdmaWriteCompletion.Handle
):
    """While a write is in flight, the outcome is open."""
    return m.write[request, handle] != Write.POSTED or m.status[request] == Outcome.PENDING


@lemma(RdmaWriteCompletion)
def outcome_waits_for_record(m, request: RdmaWriteCompletion.Request):
    """So it does while the record is in flight, and success says that it is there.

    Without this barrier a tag has to find out.
    """
    return not m.success_waits_for_record or (
        (m.record_write[request] != Write.POSTED or m.status[request] == Outcome.PENDING)
        and (m.record_write[request] == Write.DONE or m.status[request] != Outcome.SUCCESS)
    )


@lemma(RdmaWriteCompletion)
def reformatted_when_complete(
    m, request: RdmaWriteCompletion.Request, handle: RdmaWriteCompletion.Handle
):
    """Rows are reformatted when every write has completed."""
    return not m.reformatted[request] or m.write[request, handle] == Write.DONE


@lemma(RdmaWriteCompletion)
def success_means_complete(
    m, request: RdmaWriteCompletion.Request, handle: RdmaWriteCompletion.Handle
):
    """After a success every write has completed."""
    return m.status[request] != Outcome.SUCCESS or m.write[request, handle] == Write.DONE


@lemma(RdmaWriteCompletion)
def landed_rows_stay(m, request: RdmaWriteCompletion.Request, handle: RdmaWriteCompletion.Handle):
    """What has landed is there as long as the request has its slot."""
    return (
        not has_slot(m, request)
        or not m.landed[request, handle]
        or m.kv[m.target[request], handle] == request
    )


@lemma(RdmaWriteCompletion)
def landed_record_stays(m, request: RdmaWriteCompletion.Request):
    """Where success waits for it, a record is there as long as its request has the slot."""
    return (
        not m.success_waits_for_record
        or not has_slot(m, request)
        or m.record_write[request] != Write.DONE
        or m.record[m.target[request]] == request
    )
