"""Exhaustive search by the compiled kernel."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fencepost.core.evidence import Way
from fencepost.core.limits import (
    FIRST_VIOLATION,
    INTERRUPTED,
    MEMORY_LIMIT,
    STATES_LIMIT,
    TIME_LIMIT,
    Limits,
    Progress,
    Report,
)
from fencepost.core.machine import machine_memory
from fencepost.core.questions import Questions, select
from fencepost.core.results import Cost, Result, grouped
from fencepost.core.semantics import initial_states, perform
from fencepost.core.system import LIVENESS, Design, System
from fencepost.core.trees import Fault
from fencepost.engines.explore.findings import Searched, answer
from fencepost.kernel.backward import AT_ONCE, Backward
from fencepost.kernel.compiled import compiled, premise_watches
from fencepost.kernel.control import Slot, Status
from fencepost.kernel.native_loop import native_loop
from fencepost.kernel.search import Search

PROGRESS_S = 0.25


def explore(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    first: bool = False,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Report | None = None,
) -> Result:
    """Every reachable state of a design, and what its properties come to there.

    `properties` are names, the built-in ones included; `first` ends the search at the first
    violation. A search that ends early, also by an interrupt, says so in its answer.
    """
    exhaustive = Exhaustive(system, design, select(system, properties), limits, progress)
    try:
        exhaustive.run(first=first)
        return exhaustive.result()
    finally:
        exhaustive.search.free()


class OutOfTime(Exception):
    """The limit of time is reached."""


class Exhaustive:
    """One search with its limits; the graph is read from it too."""

    def __init__(
        self,
        system: System,
        design: Design,
        questions: Questions,
        limits: Limits,
        progress: Report | None,
    ) -> None:
        began = time.perf_counter()
        self.system, self.design, self.questions = system, design, questions
        self.limits, self.progress = limits, progress
        self.kernel = compiled(system)
        native_loop()
        self.started = self.told = time.perf_counter()
        self.compile_s = self.started - began
        self.search_s = 0.0
        self.search = Search(system, self.kernel, design.barriers)
        self.stopped = ""
        self.hopeless: dict[int, int] = {}
        self.premises: dict[int, int] = {}
        self.lassos: dict[int, Way] = {}
        self.undecided: dict[int, str] = {}
        self.peak = 0

    def run(self, *, first: bool = False) -> None:
        """Search until everything is seen or a limit is met."""
        self.ask(first=first)
        try:
            self.stopped = self.seek()
            if not self.stopped:
                self.look_back()
            if not self.stopped:
                self.look_for_lassos()
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
        self.peak = max(self.peak, self.search.bytes())
        self.search_s = time.perf_counter() - self.started

    def ask(self, *, first: bool) -> None:
        search, questions = self.search, self.questions
        search[Slot.STOP_AT_VIOLATION] = int(first)
        search[Slot.WANT_FAULT] = int(questions.no_fault)
        search[Slot.WANT_STUCK] = int(questions.no_stuck_state)
        if self.limits.states is not None:
            search[Slot.STATES_LIMIT] = self.limits.states
        for question in questions.asked:
            watch = question.number + 1
            of_states = question.property.kind in ("always", "reachable")
            search.wanted[watch] = 255 if of_states else 0
            search.bad[watch] = int(question.property.kind == "always")
        self.premises = premise_watches(self.system)
        for question in questions.of_kind("leads_to"):
            search.wanted[self.premises[question.number]] = 255

    def seek(self) -> str:
        """Advance to the end; why it ended early, or nothing."""
        memory = self.limits.memory_bytes
        self.search.reserve(machine_memory() * 3 // 4 if memory is None else memory)
        if not self.search.start(initial_states(self.system, self.design.barriers)):
            return MEMORY_LIMIT
        while True:
            match self.search.advance():
                case Status.DONE:
                    return ""
                case Status.VIOLATION:
                    return FIRST_VIOLATION
                case Status.STATES_LIMIT:
                    return STATES_LIMIT
                case Status.OUT_OF_MEMORY:
                    return MEMORY_LIMIT
                case _:
                    self.tell()
                    if self.out_of_time():
                        return TIME_LIMIT

    def out_of_time(self) -> bool:
        seconds = self.limits.seconds
        return seconds is not None and time.perf_counter() - self.started >= seconds

    def tell(self) -> None:
        now, search = time.perf_counter(), self.search
        if self.progress is None or now - self.told < PROGRESS_S:
            return
        self.told = now
        self.progress(
            Progress(
                states=search[Slot.COUNT],
                transitions=search[Slot.TRANSITIONS],
                depth=search[Slot.LEVEL],
                frontier=search[Slot.COUNT] - search[Slot.EXPANDED],
                seconds=now - self.started,
                bytes=search.bytes(),
            )
        )

    def look_back(self) -> None:
        """Decide every `always_possible`, or say why it is not decided."""
        questions = self.questions.of_kind("always_possible")
        if not questions:
            return
        backward = Backward(self.search, self.check)
        self.undecided = {q.number: f"not decided: {INTERRUPTED}" for q in questions}
        needed = backward.bytes_needed() + self.search.bytes()
        try:
            if needed > self.search.memory_bytes:
                self.give_up(MEMORY_LIMIT)
                return
            self.peak = needed
            for start in range(0, len(questions), AT_ONCE):
                asked = questions[start : start + AT_ONCE]
                found = backward.first_hopeless([q.number + 1 for q in asked])
                for question, number in zip(asked, found, strict=True):
                    del self.undecided[question.number]
                    if number is not None:
                        self.hopeless[question.number] = number
        except OutOfTime:
            self.give_up(TIME_LIMIT)

    def look_for_lassos(self) -> None:
        """Decide every `leads_to` and `eventually`, or say why it is not decided."""
        questions = self.questions.of_kind(*LIVENESS)
        if not questions:
            return
        from fencepost.engines.explore.liveness import MOST_EDGES, Liveness

        liveness = Liveness(self.system, self.search, self.check)
        open_ = {q.number: f"not decided: {INTERRUPTED}" for q in questions}
        self.undecided |= open_
        needed = liveness.bytes_needed() + self.search.bytes()
        why = MEMORY_LIMIT if needed > self.search.memory_bytes else ""
        if self.search[Slot.TRANSITIONS] > MOST_EDGES:
            why = f"more than {grouped(MOST_EDGES)} transitions"
        if not why:
            self.peak = max(self.peak, needed)
            try:
                for question, way in liveness.decide(questions):
                    del self.undecided[question.number], open_[question.number]
                    if way is not None:
                        self.lassos[question.number] = way
            except OutOfTime:
                why = TIME_LIMIT
        if why:
            self.stopped = why
            self.undecided |= dict.fromkeys(
                open_, f"all states seen, but not every run of them: {why}"
            )

    def give_up(self, why: str) -> None:
        self.stopped = why
        self.undecided = dict.fromkeys(
            self.undecided, f"all states seen, but not from which the goal is lost: {why}"
        )

    def check(self) -> None:
        self.tell()
        if self.out_of_time():
            raise OutOfTime

    # What came of it.

    def result(self) -> Result:
        cost = Cost(self.search_s, self.compile_s, self.peak)
        return Result(answer(self.system, self.design, self.questions, self.facts()), cost)

    def facts(self) -> Searched:
        search, steps = self.search, self.system.steps
        met = dict(self.hopeless)
        for question in self.questions.asked:
            if search.met[question.number + 1] >= 0:
                met[question.number] = search.met[question.number + 1]
        return Searched(
            states=search[Slot.COUNT],
            expanded=search[Slot.EXPANDED],
            transitions=search[Slot.TRANSITIONS],
            depth=search[Slot.LEVEL] - 1,
            complete=self.complete(),
            stopped=self.stopped,
            ways={number: self.way(state) for number, state in met.items()} | self.lassos,
            undecided=self.undecided,
            fault=self.fault(),
            stuck=None if search[Slot.STUCK] < 0 else self.way(search[Slot.STUCK]),
            steps_taken=frozenset(s for n, s in enumerate(steps) if search.fired[n]),
            leaves_reached=frozenset(
                leaf for n, leaf in enumerate(self.kernel.leaves) if search.coverage[n]
            ),
            premises=frozenset(
                question.property.name
                for question in self.questions.of_kind("leads_to")
                if search.met[self.premises[question.number]] >= 0
            ),
        )

    def complete(self) -> bool:
        """Whether every reachable state was expanded."""
        search = self.search
        return search[Slot.EXPANDED] == search[Slot.COUNT] > 0 or not self.stopped

    def way(self, number: int) -> Way:
        initial, steps = self.search.way(number)
        return Way(initial, tuple(self.system.steps[step] for step in steps))

    def fault(self) -> Way | None:
        """The way to the first fault, with the step that faults."""
        group, count = self.search[Slot.FAULT_GROUP], self.search[Slot.FAULT_COUNT]
        if group < 0:
            return None
        states = [self.search.state(group + lane) for lane in range(count)]
        for step in self.system.steps:
            for lane, state in enumerate(states):
                outcome = perform(self.system, self.design.barriers, state, step)
                if isinstance(outcome, Fault):
                    way = self.way(group + lane)
                    return Way(way.initial, (*way.steps, step))
        raise AssertionError("the interpreter sees no fault in the group that has one")
