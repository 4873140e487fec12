"""Plain breadth-first search over the interpreter: short, slow, what the fast one must equal."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fencepost.core.evidence import Way
from fencepost.core.limits import (
    FIRST_VIOLATION,
    INTERRUPTED,
    STATES_LIMIT,
    TIME_LIMIT,
    Limits,
    Progress,
    Report,
)
from fencepost.core.questions import Question, Questions, select
from fencepost.core.results import Cost, Result
from fencepost.core.semantics import (
    Successor,
    decide,
    failing_instances,
    fair_steps,
    initial_states,
    is_final,
    meets,
    perform,
    raises,
)
from fencepost.core.system import LIVENESS, Design, State, Step, System
from fencepost.core.trees import Decide, Disabled, Fault, leaves
from fencepost.engines.explore.findings import Searched, answer
from fencepost.kernel.control import BATCH, LANES


def explore_by_interpreter(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    first: bool = False,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Report | None = None,
) -> Result:
    """What `explore` answers, by the interpreter alone; a limit of memory is not looked at."""
    questions = select(system, properties)
    search = _Search(system, design, questions, first=first, limits=limits, progress=progress)
    search.run()
    found = search.facts()
    cost = Cost(search_s=time.perf_counter() - search.started)
    return Result(answer(system, design, questions, found), cost)


class _Search:
    def __init__(
        self,
        system: System,
        design: Design,
        questions: Questions,
        *,
        first: bool,
        limits: Limits,
        progress: Report | None,
    ) -> None:
        self.system, self.barriers, self.questions = system, design.barriers, questions
        self.first, self.limits, self.progress = first, limits, progress
        self.started = self.told = time.perf_counter()
        self.states: list[State] = []
        self.number: dict[State, int] = {}
        self.parents: list[tuple[int, Step] | None] = []
        self.depths: list[int] = []
        self.edges: list[tuple[int, int, Step]] = []
        self.ended: set[int] = set()
        self.expanded = 0
        self.depth_done = -1
        self.stopped = ""
        self.met: dict[int, int] = {}
        self.fault: tuple[int, Step] | None = None
        self.stuck: int | None = None
        self.steps_taken: set[Step] = set()
        self.premises: set[str] = set()
        self.leaves_reached: set[tuple[str, int]] = set()
        self.leaf_counts: dict[int, int] = {}

    def run(self) -> None:
        try:
            for state in initial_states(self.system, self.barriers):
                self.discover(state, None, 0)
            while self.expanded < len(self.states) and not self.stopped:
                self.expand_batch()
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED

    def discover(self, state: State, parent: tuple[int, Step] | None, depth: int) -> int:
        known = self.number.get(state)
        if known is None:
            known = self.number[state] = len(self.states)
            self.states.append(state)
            self.parents.append(parent)
            self.depths.append(depth)
        return known

    def expand_batch(self) -> None:
        start, depth = self.expanded, self.depths[self.expanded]
        end = start
        while end < len(self.states) and end < start + BATCH and self.depths[end] == depth:
            end += 1
        for group in range(start, end, LANES):
            self.expand_group(range(group, min(group + LANES, end)), depth)
        self.expanded = end
        last = end == len(self.states)
        if last or self.depths[end] > depth:
            self.depth_done = depth
        if not last:
            self.stopped = self.reason_to_stop()
        self.tell(depth)

    def expand_group(self, group: range, depth: int) -> None:
        enabled: set[int] = set()
        for number in group:
            for question in self.questions.asked:
                if question.number not in self.met and self.meets(self.states[number], question):
                    self.met[question.number] = number
                if question.property.name not in self.premises and self.raised(number, question):
                    self.premises.add(question.property.name)
        for step in self.system.steps:
            for number in group:
                state = self.states[number]
                path = decide(self.system, self.barriers, state, step)[0]
                self.leaves_reached.add((step.action, self.leaf_number(path)))
                outcome = perform(self.system, self.barriers, state, step)
                if not isinstance(outcome, Disabled):
                    enabled.add(number)
                if isinstance(outcome, Successor):
                    self.steps_taken.add(step)
                    to = self.discover(outcome.state, (number, step), depth + 1)
                    self.edges.append((number, to, step))
                elif isinstance(outcome, Fault) and self.fault is None:
                    self.fault = (number, step)
        self.ended |= set(group) - enabled
        for number in group:
            if self.stuck is not None or number in enabled:
                continue
            if not is_final(self.system, self.barriers, self.states[number]):
                self.stuck = number

    def leaf_number(self, path: tuple[tuple[Decide, bool], ...]) -> int:
        """The number of the leaf that a path leads to: how many leaves lie before it."""
        return sum(self.leaf_count(decision) for decision, taken in path if not taken)

    def leaf_count(self, decision: Decide) -> int:
        """How many leaves there are where the condition holds."""
        known = self.leaf_counts.get(id(decision))
        if known is None:
            known = self.leaf_counts[id(decision)] = sum(1 for _ in leaves(decision.then))
        return known

    def meets(self, state: State, question: Question) -> bool:
        """Whether a state violates an `always`, or satisfies a `reachable`."""
        prop = question.property
        if prop.kind == "always":
            return bool(failing_instances(self.system, self.barriers, state, prop))
        return prop.kind == "reachable" and self.satisfies(state, question)

    def raised(self, number: int, question: Question) -> bool:
        prop, values = question.property, question.values
        state = self.states[number]
        return prop.kind == "leads_to" and raises(self.system, self.barriers, state, prop, values)

    def satisfies(self, state: State, question: Question) -> bool:
        return meets(self.system, self.barriers, state, question.property, question.values)

    def violated(self) -> bool:
        return (
            any(q.number in self.met for q in self.questions.of_kind("always"))
            or (self.questions.no_fault and self.fault is not None)
            or (self.questions.no_stuck_state and self.stuck is not None)
        )

    def reason_to_stop(self) -> str:
        limits = self.limits
        if self.first and self.violated():
            return FIRST_VIOLATION
        if limits.states is not None and len(self.states) >= limits.states:
            return STATES_LIMIT
        if limits.seconds is not None and self.seconds() >= limits.seconds:
            return TIME_LIMIT
        return ""

    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def tell(self, depth: int) -> None:
        now = time.perf_counter()
        if self.progress is not None and now - self.told >= 0.25:
            self.told = now
            waiting = len(self.states) - self.expanded
            self.progress(
                Progress(len(self.states), len(self.edges), depth, waiting, self.seconds(), 0)
            )

    def way(self, number: int) -> Way:
        steps: list[Step] = []
        while (parent := self.parents[number]) is not None:
            number, step = parent
            steps.append(step)
        return Way(self.states[number], tuple(reversed(steps)))

    def first_hopeless(self, question: Question) -> int | None:
        """The first state from which no goal state can be reached."""
        before: list[list[int]] = [[] for _ in self.states]
        for source, target, _ in self.edges:
            before[target].append(source)
        hopeful = {n for n, s in enumerate(self.states) if self.satisfies(s, question)}
        pending = list(hopeful)
        while pending:
            for number in before[pending.pop()]:
                if number not in hopeful:
                    hopeful.add(number)
                    pending.append(number)
        return next((n for n in range(len(self.states)) if n not in hopeful), None)

    def lasso(self, question: Question) -> Way | None:
        """A fair run that violates a liveness question."""
        from fencepost.engines.explore.fair_runs_oracle import fair_lasso

        prop, values = question.property, question.values
        pending = {n for n, state in enumerate(self.states) if not self.satisfies(state, question)}
        if prop.kind == "eventually":
            begins = [n for n, depth in enumerate(self.depths) if depth == 0]
        else:
            begins = [
                n
                for n, state in enumerate(self.states)
                if raises(self.system, self.barriers, state, prop, values)
            ]
        fair = dict(fair_steps(self.system))
        found = fair_lasso(self.edges, begins, pending, self.ended, fair)
        if found is None:
            return None
        begin, stem, loop = found
        way = self.way(begin)
        steps = (*way.steps, *(step for _, _, step in (*stem, *loop)))
        return Way(way.initial, steps, len(way.steps) + len(stem))

    def facts(self) -> Searched:
        complete = not self.stopped
        met = dict(self.met)
        lassos = {}
        if complete:
            for question in self.questions.of_kind("always_possible"):
                hopeless = self.first_hopeless(question)
                if hopeless is not None:
                    met[question.number] = hopeless
            for question in self.questions.asked:
                if question.property.kind in LIVENESS:
                    way = self.lasso(question)
                    if way is not None:
                        lassos[question.number] = way
        fault = None
        if self.fault is not None:
            way = self.way(self.fault[0])
            fault = Way(way.initial, (*way.steps, self.fault[1]))
        return Searched(
            states=len(self.states),
            expanded=self.expanded,
            transitions=len(self.edges),
            depth=self.depth_done,
            complete=complete,
            stopped=self.stopped,
            ways={number: self.way(state) for number, state in met.items()} | lassos,
            undecided={},
            fault=fault,
            stuck=None if self.stuck is None else self.way(self.stuck),
            steps_taken=frozenset(self.steps_taken),
            leaves_reached=frozenset(self.leaves_reached),
            premises=frozenset(self.premises),
        )
