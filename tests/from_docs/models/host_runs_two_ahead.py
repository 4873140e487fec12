"""The same host, two iterations ahead: a ring of two is not enough.

Written from the documentation alone.
"""

from fencepost import *
from models.host_runs_ahead import HostRunsAhead


class HostRunsTwoAhead(HostRunsAhead):
    """Is a ring of two buffers enough for a host that is two iterations ahead?"""

    ahead = Parameter(2)
    ring_of_two = Design(HostRunsAhead.ring_of_buffers, expect=violates("uses_own_table", steps=7))
