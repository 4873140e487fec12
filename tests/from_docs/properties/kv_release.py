"""What must hold of releasing pages, and what must stay possible."""

from fencepost import *
from models.kv_release import KvRelease, Pull


@always(KvRelease)
def reads_own_pages(m, request: KvRelease.Request, rank: KvRelease.Rank):
    """A rank that reads pages reads those that are held for its own request."""
    return m.pull[request, rank] != Pull.READING or m.holder == request


@always(KvRelease)
def released_once(m, request: KvRelease.Request):
    """The pages of a request are released once."""
    return m.releases[request] <= 1


@reachable(KvRelease)
def rank_can_finish(m, request: KvRelease.Request, rank: KvRelease.Rank):
    """Every rank can finish its pull."""
    return m.pull[request, rank] == Pull.DONE


@always_possible(KvRelease)
def pages_can_be_free(m):
    """The pages can be free again."""
    return m.holder == NONE
