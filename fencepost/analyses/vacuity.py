"""What no design of a model ever does: steps never taken and branches never gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fencepost.core.results import Answer, Branch
from fencepost.core.system import Step, System


@dataclass(frozen=True)
class Unused:
    """Actions of which no step is ever taken, other steps never taken, branches never gone."""

    actions: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    branches: tuple[Branch, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.actions or self.steps or self.branches)


def unused(system: System, answers: Sequence[Answer]) -> Unused | None:
    """What no design uses; None unless every design of the model was searched completely."""
    searched = {answer.design for answer in answers if answer.complete}
    if not searched or not searched >= {design.name for design in system.designs}:
        return None
    taken = frozenset[Step]().union(*(answer.coverage.steps for answer in answers))
    in_all = frozenset[Branch]().union(*(answer.coverage.branches_in_all for answer in answers))
    gone = frozenset[Branch]().union(*(answer.coverage.branches for answer in answers))
    live = {step.action for step in taken}
    dead = tuple(action.name for action in system.actions if action.name not in live)
    return Unused(
        actions=dead,
        steps=tuple(s for s in system.steps if s not in taken and s.action in live),
        branches=tuple(
            branch
            for branch in sorted(in_all - gone, key=lambda b: (b.location, b.outcome))
            if not _inside(branch, system, dead)
        ),
    )


def _inside(branch: Branch, system: System, dead: tuple[str, ...]) -> bool:
    """Whether a branch belongs to an action that is reported as a whole."""
    from fencepost.core.trees import decisions

    return any(
        decision.location == branch.location
        for name in dead
        for decision in decisions(system.action[name].tree)
    )
