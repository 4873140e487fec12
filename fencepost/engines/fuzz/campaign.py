"""Fuzzing: many random runs drawn by Hypothesis, each step looked around."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fencepost.core.branches import coverage
from fencepost.core.evidence import show_sizes
from fencepost.core.limits import (
    INTERRUPTED,
    MEMORY_LIMIT,
    STATES_LIMIT,
    TIME_LIMIT,
    Limits,
    Progress,
    Report,
)
from fencepost.core.questions import select
from fencepost.core.results import Answer, Cost, Result, grouped
from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, System
from fencepost.engines.fuzz.runs import Run, Surroundings
from fencepost.engines.fuzz.sights import Sights
from fencepost.engines.fuzz.stored import Stored

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

ENGINE = "fuzz"
EXAMPLES, STEPS, NEARBY = 100, 50, 1024
PROGRESS_S = 0.25


class Enough(BaseException):
    """The runs end here; a BaseException, which Hypothesis takes for no failure of a run."""


def fuzz(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    examples: int = EXAMPLES,
    steps: int = STEPS,
    nearby: int = NEARBY,
    seed: int = 0,
    database: ExampleDatabase | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Report | None = None,
) -> Result:
    """Random runs of a design: `examples` of them, of up to `steps` steps each.

    Around each state of a run the `nearby` nearest states are looked at too. What is met is
    VIOLATED (a `reachable` HOLDS), with a run made as short as dropping steps can make it; anything
    else is UNDECIDED. A `database` of Hypothesis keeps runs that were found, which are tried first
    the next time. The same seed gives the same answer.
    """
    campaign = Campaign(system, design, properties, limits, progress, nearby)
    try:
        campaign.go(examples, steps, seed, database)
        return campaign.result(seed)
    finally:
        campaign.around.free()
        campaign.sights.free()


class Campaign:
    """The runs of one design with what came of them."""

    def __init__(
        self,
        system: System,
        design: Design,
        properties: Iterable[str] | None,
        limits: Limits,
        progress: Report | None,
        nearby: int,
    ) -> None:
        began = time.perf_counter()
        self.system, self.design = system, design
        self.limits, self.progress = limits, progress
        self.starts = tuple(initial_states(system, design.barriers))
        questions = select(system, properties)
        self.around = Surroundings(system, design.barriers, nearby)
        self.sights = Sights(system, design, questions, self.starts)
        self.seek()
        self.started = self.told = time.perf_counter()
        self.compile_s = self.started - began
        self.stopped = ""
        self.start = self.around.stepper.pack(self.starts[0])
        self.visited: set[tuple[int, ...]] = set()
        self.runs = self.taken = self.deepest = 0

    def go(self, examples: int, steps: int, seed: int, database: ExampleDatabase | None) -> None:
        from fencepost.engines.fuzz.hypothesis_runs import run_examples

        try:
            stored = Stored(database, self.sights)
            stored.replay()
            self.seek()
            if self.sights.open and examples > 0:
                run_examples(self.around, self.starts, self.looked, examples, steps, seed)
        except Enough:
            pass
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
        stored.keep()

    def seek(self) -> None:
        """Look for what was not met yet."""
        sought = self.sights.open
        violations = self.sights.asked.violations
        self.around.seek(sought, [sight for sight in sought if sight in violations])

    def looked(self, run: Run) -> None:
        """Count a state that a run came to, keep what is near it, and end where that is due."""
        self.visited.add(run.state)
        self.runs += not run.steps
        self.taken += bool(run.steps)
        self.deepest = max(self.deepest, len(run.steps))
        if run.seen:
            for sight, way in run.seen.items():
                self.sights.note(sight, run.way(way.steps))
            self.seek()
            if not self.sights.open:
                raise Enough
        self.tell()

    def tell(self) -> None:
        """Tell how far the runs are, and end them at a limit."""
        now, limits, held = time.perf_counter(), self.limits, self.bytes
        if self.progress is not None and now - self.told >= PROGRESS_S:
            self.told = now
            spent = now - self.started
            self.progress(Progress(len(self.visited), self.taken, self.deepest, 0, spent, held))
        if limits.states is not None and len(self.visited) >= limits.states:
            self.stopped = STATES_LIMIT
            raise Enough
        if limits.seconds is not None and now - self.started >= limits.seconds:
            self.stopped = TIME_LIMIT
            raise Enough
        if limits.memory_bytes is not None and held > limits.memory_bytes:
            self.stopped = MEMORY_LIMIT
            raise Enough

    @property
    def bytes(self) -> int:
        """The memory that the runs hold: the states they came to, and room to look around."""
        each = sum(map(sys.getsizeof, (self.start, *self.start)))
        visited = sys.getsizeof(self.visited) + each * len(self.visited)
        return visited + self.around.nearby.bytes + self.sights.bytes

    def result(self, seed: int) -> Result:
        system, design, stepper = self.system, self.design, self.around.stepper
        ended = f": {self.stopped}" if self.stopped else ""
        covered = f"{grouped(self.runs)} random runs{show_sizes(system)}{ended}"
        answer = Answer(
            model=system.name,
            digest=system.digest,
            parameters=system.parameters,
            design=design.name,
            barriers=tuple(sorted(design.barriers)),
            engine=ENGINE,
            findings=self.sights.findings(covered),
            states=len(self.visited),
            transitions=self.taken,
            depth=self.deepest,
            stopped=self.stopped,
            coverage=coverage(system, stepper.steps_taken, stepper.leaves_reached),
            facts=(("seed", str(seed)), ("runs", str(self.runs))),
        )
        return Result(answer, Cost(time.perf_counter() - self.started, self.compile_s))
