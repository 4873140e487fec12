"""An implementation driven along a model: its counterexamples, a tour, random and drawn runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fencepost.core.errors import InputError, Location
from fencepost.core.limits import INTERRUPTED, MEMORY_LIMIT, TIME_LIMIT
from fencepost.core.results import grouped
from fencepost.core.system import Design, State, Step, System
from fencepost.engines.conform.adapter import Adapter
from fencepost.engines.conform.counterexamples import Followed
from fencepost.engines.conform.declared import check_declared
from fencepost.engines.conform.differences import Difference, Differs
from fencepost.engines.conform.driving import FITTING, Driving
from fencepost.engines.conform.outcomes import Claim, Conformance, Conformity, Scope, Violated
from fencepost.engines.conform.random_runs import random_runs
from fencepost.engines.conform.runs import Enough, Subject
from fencepost.engines.conform.shortest import Replays
from fencepost.engines.conform.space import Explored, Space, TooMany
from fencepost.engines.conform.tour import Tour

DRAWN_STEPS = 50
"""Hypothesis draws runs of at most so many steps."""
STEPS_LIMIT = "limit of steps reached"
MOST_TO_SHORTEN = 50_000
"""So many steps are performed at most to make the run to a difference shorter."""
PROGRESS_S = 0.25


@dataclass(frozen=True)
class Driven:
    """How far it is: what it does, and how much was performed and covered."""

    doing: str
    performed: int
    taken: int
    edges: int
    seconds: float


Watch = Callable[[Driven], None]


def conform(
    system: System,
    design: Design,
    adapter: type[Adapter],
    *,
    claims: Sequence[Claim] = (),
    driving: Driving = Driving(),  # noqa: B008  # frozen
    at: Location = Location("", 1),  # noqa: B008  # frozen
    watch: Watch | None = None,
) -> Conformance:
    """Drive an implementation along a design of a model, and say where they part.

    `claims` are the properties that the model violates at these sizes: the implementation has to
    follow it there. `at` is where the adapter is written. The same seed performs the same steps.
    """
    return Driver(system, design, adapter, claims, driving, at, watch).conformance()


def replay(
    system: System,
    design: Design,
    adapter: type[Adapter],
    initial: State,
    steps: Sequence[Step],
    at: Location,
) -> Difference | None:
    """The difference that trying these steps on a fresh implementation shows, if any."""
    check_declared(system, adapter, at)
    space = Space(system, design.barriers, adapter.unseen, adapter.left_out, FITTING)
    subject = Subject(system, design, adapter, space, lambda: None, at)
    return Replays(subject).difference(initial, steps)


class Driver:
    """One implementation at one design, with what was found and how far it got."""

    def __init__(
        self,
        system: System,
        design: Design,
        adapter: type[Adapter],
        claims: Sequence[Claim],
        driving: Driving,
        at: Location,
        watch: Watch | None,
    ) -> None:
        check_declared(system, adapter, at)
        self.system, self.design, self.claims, self.driving = system, design, claims, driving
        self.watch, self.began = watch, time.perf_counter()
        self.told = self.began
        self.doing, self.found_by, self.stopped = "start", "", ""
        self.space = Space(
            system, design.barriers, adapter.unseen, adapter.left_out, driving.fitting
        )
        if not self.space.driven:
            raise InputError(
                "F257",
                f"{adapter.__name__} performs no action of {system.name}",
                why="an implementation that is never told to do anything shows nothing",
                write="fewer actions in `unseen` and `left_out`",
                at=at,
            )
        self.subject = Subject(system, design, adapter, self.space, self.spend, at)
        self.followed = Followed(self.subject)
        self.explored: Explored | None = None
        self.tour: Tour | None = None
        self.traces = self.examples = 0
        self.difference: Difference | None = None
        self._to_shorten: int | None = None

    def spend(self) -> None:
        """Called before each step that is tried: tells how far it is, and ends it at a limit."""
        driving, performed = self.driving, self.subject.performed
        if self.subject.shortest is not None:  # all that comes after a difference makes it shorter
            self._to_shorten = self._to_shorten or performed + MOST_TO_SHORTEN
            if performed >= self._to_shorten:
                raise Enough
        elif driving.steps is not None and performed >= driving.steps:
            self.stopped = STEPS_LIMIT
            raise Enough
        if performed & 31 == 0:
            self.check()

    def check(self) -> None:
        now, limits = time.perf_counter(), self.driving.limits
        if self.watch is not None and now - self.told >= PROGRESS_S:
            self.told = now
            edges = self.tour.edges if self.tour is not None else 0
            taken = len(self.subject.taken)
            spent = now - self.began
            self.watch(Driven(self.doing, self.subject.performed, taken, edges, spent))
        if limits.seconds is not None and now - self.began >= limits.seconds:
            self.stopped = self.stopped or TIME_LIMIT
            raise Enough
        if limits.memory_bytes is not None and self.space.bytes > limits.memory_bytes:
            self.stopped = self.stopped or MEMORY_LIMIT
            raise Enough
        if limits.states is not None and self.space.count > limits.states:
            self.stopped = self.stopped or f"more than {grouped(limits.states)} states"
            raise Enough

    def conformance(self) -> Conformance:
        """Everything that is performed, in order; what ends it early is told."""
        try:
            self._drive()
        except Differs as found:
            self.difference, self.found_by = found.difference, self.doing
            if isinstance(found.__cause__, KeyboardInterrupt):
                self.stopped = INTERRUPTED
                return self._result()
        except Enough:
            pass
        except TooMany:
            most = grouped(self.driving.fitting)
            self.stopped = f"more than {most} states of the model fit what was seen"
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
        result = self._result()
        return result if result.difference is None else self._shortened(result, result.difference)

    def _drive(self) -> None:
        driving, subject = self.driving, self.subject
        with subject.begin() as run:
            starts = subject.starts or sorted(run.ready)
        self.doing = "exploring the model"
        self.explored = self.space.explored(starts, self.check)
        self.doing = "counterexample"
        for claim in self.claims:
            self.followed.follow(claim, self.explored)
        self.doing = "tour"
        self.tour = Tour(subject, self.explored)
        self.tour.go()
        self.doing = "random"
        before = subject.runs
        with self._counting(lambda: setattr(self, "traces", subject.runs - before)):
            random_runs(subject, driving.traces, driving.length, driving.seed)
        self.doing = "hypothesis"
        if driving.examples:
            from fencepost.engines.conform.machine import hypothesis_runs

            drawn = subject.runs
            with self._counting(lambda: setattr(self, "examples", subject.runs - drawn)):
                hypothesis_runs(subject, driving.examples, DRAWN_STEPS, driving.seed)
        self.doing = ""

    @contextmanager
    def _counting(self, count: Callable[[], None]) -> Iterator[None]:
        try:
            yield
        finally:
            count()

    def _shortened(self, found: Conformance, difference: Difference) -> Conformance:
        """The same with a shorter run to the difference; the best one so far stays at a limit."""
        replays = Replays(self.subject)
        self._to_shorten = self.subject.performed + MOST_TO_SHORTEN
        again = True
        try:
            again = replays.shorten(difference, self.explored)
        except KeyboardInterrupt:
            found = replace(found, stopped=INTERRUPTED)
        except Enough:
            pass
        seconds = time.perf_counter() - self.began
        return replace(found, difference=replays.best or difference, again=again, seconds=seconds)

    def _result(self) -> Conformance:
        subject, steps = self.subject, self.system.steps
        violated = {
            name: Violated(name, tuple(steps[number] for number in numbers))
            for name, numbers in {**subject.violations, **self.followed.shown}.items()
        }
        complete = self.tour is not None and self.tour.covered >= self.tour.edges
        if complete and self.explored is not None:
            for name in self.followed.unreached(self.explored):
                violated.setdefault(name, Violated(name, ()))
        not_shown = [c.property for c in self.claims if c.property not in violated]
        if self.difference is not None:
            verdict = Conformity.DIFFERS
        elif (
            violated
            and set(self.followed.beyond).issuperset(not_shown)
            and self.stopped != INTERRUPTED
        ):
            verdict = Conformity.VIOLATED  # at a limit too: what was shown stays so
        elif self.stopped:
            verdict = Conformity.UNDECIDED
        else:
            verdict = Conformity.VIOLATED if violated else Conformity.HOLDS
        return Conformance(
            design=self.design.name,
            verdict=verdict,
            scope=Scope(
                states=len(self.explored) if self.explored is not None else self.space.count,
                edges=self.tour.edges if self.tour is not None else 0,
                taken=len(subject.taken),
                refused=len(subject.refused),
                traces=self.traces,
                examples=self.examples,
                performed=subject.performed,
                blurred=subject.blurred,
            ),
            violated=tuple(violated.values()),
            not_shown=tuple(dict.fromkeys(not_shown)),
            beyond=tuple(name for name in self.followed.beyond if name not in violated),
            difference=self.difference,
            found_by=self.found_by,
            stopped=self.stopped if self.difference is None or self.stopped == INTERRUPTED else "",
            seed=self.driving.seed,
            seconds=time.perf_counter() - self.began,
        )
