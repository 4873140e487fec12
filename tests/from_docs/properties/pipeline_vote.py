"""What must hold of PipelineVote, and what must stay possible."""

from fencepost import *
from models.pipeline_vote import At, Phase, PipelineVote


@always(PipelineVote)
def stages_agree(m, request: PipelineVote.Request):
    """When all stages have applied, they agree on the request."""
    applying = exists(m.Stage, lambda s: m.phase[s] == Phase.AGREED)
    agree = for_all(m.Stage, m.Stage, lambda s, t: m.at[s, request] == m.at[t, request])
    return applying or agree


@always_possible(PipelineVote)
def aborted_can_end(m, request: PipelineVote.Request):
    """A request whose abort reached a stage can still be dropped by all stages."""
    aborted = exists(m.Stage, lambda s: m.aborted[s, request])
    dropped = for_all(m.Stage, lambda s: m.at[s, request] == At.DROPPED)
    return not aborted or dropped


@reachable(PipelineVote)
def runs_everywhere(m, request: PipelineVote.Request):
    """A request can run on all stages."""
    return for_all(
        m.Stage,
        lambda s: m.phase[s] == Phase.LAUNCHED and m.at[s, request] == At.RUNNING,
    )


@reachable(PipelineVote)
def is_dropped(m, request: PipelineVote.Request):
    """A request can be dropped by all stages."""
    return for_all(m.Stage, lambda s: m.at[s, request] == At.DROPPED)
