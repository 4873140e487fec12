"""Loads as tests serve them."""

from __future__ import annotations

from functools import cache, partial

from reference_impl.adapters.load_designs import find, reading
from reference_impl.adapters.luck import Luck
from reference_impl.load.counting import Tally
from reference_impl.load.running import Run
from reference_impl.load.workload import Workload
from reference_impl.load.writing import Cases, Log

INTERVAL = 8.0
"""Ticks between arrivals: little enough load that a request is seldom left while it still waits."""
ON = reading("safe")


def run(
    design: str,
    requests: int,
    *,
    luck: Luck | None = None,
    acts: bool = False,
    log: Log | None = None,
    cases: Cases | None = None,
    interval: float | None = INTERVAL,
    **workload: float,
) -> Run:
    """A run that is still to be served; without an `interval`, at that of its protocol."""
    found = find(design)
    return Run(
        partial(found.machine, luck or Luck()),
        found.scaled(Workload(requests=requests, **workload), interval),
        ON,
        acts=acts,
        shift=found.protocol.shift,
        log=log,
        cases=cases,
    )


@cache
def served(design: str, requests: int = 150, **kwargs: object) -> Tally:
    """What a run came to."""
    made = run(design, requests, **kwargs)
    made.serve()
    return made.tally
