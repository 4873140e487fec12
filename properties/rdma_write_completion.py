"""What must hold of a transfer in several writes.

The first four say that a request is served from its own bytes: while it decodes, at the moment it
was accepted, in the first token, and in what the reformatting works on. A guard can buy the second
and third, since it looks at that moment; only an order can buy the first.
"""

from fencepost import *
from models.rdma_write_completion import Outcome, Phase, RdmaWriteCompletion


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
