"""A state machine that fails where a property is violated: a test in a file of pytest."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import Phase, settings

from fencepost.core.evidence import Way
from fencepost.core.questions import Questions
from fencepost.core.results import Finding
from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, State, Step, System
from fencepost.engines.fuzz.machine import SystemMachine, machine_class
from fencepost.engines.fuzz.runs import Run, Surroundings
from fencepost.engines.fuzz.sights import Sights
from fencepost.kernel.nearby import Sight

Tell = Callable[[Finding], str]
"""A violation in words."""


class Violated(AssertionError):
    """A run violates a property. As text, it has a run made as short as possible: that is worked
    out when somebody reads it, and not for each of the runs that Hypothesis tries."""

    def __init__(self, finding: Finding, text: Callable[[], str]) -> None:
        super().__init__(finding.property)
        self.finding = finding
        self._text = cache(text)

    def __str__(self) -> str:
        return self._text()


class Subject:
    """One design of a system as a test has it, compiled when it is first run."""

    def __init__(
        self, system: System, design: Design, questions: Questions, nearby: int, tell: Tell
    ) -> None:
        self.starts: tuple[State, ...] = tuple(initial_states(system, design.barriers))
        self.around = Surroundings(system, design.barriers, nearby)
        self.sights = Sights(system, design, questions, self.starts)
        self.around.seek(self.sights.asked.violations, self.sights.asked.violations)
        self.tell = tell

    def violated(self, sight: Sight, way: Way) -> Violated:
        """What to raise for a run, which the interpreter confirms."""
        sights, tell = self.sights, self.tell
        return Violated(
            sights.finding(sight, way),
            lambda: tell(sights.finding(sight, sights.shortened(sight, way))),
        )


class FailingMachine(SystemMachine):
    """Goes to a violation as soon as one is near, and fails there."""

    subject: Callable[[], Subject]

    def __init__(self) -> None:
        super().__init__()
        self.ahead: tuple[Sight, list[Step]] | None = None

    def looked(self, run: Run) -> None:
        __tracebackhide__ = True
        if self.ahead is None and run.seen:
            sight, way = min(run.seen.items(), key=lambda seen: len(seen[1].steps))
            self.ahead = sight, list(way.steps)
            run.looking = False
        elif self.ahead is not None:
            self.ahead[1].pop(0)
        if self.ahead is not None and not self.ahead[1]:
            raise type(self).subject().violated(self.ahead[0], run.way())

    def choices(self, run: Run) -> list[Step]:
        return super().choices(run) if self.ahead is None else self.ahead[1][:1]


def case_of(
    name: str, system: System, design: Design, questions: Questions, nearby: int, tell: Tell
) -> type[unittest.TestCase]:
    """The test of a design, under a name that Hypothesis files its examples by."""

    @cache
    def subject() -> Subject:
        return Subject(system, design, questions, nearby, tell)

    made = machine_class(
        name,
        FailingMachine,
        subject=staticmethod(subject),
        around=property(lambda _machine: subject().around),
        starts=property(lambda _machine: subject().starts),
    )
    case: Any = made.TestCase
    # What lines of this package failing runs have in common explains nothing to anybody, and there
    # is no function to put a decorator on that would perform a run again.
    phases = [phase for phase in case.settings.phases if phase is not Phase.explain]
    case.settings = settings(case.settings, phases=phases, print_blob=False)
    # Compiling belongs to no run, so it is before the first and counts for no deadline.
    case.setUpClass = classmethod(lambda _case: subject() and None)
    return case  # type: ignore[no-any-return]  # Hypothesis makes the class
