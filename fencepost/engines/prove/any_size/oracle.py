"""The oracle of any-size proofs: each question is proved, refuted by a confirmed state, or open.

How to use it
    system = build(Model, properties, any_size=True)      # a recording for any size
    oracle = Oracle(system, design.barriers)
    oracle.holds_initially(formula)                       # in every initial state
    oracle.preserved(formula, by="abort", under=[...])    # by every step of an action
    oracle.implied(formula, under=[...])                  # wherever the others hold
    oracle.fault_free("abort", under=[...])               # no step of the action faults

A formula is a `core.system.Lemma`, or anything with `name`, `arguments` (a tuple of variables) and
`condition` (an expression of `system`); `formulas.claim` makes one of a property. Names tell
formulas apart in cores, so formulas of one question have different names. Barriers may be read.

The answer
    Proved(core)           for every size; `core` names the formulas of `under` (and the formula
                           itself, for `preserved`) that the solver used
    Counterexample(...)    a state of a few members with the step, confirmed by the interpreter;
                           `system` in it is the model at these sizes, to evaluate formulas on (by
                           `counterexamples.holds`, which fits a formula to the sizes)
    Unknown(reason)        neither within the effort

How it decides
    First the question for any size: uninterpreted sorts, quantified hypotheses. Where that is not
    refuted at once the same question is asked at 1, 2, 3, ... members of each Index, spelt out
    without quantifiers, which a solver decides: what it finds is small and finite. Only where
    nothing is found is the first question asked again with more effort, in several tries: how long
    a quantified question takes has a heavy tail, and a solver that starts afresh with another seed
    mostly answers at once what another did not (Gomes, Selman and Kautz 1998). Each try is first
    with the hypotheses alone that it took at sizes: the fewer there are, the sooner it is done.
    Effort is counted in the solver's resource units, so answers do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import z3

from fencepost.core.limits import Limits
from fencepost.core.sizes import allowed, at_sizes, sorts
from fencepost.core.system import System
from fencepost.engines.prove.any_size.counterexamples import (
    Counterexample,
    ModelReader,
    confirmed,
)
from fencepost.engines.prove.any_size.encoding import Encoding, Obligation
from fencepost.engines.prove.any_size.formulas import Formula
from fencepost.engines.prove.any_size.smaller import smallest
from fencepost.engines.prove.solver import Bounded, GaveUp, RunEnded, Satisfied


@dataclass(frozen=True)
class Proved:
    """It holds for any size; the names of the hypotheses that it took."""

    core: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unknown:
    """Neither proved nor refuted."""

    reason: str


Outcome = Proved | Counterexample | Unknown


@dataclass(frozen=True)
class Effort:
    """How hard to try: resource units of the solver, and how many members to look at.

    `quick` is for the first try of a question for any size, `long` for each of the last `tries`,
    `sized` for each question at sizes.
    """

    quick: int = 400_000
    long: int = 1_500_000
    tries: int = 8
    sized: int = 6_000_000
    members: int = 3
    sized_first: bool = False
    """Look for a counterexample at sizes before the question for any size."""


class Oracle:
    """Answers about one system at one design."""

    def __init__(
        self,
        system: System,
        barriers: frozenset[str],
        effort: Effort = Effort(),  # frozen
        *,
        run: Bounded | None = None,
        sizes: Sequence[Mapping[str, int]] = (),
    ) -> None:
        """`run` has the limits; a question beyond them raises `RunEnded`. `sizes` (members of each
        Index, by its name) are those at which a counterexample is looked for before others."""
        self.system = system
        every = [
            *sizes,
            *({s.name: n for s in sorts(system)} for n in range(1, effort.members + 1)),
        ]
        self.sizes: list[dict[str, int]] = []
        for each in every:
            if (near := allowed(system, each)) not in self.sizes:
                self.sizes.append(near)
        self.barriers = barriers
        self.effort = effort
        self.run = Bounded(Limits()) if run is None else run
        self.for_any_size = Encoding(system, barriers)
        self._at_sizes: dict[tuple[tuple[str, int], ...], tuple[Encoding, System]] = {}
        self.queries = 0

    def holds_initially(self, formula: Formula) -> Outcome:
        """Whether the formula holds in every initial state."""

        def asked(encoding: Encoding) -> Obligation:
            return encoding.initially(formula)

        return self._decide(_Question(asked, (), formula, None, initial=True))

    def preserved(self, formula: Formula, by: str, under: Iterable[Formula] = ()) -> Outcome:
        """Whether the formula holds after each step of an action if it and others hold before."""
        hypotheses = tuple(dict.fromkeys([*under, formula]))

        def asked(encoding: Encoding) -> Obligation:
            return encoding.preserved(formula, by, hypotheses)

        return self._decide(_Question(asked, hypotheses, formula, by))

    def implied(self, formula: Formula, under: Iterable[Formula]) -> Outcome:
        """Whether the formula holds in every state where the others hold."""
        hypotheses = tuple(dict.fromkeys(under))

        def asked(encoding: Encoding) -> Obligation:
            return encoding.implied(formula, hypotheses)

        return self._decide(_Question(asked, hypotheses, formula, None))

    def fault_free(self, action: str, under: Iterable[Formula]) -> Outcome:
        """Whether no step of an action faults where the formulas hold."""
        hypotheses = tuple(dict.fromkeys(under))

        def asked(encoding: Encoding) -> Obligation:
            return encoding.fault_free(action, hypotheses)

        return self._decide(_Question(asked, hypotheses, None, action))

    def _decide(self, question: _Question) -> Outcome:
        obligation = question.asked(self.for_any_size)
        if obligation.trivial or z3.is_false(obligation.refuted):
            return Proved()
        if not self.effort.sized_first:
            proved = self._refute(obligation, self.effort.quick)
            if isinstance(proved, Proved):
                return proved
        for sizes in self.sizes:
            found = self.at(question, sizes)
            if found is not None:
                return smallest(
                    self.system, found, lambda smaller: self._confirmed(question, smaller)
                )
        few = self._near(question, obligation) if self.sizes else obligation
        open_: Outcome = Unknown("not tried")
        for seed in range(1, self.effort.tries + 1):
            for each in (obligation,) if few is obligation else (few, obligation):
                open_ = self._refute(each, self.effort.long, seed)
                if isinstance(open_, Proved):
                    return open_
        return open_

    def _refute(self, obligation: Obligation, effort: int, seed: int = 0) -> Proved | Unknown:
        solver = _tracking(self.for_any_size, obligation)
        solver.set("random_seed", seed)
        try:
            answer = self._check(solver, effort)
        except RunEnded:
            raise
        except GaveUp as end:
            return Unknown(end.why)
        if answer is Satisfied.NO:
            return Proved(_core(solver, obligation))
        return Unknown("no counterexample of the sizes that were looked at")

    def _near(self, question: _Question, obligation: Obligation) -> Obligation:
        """An obligation with the hypotheses alone that refute it at the last of the sizes; itself
        where a solver does not say."""
        encoding, _ = self._sized(self.sizes[-1])
        asked = question.asked(encoding)
        solver = _tracking(encoding, asked)
        try:
            if self._check(solver, self.effort.sized) is not Satisfied.NO:
                return obligation
        except RunEnded:
            raise
        except GaveUp:
            return obligation
        core = _core(solver, asked)
        few = tuple(each for each in obligation.hypotheses if each[0] in core)
        same = len(few) == len(obligation.hypotheses)
        return obligation if same else replace(obligation, hypotheses=few)

    def at(self, question: _Question, sizes: Mapping[str, int]) -> Counterexample | None:
        """A confirmed counterexample of these sizes, if there is one."""
        encoding, system = self._sized(sizes)
        obligation = question.asked(encoding)
        solver = z3.SimpleSolver(encoding.words.context)
        solver.add(*obligation.background, obligation.refuted)
        solver.add(*(hypothesis for _, hypothesis in obligation.hypotheses))
        try:
            if self._check(solver, self.effort.sized) is Satisfied.NO:
                return None
        except RunEnded:
            raise
        except GaveUp:
            return None
        reader = ModelReader(encoding.words, solver.model())
        step = None
        if question.action is not None:
            steps = encoding.steps(question.action)
            step = reader.step(steps.action, steps.scope)
        found = Counterexample(system, tuple(sorted(sizes.items())), reader.state(system), step)
        return self._confirmed(question, found)

    def _sized(self, sizes: Mapping[str, int]) -> tuple[Encoding, System]:
        """The encoding and the system at some sizes, made once."""
        key = tuple(sorted(sizes.items()))
        if key not in self._at_sizes:
            encoding = Encoding(self.system, self.barriers, sizes)
            self._at_sizes[key] = encoding, at_sizes(self.system, sizes)
        return self._at_sizes[key]

    def _confirmed(self, question: _Question, found: Counterexample) -> Counterexample:
        return confirmed(
            found, self.barriers, question.under, question.claimed, initial=question.initial
        )

    def _check(self, solver: Any, effort: int) -> Satisfied:
        self.queries += 1
        return self.run.check(solver, work=effort)


def _tracking(encoding: Encoding, obligation: Obligation) -> Any:
    """A solver with an obligation, whose hypotheses it names in a core."""
    context = encoding.words.context
    solver = z3.SimpleSolver(context)
    solver.add(*obligation.background, obligation.refuted)
    for name, hypothesis in obligation.hypotheses:
        solver.assert_and_track(hypothesis, z3.Bool(f"|{name}|", context))
    return solver


def _core(solver: Any, obligation: Obligation) -> tuple[str, ...]:
    """The names of the hypotheses that a solver took to refute an obligation."""
    used = {str(literal)[1:-1] for literal in solver.unsat_core()}
    return tuple(name for name, _ in obligation.hypotheses if name in used)


@dataclass(frozen=True)
class _Question:
    """What is asked, at any size or some, and what a counterexample has to satisfy."""

    asked: Callable[[Encoding], Obligation]
    under: tuple[Formula, ...]
    claimed: Formula | None
    action: str | None
    initial: bool = False
