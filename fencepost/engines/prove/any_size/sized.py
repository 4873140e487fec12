"""Counterexamples to induction of a few members, asked for many times over: one solver that learns.

Every formula is a name that a question switches on or off, so that what the solver has learnt from
one question serves the next. At sizes there are no quantifiers, and a solver decides each question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from fencepost.core.limits import Limits
from fencepost.core.sizes import at_sizes
from fencepost.core.system import System
from fencepost.engines.prove.any_size.counterexamples import (
    Counterexample,
    ModelReader,
    confirmed,
)
from fencepost.engines.prove.any_size.encoding import Encoding, Obligation
from fencepost.engines.prove.any_size.formulas import Formula
from fencepost.engines.prove.any_size.values import Term
from fencepost.engines.prove.raw import identity
from fencepost.engines.prove.solver import Bounded, GaveUp, RunEnded, Satisfied

NO_CLAIM = "no_fault"


@dataclass(frozen=True)
class Kept:
    """No step at these sizes breaks it; the names of the formulas that this took."""

    core: frozenset[str]


class EachSize:
    """One system at one design and several sizes: what is kept is kept at each of them."""

    def __init__(
        self,
        system: System,
        barriers: frozenset[str],
        sizes: Iterable[Mapping[str, int]],
        *,
        run: Bounded | None = None,
    ) -> None:
        """`run` has the limits; a question beyond them raises `RunEnded`."""
        self.barriers = barriers
        self.at = tuple(Sized(system, barriers, each, run=run) for each in sizes)

    def broken(
        self,
        formula: Formula | None,
        under: Sequence[Formula],
        perhaps: Sequence[Formula] = (),
    ) -> Counterexample | Kept | None:
        """What `Sized.broken` gives at the first size at which the formula is not kept."""
        core = frozenset[str]()
        for sized in self.at:
            answer = sized.broken(formula, under, perhaps)
            if not isinstance(answer, Kept):
                return answer
            core |= answer.core
        return Kept(core)

    def keeps(self, formula: Formula, under: Sequence[Formula]) -> bool:
        """Whether no step at any of the sizes breaks a formula where it and others hold before."""
        return all(sized.keeps(formula, under) for sized in self.at)

    def core(self, formula: Formula | None, under: Sequence[Formula]) -> frozenset[str] | None:
        """What `Sized.core` gives at all of the sizes together."""
        every = frozenset[str]()
        for sized in self.at:
            core = sized.core(formula, under)
            if core is None:
                return None
            every |= core
        return every


class Sized:
    """One system at one design and some sizes (members of each Index, by its name)."""

    def __init__(
        self,
        system: System,
        barriers: frozenset[str],
        sizes: Mapping[str, int],
        *,
        run: Bounded | None = None,
    ) -> None:
        """`run` has the limits; a question beyond them raises `RunEnded`."""
        self.barriers, self.sizes = barriers, dict(sizes)
        self.encoding = Encoding(system, barriers, sizes)
        self.system = at_sizes(system, sizes)
        self.actions = tuple(action.name for action in system.actions)
        self.queries = 0
        self._run = Bounded(Limits()) if run is None else run
        self._solver = z3.SimpleSolver(self.encoding.words.context)
        self._solver.set("relevancy", 0)  # what is not yet relevant only matters for quantifiers
        self._solver.add(*self.encoding.background)
        self._switches: dict[str, Term] = {}
        self._breaks: dict[str, dict[str, Term]] = {}

    def broken(
        self,
        formula: Formula | None,
        under: Iterable[Formula],
        perhaps: Iterable[Formula] = (),
    ) -> Counterexample | Kept | None:
        """A step after which a formula is false though it and others hold before it, or the names
        of those that keep it; None where the solver does not say. Without a formula: a step that
        faults. Of the formulas in `perhaps`, which hold too, only those that it takes are named."""
        own = [formula] if formula is not None else []
        claimed = list(dict.fromkeys([*under, *own]))
        hypotheses = list(dict.fromkeys([*claimed, *perhaps]))
        name = NO_CLAIM if formula is None else formula.name
        breaks = self._of(formula, name)
        goal = self._goal(name)
        answer = self._check([goal, *(self._switch(h) for h in hypotheses)])
        if answer is None:
            return None
        if answer is Satisfied.NO:
            kept = self._smaller(goal, claimed, hypotheses)
            return Kept(frozenset(h.name for h in kept))
        model = self._solver.model()
        action = next(a for a, t in breaks.items() if z3.is_true(model.eval(t)))
        return self._counterexample(model, action, formula)

    def keeps(self, formula: Formula, under: Iterable[Formula]) -> bool:
        """Whether no step at these sizes breaks a formula where it and others hold before."""
        self._of(formula, formula.name)
        assumed = [self._switch(h) for h in dict.fromkeys([*under, formula])]
        return self._check([self._goal(formula.name), *assumed]) is Satisfied.NO

    def core(self, formula: Formula | None, under: Iterable[Formula]) -> frozenset[str] | None:
        """The names of the formulas that keep a formula (or steps from faulting), which holds too
        before a step; None where some step breaks it or the solver does not say."""
        own = [formula] if formula is not None else []
        name = NO_CLAIM if formula is None else formula.name
        self._of(formula, name)
        claimed = list(dict.fromkeys([*under, *own]))
        if self._check([self._goal(name), *map(self._switch, claimed)]) is not Satisfied.NO:
            return None
        return frozenset(h.name for h in self._core(claimed))

    def _smaller(
        self, goal: Term, claimed: Sequence[Formula], hypotheses: Sequence[Formula]
    ) -> list[Formula]:
        """A core after the solver said "unsatisfiable", without what is only perhaps claimed and
        can be left out; the last ones go first."""
        core = self._core(hypotheses)
        if len(core) == len([h for h in core if h in claimed]):
            return core
        if self._check([goal, *(self._switch(h) for h in core)]) is Satisfied.NO:
            core = self._core(core)
        for extra in [h for h in reversed(core) if h not in claimed]:
            rest = list(dict.fromkeys([*claimed, *(h for h in core if h is not extra)]))
            if self._check([goal, *(self._switch(h) for h in rest)]) is Satisfied.NO:
                core = self._core(rest)
        return core

    def _core(self, hypotheses: Sequence[Formula]) -> list[Formula]:
        core = self._solver.unsat_core()
        found = {identity(literal) for literal in core}
        return [h for h in hypotheses if identity(self._switches[h.name]) in found]

    def _check(self, assumptions: Sequence[Term]) -> Satisfied | None:
        self.queries += 1
        try:
            return self._run.check(self._solver, *assumptions)
        except RunEnded:
            raise
        except GaveUp:
            return None

    def _switch(self, formula: Formula) -> Term:
        """The name by which a formula is assumed."""
        if formula.name not in self._switches:
            switch = z3.Bool(f"|{formula.name}|", self.encoding.words.context)
            self._solver.add(z3.Implies(switch, self.encoding.formula(formula)))
            self._switches[formula.name] = switch
        return self._switches[formula.name]

    def _goal(self, name: str) -> Term:
        """The name of "some step breaks the formula"."""
        return z3.Bool(f"|breaks {name}|", self.encoding.words.context)

    def _of(self, formula: Formula | None, name: str) -> dict[str, Term]:
        """For each action the name of "one of its steps breaks the formula"."""
        if name not in self._breaks:
            context, found = self.encoding.words.context, {}
            for action in self.actions:
                obligation: Obligation = (
                    self.encoding.fault_free(action, ())
                    if formula is None
                    else self.encoding.preserved(formula, action, ())
                )
                if obligation.trivial or z3.is_false(obligation.refuted):
                    continue
                by = z3.Bool(f"|{action} breaks {name}|", context)
                self._solver.add(z3.Implies(by, obligation.refuted))
                found[action] = by
            self._solver.add(
                z3.Implies(self._goal(name), self.encoding.words.either(found.values()))
            )
            self._breaks[name] = found
        return self._breaks[name]

    def _counterexample(self, model: Any, action: str, formula: Formula | None) -> Counterexample:
        reader = ModelReader(self.encoding.words, model)
        steps = self.encoding.steps(action)
        step = reader.step(steps.action, steps.scope)
        key = tuple(sorted(self.sizes.items()))
        found = Counterexample(self.system, key, reader.state(self.system), step)
        return confirmed(found, self.barriers, (), formula)
