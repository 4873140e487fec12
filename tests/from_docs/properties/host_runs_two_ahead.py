"""What must hold of a host that runs two iterations ahead, and what must stay possible."""

from fencepost import *
from models.host_runs_two_ahead import HostRunsTwoAhead


@always(HostRunsTwoAhead)
def uses_own_table(m, iteration: HostRunsTwoAhead.Iteration):
    """Attention of an iteration uses the page table of that iteration."""
    return m.used[iteration] == NONE or m.used[iteration] == iteration


@reachable(HostRunsTwoAhead)
def iteration_runs(m, iteration: HostRunsTwoAhead.Iteration):
    """Every iteration can run."""
    return m.used[iteration] != NONE


@reachable(HostRunsTwoAhead)
def host_is_ahead(m, iteration: HostRunsTwoAhead.Iteration):
    """The host fills a table while an earlier iteration still has to run: what it is all for."""
    return iteration == 0 or (
        m.filled[iteration] and exists(m.Iteration, lambda i: i < iteration and m.used[i] == NONE)
    )


@always_possible(HostRunsTwoAhead)
def can_be_filled_again(m, iteration: HostRunsTwoAhead.Iteration):
    """Whatever happened, the buffer can still be filled for every iteration to come."""
    return m.filled[iteration]
