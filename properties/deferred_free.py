"""What must hold of blocks that are freed while the device still works, and what must get done."""

from fencepost import *
from models.deferred_free import DeferredFree, Phase


@always(DeferredFree)
def writes_into_own_blocks(m, request: DeferredFree.Request, block: DeferredFree.Block):
    """A kernel writes into a block of its own request, or into one that nobody has."""
    return not m.writes[request, block] or m.owner[block] in (NONE, request)


@reachable(DeferredFree)
def writes_after_preemption(m):
    """A request can be preempted while a kernel of it is under way: what the list is for."""
    return exists(
        m.Request, m.Block, lambda r, block: m.phase[r] == Phase.WAITING and m.writes[r, block]
    )


@eventually(DeferredFree)
def request_is_done(m, request: DeferredFree.Request):
    """Every request gets done, however often it is preempted on the way."""
    return m.phase[request] == Phase.DONE


@leads_to(DeferredFree)
def block_becomes_free(m, block: DeferredFree.Block):
    """No block is lost: each that is taken or on the list becomes free."""
    return not m.is_free(block), m.is_free(block)


@lemma(DeferredFree)
def freed_block_is_on_the_list(m, request: DeferredFree.Request, block: DeferredFree.Block):
    """A block that a kernel of another request writes into is not free yet: it is on the list."""
    return not m.writes[request, block] or m.owner[block] == request or m.on_list[block]
