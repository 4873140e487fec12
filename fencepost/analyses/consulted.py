"""Which barriers a whole search of a design asked for, so that its answer serves other designs.

A barrier that stands on the way to no leaf that was reached, and in no condition that is asked of
states, was never asked for: with it switched, every step does the same in every reachable state.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass

from fencepost.analyses.known_runs import Barriers, Cube
from fencepost.core.expressions import BarrierOn
from fencepost.core.remembered import Remembered
from fencepost.core.results import Answer
from fencepost.core.system import System
from fencepost.core.trees import paths


@dataclass(frozen=True)
class Mentioned:
    """The barriers that stand on the path to each leaf and in it, and those asked of states."""

    of_leaf: dict[tuple[str, int], Barriers]
    of_states: Barriers


@Remembered
def mentioned(system: System) -> Mentioned:
    """Where the barriers of a system are mentioned, found once for a system."""
    of_leaf = {
        (action.name, number): frozenset(
            name
            for part in (*(decision.condition for decision, _ in path), leaf)
            for name in barriers_in(part)
        )
        for action in system.actions
        for number, (path, leaf) in enumerate(paths(action.tree))
    }
    return Mentioned(of_leaf, barriers_in((system.initial, system.final, system.properties)))


def barriers_in(value: object) -> Barriers:
    """The barriers that an expression, a leaf or a property mentions, wherever it does."""
    found: set[str] = set()
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, BarrierOn):
            found.add(current.name)
        elif isinstance(current, tuple):
            pending.extend(current)
        elif is_dataclass(current):
            pending.extend(getattr(current, field.name) for field in fields(current))
    return frozenset(found)


def same_answer(system: System, answer: Answer) -> Cube | None:
    """The sets of barriers with the same reachable states and steps, and so the same verdicts, as
    a design that was searched whole; None where it was not."""
    if not answer.complete:
        return None
    known = mentioned(system)
    asked = known.of_states.union(*(known.of_leaf[leaf] for leaf in answer.coverage.leaves))
    return Cube(frozenset(answer.barriers), asked)
