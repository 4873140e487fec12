"""The engines by name, and how each is run on a design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from fencepost.core.limits import Limits, Progress
from fencepost.core.results import Result
from fencepost.core.system import Design, System

EXPLORE = "explore"
ENGINES = (EXPLORE, "bounded", "k-induction", "any-size", "fuzz", "walk")
STEPS = 20
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
    """What a person wants of the engines: to stop early, how deep to look, where chance begins."""

    first: bool = False
    steps: int = STEPS
    seed: int = SEED


def engine(name: str, asked: Asked) -> Engine:
    """The engine of that name, loaded when it is first asked for."""
    found: Any
    match name:
        case "explore":
            from fencepost.engines.explore import explore

            found = partial(explore, first=asked.first)
        case "bounded":
            from fencepost.engines.prove import bounded

            found = partial(bounded, steps=asked.steps)
        case "k-induction":
            from fencepost.analyses.proofs import prove_at_sizes

            found = partial(prove_at_sizes, most_k=asked.steps)
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
