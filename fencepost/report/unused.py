"""What no design of a model uses, with the source that says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from fencepost.analyses.vacuity import Unused
from fencepost.core.errors import Location
from fencepost.core.expressions import BarrierOn, Not
from fencepost.core.results import Branch
from fencepost.core.system import System
from fencepost.core.trees import Decide, decisions
from fencepost.project import shown_path

MOST_SOURCE = 60
DEFINITION = re.compile(r"\s*def (\w+)\(")


def unused_lines(system: System, unused: Unused) -> Iterator[str]:
    """A line for each action, step and source line; `components_line` has what is left."""
    for name in unused.actions:
        yield f"action {name} is never taken"
    for step in unused.steps:
        yield f"step {system.show_step(step)} is never taken"
    for name in unused.premises:
        yield f"the premise of {name} is never met, so it holds for nothing"
    if not unused.branches:
        return
    sources = _Sources(system)
    for (file, line), branches in groupby(
        unused.branches, key=lambda b: (b.location.file, b.location.line)
    ):
        yield sources.tell(file, line, list(branches))


def components_line(system: System, unused: Unused) -> str:
    """What components can do and are never made to do, or nothing."""
    told = [*unused.component_actions, *(system.show_step(s) for s in unused.component_steps)]
    return f"of components: {', '.join(told)}" if told else ""


class _Sources:
    """The source of the branches of a system, with the actions that go through them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.texts: dict[str, list[str]] = {}
        self.places: dict[Location, list[tuple[str, Decide]]] = {}
        for action in system.actions:
            for decision in decisions(action.tree):
                if decision.location is not None:
                    self.places.setdefault(decision.location, []).append((action.name, decision))

    def tell(self, file: str, line: int, branches: list[Branch]) -> str:
        place = f"{shown_path(file)}:{line}"
        text = self._lines(file)[line - 1 : line]
        source = f" `{_shorten(text[0].strip())}`" if text else ""
        parts = sum((at.file, at.line) == (file, line) for at in self.places)
        subject = "the condition" if parts == 1 else "a part of the condition"
        never = dict.fromkeys(
            self._fixed(location, outcomes) or f"{subject} is never {_missed(outcomes)}"
            for location, at in groupby(branches, key=lambda b: b.location)
            for outcomes in [{branch.outcome for branch in at}]
        )
        return f"{place}:{source}{self._actions(file, line, branches)}: {', '.join(never)}"

    def _fixed(self, location: Location, outcomes: set[bool]) -> str:
        """That a condition is about a barrier which is the same in all designs, or nothing."""
        for _, decision in self.places.get(location, ()):
            asked, negated = decision.condition, False
            if isinstance(asked, Not):
                asked, negated = asked.operand, True
            if not isinstance(asked, BarrierOn):
                continue
            for outcome in outcomes:
                wanted = outcome != negated
                if all((asked.name in d.barriers) != wanted for d in self.system.designs):
                    return f"no design switches {asked.name} {'on' if wanted else 'off'}"
        return ""

    def _actions(self, file: str, line: int, branches: list[Branch]) -> str:
        """The actions that come here, where the function that the line is in is none of them."""
        names = dict.fromkeys(name for b in branches for name, _ in self.places.get(b.location, ()))
        around = reversed(self._lines(file)[: line - 1])
        function = next((m[1] for text in around if (m := DEFINITION.match(text))), "")
        if not names or function in {name.rpartition(".")[2] for name in names}:
            return ""
        return f" in {', '.join(names)}"

    def _lines(self, file: str) -> list[str]:
        if file not in self.texts:
            try:
                self.texts[file] = Path(file).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError):
                self.texts[file] = []
        return self.texts[file]


def _missed(outcomes: set[bool]) -> str:
    return "asked" if len(outcomes) > 1 else str(next(iter(outcomes))).lower()


def _shorten(text: str) -> str:
    return text if len(text) <= MOST_SOURCE else f"{text[: MOST_SOURCE - 3].rstrip()}..."
