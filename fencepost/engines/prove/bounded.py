"""Bounded search: the shortest violation within so many steps, by a solver.

Biere, Cimatti, Clarke, Zhu: Symbolic model checking without BDDs (1999). It enumerates no states,
and finds a violation where there are too many of them; that there is none it says of so many steps
only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import z3

from fencepost.core.evidence import Evidence, Way, show_sizes
from fencepost.core.limits import INTERRUPTED, Limits, Progress, Report
from fencepost.core.questions import Question, Questions, select
from fencepost.core.results import Answer, Cost, Finding, Result, Verdict, count_steps
from fencepost.core.semantics import show_instance
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, Step, System
from fencepost.engines.prove.runs import Runs, satisfied
from fencepost.engines.prove.solver import Bounded, GaveUp, RunEnded, Satisfied
from fencepost.engines.prove.truths import Truth, all_of, any_of, negation

ENGINE = "bounded"
STEPS = 20
NOT_DECIDED = "bounded search does not decide it"


def bounded(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    steps: int = STEPS,
    share: int | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Report | None = None,
) -> Result:
    """The shortest violation of each safety property within so many steps.

    Without one, a property HOLDS for runs of so many steps, and the scope says of how many. It is
    open beyond them (`Finding.bound`) unless no state is further away. `Answer.depth` is how many
    steps deep the search came. A `reachable` is decided where it is reached; other kinds stay
    undecided. A search that ends early, also by an interrupt, says how far it came. `share` is the
    work, in the solver's resource units, after which it ends: as much for what must hold as for
    what must be reached.
    """
    asked = select(system, properties)
    search = BoundedSearch(system, design, limits, progress, share)
    stopped = ""
    reachable = replace(
        asked, asked=asked.of_kind("reachable"), no_fault=False, no_stuck_state=False
    )
    safety = replace(asked, asked=asked.of_kind("always"))
    try:
        with search.run.interruptible():
            for part in (safety, reachable):
                try:
                    for _ in search.depths(part, steps):
                        pass
                except RunEnded:
                    raise
                except GaveUp as end:
                    stopped = stopped or end.why
    except KeyboardInterrupt:
        stopped = INTERRUPTED
    except RunEnded as end:
        stopped = end.why
    answer = Answer(
        model=system.name,
        digest=system.digest,
        parameters=system.parameters,
        design=design.name,
        barriers=tuple(sorted(design.barriers)),
        engine=ENGINE,
        findings=tuple(search.findings(asked, steps, stopped)),
        depth=search.depth,
        stopped=stopped,
    )
    return Result(answer, Cost(search_s=search.run.seconds))


Asked = Question | str
"""A question, or the name of a built-in property."""


@dataclass
class Found:
    """What is known of one thing asked: the run that answers it, and the depths without one."""

    way: Way | None = None
    depth: int = -1
    complete: bool = False


@dataclass
class BoundedSearch:
    """One bounded search of a design; the base case of an induction is one, too."""

    system: System
    design: Design
    limits: Limits = field(default_factory=Limits)
    progress: Report | None = None
    share: int | None = None

    def __post_init__(self) -> None:
        self.run = Bounded(self.limits, self.share)
        self.evidence = Evidence(self.system, self.design)
        self.found: dict[Asked, Found] = {}
        self.depth = 0
        self.told = time.perf_counter()

    def depths(self, asked: Questions, steps: int) -> Iterator[int]:
        """Look for a run to each thing asked, shortest first; gives each depth that is done.

        It ends at `steps`, where everything has a run, or where no state is further away.
        """
        open_: list[Asked] = [*asked.asked]
        open_ += [NO_FAULT] if asked.no_fault else []
        open_ += [NO_STUCK_STATE] if asked.no_stuck_state else []
        if not open_:
            return
        self.found |= {name: Found() for name in open_}
        filled = any(isinstance(a, Question) and a.filling for a in open_)
        runs = Runs(self.system, self.design.barriers, self.run, ordered=True, named=not filled)
        solver = z3.SolverFor("QF_FD", ctx=runs.encoding.context)
        runs.begin(solver)
        for depth in range(steps + 1):
            self.tell(depth)
            if depth:
                runs.extend(solver)
                if self.run.check(solver) is Satisfied.NO:
                    for name in open_:
                        self.found[name].complete = True
                    return
            asked_now = [a for a in open_ if a != NO_FAULT or depth < steps]
            answered = [a for a in asked_now if self._answers(runs, solver, depth, a)]
            open_ = [a for a in open_ if a not in answered]
            self.depth = max(self.depth, depth)
            yield depth
            if not open_:
                return

    def _answers(self, runs: Runs, solver: Any, depth: int, asked: Asked) -> bool:
        """Whether a run of this length answers what is asked; it is kept.

        A fault is a step more, so the state in which it happens is a step less away.
        """
        known = self.found[asked]
        truth = self._truth(runs, depth, asked)
        if truth is not False:
            wanted = runs.encoding.variable(f"answer {list(self.found).index(asked)}@{depth}")
            solver.add(z3.Implies(wanted, runs.encoding.term(truth)))
            if self.run.check(solver, wanted) is Satisfied.YES:
                model = solver.model()
                last = self._faulting(runs, model, depth) if asked == NO_FAULT else None
                known.way = runs.way(model, depth, last)
                return True
            solver.add(z3.Not(runs.encoding.term(truth)))  # for all the longer runs
        known.depth = depth + 1 if asked == NO_FAULT else depth
        return False

    def _truth(self, runs: Runs, at: int, asked: Asked) -> Truth:
        moment, encoding = runs.moments[at], runs.encoding
        if asked == NO_FAULT:
            return any_of(moment.faults.values())
        if isinstance(asked, str):
            final = encoding.truth(self.system.final, {}, moment.cells)
            return all_of((negation(moment.enabled), negation(final)))
        prop = asked.property
        if prop.kind == "always":
            return negation(all_of(satisfied(runs, at, prop)))
        return next(satisfied(runs, at, prop, asked.values))

    def _faulting(self, runs: Runs, model: Any, at: int) -> Step:
        faults = runs.moments[at].faults
        return next(s for s, truth in faults.items() if runs.encoding.is_true(model, truth))

    def tell(self, depth: int) -> None:
        now = time.perf_counter()
        if self.progress is not None and now - self.told >= 0.25:
            self.told = now
            self.progress(Progress(0, 0, depth, 0, self.run.seconds, 0))

    # What came of it.

    def findings(self, asked: Questions, steps: int, stopped: str) -> Iterator[Finding]:
        """A finding for each thing asked, in the order of an exhaustive search."""
        for question in asked.asked:
            yield self._of_question(question, steps, stopped)
        if asked.no_fault:
            known = self.found.get(NO_FAULT, Found())
            if known.way is not None:
                yield self.evidence.fault(known.way)
            else:
                yield self._unbroken(NO_FAULT, known, steps, stopped)
        if asked.no_stuck_state:
            known = self.found.get(NO_STUCK_STATE, Found())
            if known.way is not None:
                yield self.evidence.stuck(known.way)
            else:
                yield self._unbroken(NO_STUCK_STATE, known, steps, stopped)

    def _of_question(self, question: Question, steps: int, stopped: str) -> Finding:
        prop = question.property
        known = self.found.get(question, Found())
        if prop.kind == "always":
            if known.way is not None:
                return self.evidence.violated(prop, known.way)
            return self._unbroken(prop.name, known, steps, stopped)
        instance = show_instance(prop, question.values)
        if prop.kind != "reachable":
            return Finding(prop.name, prop.kind, Verdict.UNDECIDED, NOT_DECIDED, instance=instance)
        if known.way is not None:
            return self.evidence.reached(question, known.way)
        if known.complete:
            scope = f"all states{show_sizes(self.system)}"
            detail = "no reachable state satisfies it"
            return Finding(prop.name, prop.kind, Verdict.VIOLATED, scope, None, instance, detail)
        scope = "not searched"
        if known.depth >= 0:
            scope = f"not reached in {count_steps(known.depth)}"
        return Finding(
            prop.name, prop.kind, Verdict.UNDECIDED, _ended(scope, stopped), instance=instance
        )

    def _unbroken(self, name: str, known: Found, steps: int, stopped: str) -> Finding:
        if known.complete:
            scope = f"{_none(known)}{show_sizes(self.system)}, and no state is further away"
            return Finding(name, "always", Verdict.HOLDS, scope)
        if known.depth < 0:
            return Finding(name, "always", Verdict.UNDECIDED, stopped or "not searched")
        scope = f"{_none(known)}{show_sizes(self.system)}"
        if known.depth < steps:
            scope = _ended(scope, stopped)
        return Finding(name, "always", Verdict.HOLDS, scope, bound=known.depth)


def _none(known: Found) -> str:
    return f"no violation in {count_steps(known.depth)}"


def _ended(scope: str, stopped: str) -> str:
    return f"{scope}: {stopped}" if stopped else scope
