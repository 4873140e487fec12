"""What no design of a model ever does: steps never taken and branches never gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fencepost.core.results import Answer, Branch
from fencepost.core.system import Step, System

MISHAPS = ("duplicate", "lose", "fail")
"""What a component does only where the model asks for it, so that it is to be used."""


@dataclass(frozen=True)
class Unused:
    """Actions of which no step is ever taken, other steps never taken, branches never gone.

    What components can do and a model never makes them do is apart from these, as it is no
    fault of the model: `component_actions` and `component_steps`.
    """

    actions: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    branches: tuple[Branch, ...] = ()
    component_actions: tuple[str, ...] = ()
    component_steps: tuple[Step, ...] = ()
    premises: tuple[str, ...] = ()
    """Properties of the form `leads_to` that hold for nothing: no state raises their premise."""

    def __bool__(self) -> bool:
        ours = self.actions or self.steps or self.branches or self.premises
        return bool(ours or self.component_actions or self.component_steps)


def unused(system: System, answers: Sequence[Answer]) -> Unused | None:
    """What no design uses; None unless every design of the model was searched completely."""
    searched = {answer.design for answer in answers if answer.complete}
    if not searched or not searched >= {design.name for design in system.designs}:
        return None
    taken = frozenset[Step]().union(*(answer.coverage.steps for answer in answers))
    in_all = frozenset[Branch]().union(*(answer.coverage.branches_in_all for answer in answers))
    gone = frozenset[Branch]().union(*(answer.coverage.branches for answer in answers))
    raised = frozenset[str]().union(*(answer.coverage.premises for answer in answers))
    asked = {f.property for answer in answers for f in answer.findings if f.kind == "leads_to"}
    live = {step.action for step in taken}
    dead = tuple(action.name for action in system.actions if action.name not in live)
    left = tuple(s for s in system.steps if s not in taken and s.action in live)
    return Unused(
        actions=tuple(name for name in dead if not _by_itself(name)),
        steps=tuple(step for step in left if not _by_itself(step.action)),
        branches=tuple(
            branch
            for branch in sorted(in_all - gone, key=lambda b: (b.location, b.outcome))
            if not _inside(branch, system, dead)
        ),
        component_actions=tuple(name for name in dead if _by_itself(name)),
        component_steps=tuple(step for step in left if _by_itself(step.action)),
        premises=tuple(p.name for p in system.properties if p.name in asked - raised),
    )


def _by_itself(action: str) -> bool:
    """Whether an action came with a component without being asked for."""
    component, dot, name = action.rpartition(".")
    return bool(component and dot) and name not in MISHAPS


def _inside(branch: Branch, system: System, dead: tuple[str, ...]) -> bool:
    """Whether a branch belongs to an action that is reported as a whole."""
    from fencepost.core.trees import decisions

    return any(
        decision.location == branch.location
        for name in dead
        for decision in decisions(system.action[name].tree)
    )
