"""Long random runs: what a tour, whose way to each state is short, does not come to.

Half of them draw each step anew; the others keep to an order of the steps, drawn once for each run,
as those that the fuzzer draws do: postponing one step for long is what breaks protocols.
"""

from __future__ import annotations

from fencepost.engines.conform.runs import Run, Subject
from fencepost.kernel.randomness import MASK, mixed

DEVIATES = 6
"""One step in so many is one that the model disables, or is drawn whatever the order."""


def random_runs(subject: Subject, traces: int, length: int, seed: int) -> None:
    """So many runs of up to so many steps; the same seed gives the same runs."""
    for trace in range(traces):
        own = mixed(seed & MASK, trace)
        with subject.begin() as run:
            for at in range(length):
                number = _drawn(run, own, at, ordered=bool(trace & 1))
                if number is None:
                    break
                run.attempt(number)


def _drawn(run: Run, own: int, at: int, *, ordered: bool) -> int | None:
    """The next step to try; None where nothing but refusals is left, and they were tried."""
    possible = run.enabled() + run.open()
    chance = mixed(own, at)
    if not possible:
        return None
    if chance % DEVIATES == 0:
        disabled = run.disabled()
        if disabled:
            return disabled[(chance >> 8) % len(disabled)]
    if ordered and chance % DEVIATES != 1:
        return min(possible, key=lambda number: mixed(own ^ MASK, number))
    return possible[(chance >> 8) % len(possible)]
