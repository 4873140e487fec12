"""Whether a property that is not proved is wrong: a search at the size of what keeps it from being
proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fencepost.core.limits import INTERRUPTED, Limits
from fencepost.core.results import Finding, Verdict
from fencepost.core.sizes import allowed, at_sizes
from fencepost.core.system import Design, System

MOST_TRIED = 1_000_000
"""States looked at to tell "not proved" from "wrong"."""


@dataclass(frozen=True)
class Searched:
    """A search at the size of a counterexample to induction: `system` is the model at that size.

    Without a violation, `complete` says whether all of its `states` were seen.
    """

    system: System
    violation: Finding | None
    states: int
    complete: bool

    @property
    def sizes(self) -> str:
        """`requests=2 slots=1`, by the names of parameters and of each Index."""
        return " ".join(f"{name}={count}" for name, count in self.system.parameters)


def search_at(
    unbounded: System,
    design: Design,
    sizes: Mapping[str, int],
    properties: Sequence[str],
    limits: Limits,
) -> Searched:
    """Explore a system that was recorded for any size at the given sizes, or the nearest that its
    parameters allow, up to a violation."""
    from fencepost.engines.explore import explore

    system = at_sizes(unbounded, allowed(unbounded, sizes))
    few = Limits(MOST_TRIED, limits.seconds, limits.memory_bytes)
    answer = explore(system, design, properties=properties, first=True, limits=few).answer
    if answer.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    violated = (f for f in answer.findings if f.verdict is Verdict.VIOLATED)
    return Searched(system, next(violated, None), answer.states, answer.complete)
