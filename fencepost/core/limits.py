"""Where a search has to end early, and what it tells on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """When to give up; None is no limit, except for memory: three quarters of the machine.

    A limit of states is noticed after a batch, so a search may end with slightly more of them.
    `work` bounds each question to a solver, in the solver's own units of work.
    """

    states: int | None = None
    seconds: float | None = None
    memory_bytes: int | None = None
    work: int | None = None

    def after(self, seconds: float) -> Limits:
        """What is left of them once so many seconds are gone."""
        if self.seconds is None:
            return self
        return replace(self, seconds=max(0.0, self.seconds - seconds))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is: `depth` is the level being expanded, `frontier` what waits."""

    states: int
    transitions: int
    depth: int
    frontier: int
    seconds: float
    bytes: int


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Proving:
    """How far a proof is: obligations decided of all there are, and the one being decided."""

    decided: int
    obligations: int
    current: str
    seconds: float


ProofReport = Callable[[Proving], None]


@dataclass(frozen=True, slots=True)
class Inferring:
    """How far a search for lemmas is: lemmas it has, candidates it gave up, what it looks at."""

    lemmas: int
    dropped: int
    current: str
    seconds: float


STATES_LIMIT = "limit of states reached"
TIME_LIMIT = "time limit reached"
MEMORY_LIMIT = "memory limit reached"
WORK_LIMIT = "limit of the solver's work reached"
INTERRUPTED = "interrupted"
FIRST_VIOLATION = "stopped at the first violation"
