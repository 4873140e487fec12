"""Long random runs: what a tour, whose way to each state is short, does not come to.

There are three kinds in turn. Some draw each step anew. Some keep to an order of the steps, drawn
once for each run, as the fuzzer's do: postponing one step for long is what breaks protocols. And
some go round in circles, through states that they were in before: that brings out what an
implementation counts, and its model does not.
"""

from __future__ import annotations

from fencepost.engines.conform.runs import Run, Subject
from fencepost.engines.conform.space import Fitting
from fencepost.kernel.randomness import MASK, mixed

DEVIATES = 8
"""One step in so many is one that the model disables."""
WANDERS = 16
"""One step in so many is drawn among all that are possible, whatever kind of run it is."""


def random_runs(subject: Subject, traces: int, length: int, seed: int) -> None:
    """So many runs of up to so many steps; the same seed gives the same runs."""
    starts = subject.starts
    for trace in range(traces):
        own = mixed(seed & MASK, trace)
        with subject.begin(starts[own % len(starts)] if starts else None) as run:
            drawn = Drawn(run, own, trace % 3)
            for at in range(length):
                number = drawn.step(at)
                if number is None:
                    break
                run.attempt(number)


class Drawn:
    """The steps of one run."""

    def __init__(self, run: Run, own: int, kind: int) -> None:
        self.run, self._own = run, own
        self._ordered, self._circles = kind == 1, kind == 2
        self._met: set[Fitting] = set()

    def step(self, at: int) -> int | None:
        """The next step to try; None where nothing but refusals is left."""
        choices = self.run.choices()
        possible, disabled = choices.possible, choices.disabled
        chance = mixed(self._own, at)
        if not possible:
            return None
        self._met.add(self.run.ready)
        drawn = chance >> 8
        if disabled and chance % DEVIATES == 0:
            return disabled[drawn % len(disabled)]
        if chance % WANDERS == 1:
            return possible[drawn % len(possible)]
        if self._ordered:
            return min(possible, key=lambda number: mixed(self._own ^ MASK, number))
        known = [n for n in possible if self._goes_back(n)] if self._circles else []
        among = known or possible
        return among[drawn % len(among)]

    def _goes_back(self, number: int) -> bool:
        """Whether a step leads to where the run was before."""
        space = self.run.subject.space
        leads = [space.moves(node).get(number) for node in self.run.ready]
        after = frozenset(node for node in leads if node is not None)
        return space.closed(after) in self._met
