"""A run made shorter: steps are dropped, and the interpreter says what is still a run.

What is left is a local minimum: no single step and no two of them can be dropped. The order in
which steps are tried is that of delta debugging (A. Zeller and R. Hildebrandt, "Simplifying and
isolating failure-inducing input", 2002): large parts first, then smaller ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from fencepost.core.evidence import Way
from fencepost.core.semantics import Barriers, Outcome, Successor, perform
from fencepost.core.system import State, Step, System
from fencepost.core.trees import Fault

Part = tuple[Step, ...]
"""Some of the steps of a run, in their order."""
Shows = Callable[[State], bool]
"""Whether a state is what a run was wanted for."""

MOST_FOR_PAIRS = 60
"""Pairs of steps are tried in runs of at most so many steps."""


class ShowsNothing(Exception):
    """A run does not come to what it is to be shortened for."""


class Minimiser:
    """Shortens runs of a system at one set of barriers; what steps do is remembered."""

    def __init__(self, system: System, barriers: Barriers) -> None:
        self.system, self.barriers = system, barriers
        self._outcomes: dict[tuple[State, Step], Outcome] = {}

    def to_state(self, way: Way, shows: Shows) -> Way:
        """A part of a run that still comes to a state that `shows`; it ends there."""
        seen: dict[State, bool] = {}

        def remembered(state: State) -> bool:
            if state not in seen:
                seen[state] = shows(state)
            return seen[state]

        return self._shorter(way, remembered)

    def to_fault(self, way: Way) -> Way:
        """A part of a run that still ends in a fault."""
        return self._shorter(way, None)

    def _shorter(self, way: Way, shows: Shows | None) -> Way:
        steps = shortened(way.steps, lambda steps: self._kept(way.initial, steps, shows))
        if steps is None:
            raise ShowsNothing
        return Way(way.initial, steps)

    def _kept(
        self, initial: State, steps: tuple[Step, ...], shows: Shows | None
    ) -> tuple[Step, ...] | None:
        """The steps that can be taken, in this order and up to what is wanted; None if it is not
        come to. Steps that are disabled, change nothing, or fault where that is not wanted are
        passed over."""
        state = initial
        kept: list[Step] = []
        if shows is not None and shows(state):
            return ()
        for step in steps:
            outcome = self._outcome(state, step)
            if isinstance(outcome, Fault) and shows is None:
                return (*kept, step)
            if not isinstance(outcome, Successor) or outcome.state == state:
                continue
            state = outcome.state
            kept.append(step)
            if shows is not None and shows(state):
                return tuple(kept)
        return None

    def _outcome(self, state: State, step: Step) -> Outcome:
        key = (state, step)
        if key not in self._outcomes:
            self._outcomes[key] = perform(self.system, self.barriers, state, step)
        return self._outcomes[key]


def shortened(steps: Part, kept: Callable[[Part], Part | None]) -> Part | None:
    """A part of the steps that none can be left out of, and no two where they are few.

    `kept` tries some of the steps: those of them that were needed, or None where they do not show
    what is wanted. None where all of them do not.
    """
    found = kept(steps)
    if found is None:
        return None
    size = max(1, len(found) // 2)
    while True:
        shorter = _without_one_of(found, _chunks(len(found), size), kept)
        if shorter is not None:
            found, size = shorter, max(1, min(size, len(shorter) // 2))
        elif size > 1:
            size //= 2
        else:
            shorter = _without_one_of(found, _pairs(len(found)), kept)
            if shorter is None:
                return found
            found = shorter


def _without_one_of(
    steps: Part, parts: Iterator[frozenset[int]], kept: Callable[[Part], Part | None]
) -> Part | None:
    """What is left of a run without the first of the parts that can be dropped."""
    for part in parts:
        rest = kept(tuple(step for n, step in enumerate(steps) if n not in part))
        if rest is not None:
            return rest
    return None


def _chunks(length: int, size: int) -> Iterator[frozenset[int]]:
    """Parts of neighbouring steps, the last ones first: what comes late is seldom needed."""
    for end in range(length, 0, -size):
        yield frozenset(range(max(0, end - size), end))


def _pairs(length: int) -> Iterator[frozenset[int]]:
    if length <= MOST_FOR_PAIRS:
        yield from (frozenset(pair) for pair in combinations(range(length), 2))
