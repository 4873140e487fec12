"""The engines by name, and how each is run on a design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from fencepost.core.limits import Limits, Progress
from fencepost.core.results import Result
from fencepost.core.system import Design, System

EXPLORE, BOUNDED, K_INDUCTION = "explore", "bounded", "k-induction"
ENGINES = (EXPLORE, BOUNDED, K_INDUCTION, "any-size", "fuzz", "walk")
STEPS = 20
SHARES = {BOUNDED: 3_000_000, K_INDUCTION: 6_000_000}
"""The work of a solver, in its resource units, after which an engine ends that runs beside others:
a second or two for each of its two solvers. What an induction decides, it decides for good."""
SEED = 0


class Engine(Protocol):
    """One way to decide the properties of a design."""

    def __call__(
        self,
        system: System,
        design: Design,
        *,
        properties: Sequence[str] | None = None,
        limits: Limits = ...,
        progress: Callable[[Progress], None] | None = None,
    ) -> Result: ...


@dataclass(frozen=True)
class Asked:
    """What a person wants of the engines: to stop early, how deep to look, where chance begins.

    Without `steps` engines look `STEPS` deep, or `beside` others as deep as `SHARES` let them.
    """

    first: bool = False
    steps: int | None = None
    seed: int = SEED
    beside: bool = False

    def share(self, engine: str) -> int | None:
        """The work after which an engine ends; None for as long as it takes."""
        return SHARES[engine] if self.beside and self.steps is None else None


def engine(name: str, asked: Asked) -> Engine:
    """The engine of that name, loaded when it is first asked for."""
    found: Any
    steps = STEPS if asked.steps is None else asked.steps
    match name:
        case "explore":
            from fencepost.engines.explore import explore

            found = partial(explore, first=asked.first)
        case "bounded":
            from fencepost.engines.prove import bounded

            found = partial(bounded, steps=steps, share=asked.share(name))
        case "k-induction":
            from fencepost.analyses.proofs import prove_at_sizes

            found = partial(prove_at_sizes, most_k=steps, share=asked.share(name))
        case "any-size":
            from fencepost.analyses.proofs import prove

            found = prove
        case "fuzz":
            from fencepost.engines.fuzz import fuzz

            found = partial(fuzz, seed=asked.seed)
        case "walk":
            from fencepost.engines.fuzz import walk

            found = partial(walk, seed=asked.seed)
        case _:
            raise KeyError(name)
    return found  # type: ignore[no-any-return]  # each is called as the protocol says
