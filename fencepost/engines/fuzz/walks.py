"""Compiled random walks: millions of steps a second, for what lies deep."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fencepost.core.branches import coverage
from fencepost.core.evidence import Way, show_sizes
from fencepost.core.limits import INTERRUPTED, MEMORY_LIMIT, TIME_LIMIT, Limits, Progress, Report
from fencepost.core.questions import select
from fencepost.core.results import Answer, Cost, Result, grouped
from fencepost.core.semantics import initial_states, perform
from fencepost.core.system import NO_FAULT, Design, State, System
from fencepost.core.trees import Fault
from fencepost.engines.fuzz.sights import Sights
from fencepost.kernel.compiled import compiled
from fencepost.kernel.stepping import Stepper
from fencepost.kernel.walks import Met, Walks, performed_again

ENGINE = "walk"
WALKS, STEPS = 100_000, 100
SLICE = 200_000
"""After so many steps, progress is told and the limits are looked at."""
PROGRESS_S = 0.25


def walk(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    walks: int = WALKS,
    steps: int = STEPS,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Report | None = None,
) -> Result:
    """Random walks of a design: `walks` of them, of up to `steps` steps each.

    Every other walk draws each step among those that are enabled; the rest keep to an order of the
    steps, drawn once for each, and deviate from it now and then. What is met is VIOLATED (a
    `reachable` HOLDS), with a run made as short as dropping steps can make it; anything else is
    UNDECIDED. The walks end when everything was met. The same seed gives the same answer. `limits`
    of states do not apply: walks keep none.
    """
    walker = Walker(system, design, properties, walks, steps, seed)
    try:
        walker.go(limits, progress)
    except KeyboardInterrupt:
        walker.stopped = INTERRUPTED
    try:
        return walker.result()
    finally:
        walker.sights.free()


class Walker:
    """The walks of one design with what came of them."""

    def __init__(
        self,
        system: System,
        design: Design,
        properties: Iterable[str] | None,
        walks: int,
        steps: int,
        seed: int,
    ) -> None:
        began = time.perf_counter()
        self.system, self.design, self.seed, self.length = system, design, seed, steps
        questions = select(system, properties)
        self.starts = tuple(initial_states(system, design.barriers))
        kernel = compiled(system)
        self.sights = Sights(system, design, questions, self.starts)
        self.stepper = Stepper(system, kernel, design.barriers)
        self.walks = Walks(
            system,
            kernel,
            design.barriers,
            [kernel.layout.pack(state) for state in self.starts],
            seed=seed,
            walks=walks,
            length=steps,
        )
        self.walks.seek(self.sights.open)
        self.started = self.told = time.perf_counter()
        self.compile_s = self.started - began
        self.stopped = ""

    def go(self, limits: Limits, progress: Report | None) -> None:
        """Walk until everything is met, a limit is reached, or no walk is left."""
        going = True
        while going and self.sights.open:
            if limits.memory_bytes is not None and self.bytes > limits.memory_bytes:
                self.stopped = MEMORY_LIMIT
                return
            going = self.walks.advance(SLICE)
            for sight, met in self.walks.met.items():
                if sight not in self.sights.ways:
                    self.sights.note(sight, self.way(met, faults=sight == NO_FAULT))
            now = time.perf_counter()
            if progress is not None and now - self.told >= PROGRESS_S:
                self.told = now
                spent = now - self.started
                progress(Progress(0, self.walks.taken, self.length, 0, spent, self.bytes))
            if limits.seconds is not None and now - self.started >= limits.seconds:
                self.stopped = TIME_LIMIT
                return

    @property
    def bytes(self) -> int:
        """The memory that the walks hold, whatever their number and length."""
        return self.walks.bytes + self.sights.bytes

    def way(self, met: Met, *, faults: bool) -> Way:
        """The run of a walk up to where it met something, with the step that faults there."""
        initial, numbers, state = performed_again(
            self.seed, met.walk, met.at, self.starts, self.moves
        )
        steps = tuple(self.system.steps[number] for number in numbers)
        if faults:
            barriers = self.design.barriers
            outcomes = (
                (step, perform(self.system, barriers, state, step)) for step in self.system.steps
            )
            steps += (next(step for step, outcome in outcomes if isinstance(outcome, Fault)),)
        return Way(initial, steps)

    def moves(self, state: State) -> list[tuple[int, State]]:
        return [
            (number, self.stepper.unpack(after))
            for number, after in self.stepper.numbered(self.stepper.pack(state))
        ]

    def result(self) -> Result:
        system, design, walks = self.system, self.design, self.walks
        ended = f": {self.stopped}" if self.stopped else ""
        covered = (
            f"{grouped(walks.taken)} steps of {grouped(walks.begun)} random walks"
            f"{show_sizes(system)}{ended}"
        )
        answer = Answer(
            model=system.name,
            digest=system.digest,
            parameters=system.parameters,
            design=design.name,
            barriers=tuple(sorted(design.barriers)),
            engine=ENGINE,
            findings=self.sights.findings(covered),
            transitions=walks.taken,
            depth=self.length,
            stopped=self.stopped,
            coverage=coverage(system, walks.steps_taken, walks.leaves_reached),
            facts=(("seed", str(self.seed)), ("walks", str(walks.begun))),
        )
        return Result(answer, Cost(time.perf_counter() - self.started, self.compile_s))
