"""What a hand-off must keep."""

from models.handoff import Handoff, Phase

from fencepost import *


@always(Handoff)
def reads_whole(m, buffer: Handoff.Buffer):
    """Whatever was read had been written to its end."""
    return m.reads[buffer] == 0 or m.phase[buffer] == Phase.WRITTEN


@reachable(Handoff)
def both_read(m):
    """All buffers can get to be read."""
    return for_all(m.Buffer, lambda b: m.reads[b] == 1)


@always_possible(Handoff)
def lock_free_again(m):
    """The lock is never lost for good."""
    return not m.locked
