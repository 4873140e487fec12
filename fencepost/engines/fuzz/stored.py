"""Runs that were found, kept in an example database of Hypothesis between one time and the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fencepost.core.evidence import Way
from fencepost.core.semantics import initial_states
from fencepost.core.system import Step

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

    from fencepost.engines.fuzz.sights import Sights


class Stored:
    """What a database holds of one design of one system."""

    def __init__(self, database: ExampleDatabase | None, sights: Sights) -> None:
        self.database, self.sights = database, sights
        system, design = sights.system, sights.design
        barriers = ",".join(sorted(design.barriers))
        self.key = f"fencepost {system.digest} {barriers}".encode()

    def replay(self) -> None:
        """Perform the runs that are kept, and note what they meet; others are taken out."""
        if self.database is None:
            return
        system, barriers = self.sights.system, self.sights.design.barriers
        starts, steps = set(initial_states(system, barriers)), set(system.steps)
        for value in sorted(self.database.fetch(self.key)):
            way = _read(value)
            is_run = way is not None and way.initial in starts and steps.issuperset(way.steps)
            if way is None or not is_run or not self.sights.replay(way):
                self.database.delete(self.key, value)

    def keep(self) -> None:
        """Keep the run to each violation."""
        if self.database is not None:
            for sight in self.sights.asked.violations:
                if sight in self.sights.ways:
                    self.database.save(self.key, _written(self.sights.ways[sight]))


def _written(way: Way) -> bytes:
    steps = [[step.action, *step.arguments] for step in way.steps]
    return json.dumps([list(way.initial), steps], separators=(",", ":")).encode()


def _read(value: bytes) -> Way | None:
    """The run that was written; None for anything else that a database may hold."""
    try:
        initial, steps = json.loads(value)
        taken = tuple(Step(action, tuple(arguments)) for action, *arguments in steps)
        return Way(tuple(initial), taken)
    except (ValueError, TypeError):
        return None
