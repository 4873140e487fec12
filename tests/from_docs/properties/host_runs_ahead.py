"""What must hold of a host that runs ahead, and what must stay possible."""

from fencepost import *
from models.host_runs_ahead import HostRunsAhead


@always(HostRunsAhead)
def uses_own_table(m, iteration: HostRunsAhead.Iteration):
    """Attention of an iteration uses the page table of that iteration."""
    return m.used[iteration] == NONE or m.used[iteration] == iteration


@reachable(HostRunsAhead)
def iteration_runs(m, iteration: HostRunsAhead.Iteration):
    """Every iteration can run."""
    return m.used[iteration] != NONE


@reachable(HostRunsAhead)
def host_is_ahead(m, iteration: HostRunsAhead.Iteration):
    """The host fills a table while an earlier iteration still has to run: what it is all for."""
    return iteration == 0 or (
        m.filled[iteration] and exists(m.Iteration, lambda i: i < iteration and m.used[i] == NONE)
    )


@always_possible(HostRunsAhead)
def can_be_filled_again(m, iteration: HostRunsAhead.Iteration):
    """Whatever happened, the buffer can still be filled for every iteration to come."""
    return m.filled[iteration]
