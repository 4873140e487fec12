"""The source branches on the way to each leaf of a system's actions."""

from __future__ import annotations

import weakref
from pathlib import Path

from fencepost import core
from fencepost.core.errors import Location
from fencepost.core.results import Branch, Coverage
from fencepost.core.system import Step, System
from fencepost.core.trees import paths

PACKAGE = Path(core.__file__).resolve().parents[1]

Branches = dict[tuple[str, int], frozenset[Branch]]

_branches: dict[int, tuple[weakref.ref[System], Branches]] = {}


def branches(system: System) -> Branches:
    """For each leaf (its action and number) the branches on its path, found once for a system.

    Range checks and the conditions of components are no branches of the source.
    """
    held = _branches.get(id(system))
    if held is not None and held[0]() is system:
        return held[1]
    ours: dict[Location, bool] = {}
    found: Branches = {}
    for action in system.actions:
        for number, (path, _) in enumerate(paths(action.tree)):
            on_path = set()
            for decision, outcome in path:
                at = decision.location
                if decision.check or at is None:
                    continue
                if at not in ours:
                    ours[at] = PACKAGE in Path(at.file).resolve().parents
                if not ours[at]:
                    on_path.add(Branch(at, outcome))
            found[action.name, number] = frozenset(on_path)
    key = id(system)
    _branches[key] = (weakref.ref(system, lambda _: _branches.pop(key, None)), found)
    return found


def coverage(
    system: System, steps: frozenset[Step], leaves: frozenset[tuple[str, int]]
) -> Coverage:
    """The steps taken, and the source branches on the way to the leaves reached."""
    known = branches(system)
    taken = frozenset[Branch]().union(*(known[leaf] for leaf in leaves))
    in_all = frozenset[Branch]().union(*known.values())
    return Coverage(steps, len(system.steps), taken, in_all)
