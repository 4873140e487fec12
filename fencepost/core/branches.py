"""The source branches on the way to each leaf of a system's actions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fencepost.core.errors import Location
from fencepost.core.remembered import Remembered
from fencepost.core.results import Branch, Coverage
from fencepost.core.system import Step, System
from fencepost.core.trees import paths

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Branches:
    """The branches of a system's source: all there are, and those on the way to each leaf.

    What a path settles by itself is no branch there; where the same condition is open on another
    path, having passed it counts.
    """

    in_all: frozenset[Branch]
    of_leaf: dict[tuple[str, int], frozenset[Branch]]


@Remembered
def branches(system: System) -> Branches:
    """For each leaf (its action and number) the branches on its path, found once for a system.

    Range checks and the conditions of components are no branches of the source.
    """
    ours: dict[Location, bool] = {}

    def is_source(at: Location | None) -> bool:
        if at is None:
            return False
        if at not in ours:
            ours[at] = PACKAGE in Path(at.file).resolve().parents
        return not ours[at]

    in_all: set[Branch] = set()
    passed: dict[tuple[str, int], set[Branch]] = {}
    for action in system.actions:
        for number, (path, leaf) in enumerate(paths(action.tree)):
            decided = {
                Branch(decision.location, outcome)
                for decision, outcome in path
                if not decision.check
                and decision.location is not None
                and is_source(decision.location)
            }
            in_all |= decided
            settled = {Branch(at, outcome) for at, outcome in leaf.settled}
            passed[action.name, number] = decided | settled
    of_leaf = {leaf: frozenset(on_way & in_all) for leaf, on_way in passed.items()}
    return Branches(frozenset(in_all), of_leaf)


def coverage(
    system: System, steps: frozenset[Step], leaves: frozenset[tuple[str, int]]
) -> Coverage:
    """The steps taken, and the source branches on the way to the leaves reached."""
    known = branches(system)
    taken = frozenset[Branch]().union(*(known.of_leaf[leaf] for leaf in leaves))
    return Coverage(steps, len(system.steps), taken, known.in_all, leaves)
