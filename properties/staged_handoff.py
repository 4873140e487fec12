"""What must hold of blocks that wait to be pulled, and that they do not wait for ever."""

from fencepost import *
from models.staged_handoff import Blocks, Leg, StagedHandoff


@always(StagedHandoff)
def pull_reads_held_blocks(m, request: StagedHandoff.Request):
    """Blocks that are being pulled are still held for it."""
    return m.leg[request] != Leg.PULLING or m.blocks[request] == Blocks.STAGED


@reachable(StagedHandoff)
def blocks_are_pulled_for_a_client_that_left(m, request: StagedHandoff.Request):
    """A transfer can end although its client left while it was under way."""
    return m.leg[request] == Leg.PULLED and m.client_left[request]


@leads_to(StagedHandoff)
def blocks_are_freed(m, request: StagedHandoff.Request):
    """Blocks of a prefill are given back, whatever its client does."""
    taken = m.blocks[request] in (Blocks.COMPUTED, Blocks.STAGED)
    return taken, m.blocks[request] == Blocks.FREED
