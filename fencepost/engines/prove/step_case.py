"""The step case of k-induction: what cannot follow on k different states where all is well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import z3

from fencepost.core.evidence import Evidence, Mismatch, Way
from fencepost.core.results import InductionFailure
from fencepost.core.semantics import failing_instances
from fencepost.core.sizes import sorts
from fencepost.core.system import Design, Property, System
from fencepost.engines.prove.runs import Runs, satisfied
from fencepost.engines.prove.solver import Bounded, Satisfied
from fencepost.engines.prove.truths import Truth, all_of, any_of, negation, same


@dataclass(frozen=True)
class Claim:
    """Something to be proved: a condition for every filling of its arguments, or (without a
    condition) that no step faults."""

    name: str
    condition: Property | None


class StepCase:
    """Runs of different states that start anywhere and keep what is claimed, and one step more.

    `failures` has for each claim that was not preserved a counterexample to induction.
    """

    def __init__(self, system: System, design: Design, run: Bounded) -> None:
        self.system, self.run = system, run
        self.evidence = Evidence(system, design)
        self.runs = Runs(system, design.barriers, run, ordered=False, named=False)
        self.encoding = self.runs.encoding
        self.solver = z3.SolverFor("QF_FD", ctx=self.encoding.context)
        self.runs.begin(self.solver, anywhere=True)
        self.assumed: dict[str, Any] = {}
        self.settled: list[Claim] = []
        self.failures: dict[str, InductionFailure] = {}

    def extend(self, claims: Sequence[Claim]) -> None:
        """One step more; what is claimed may be assumed of all states but the last."""
        last = len(self.runs.moments) - 1
        for claim in claims:
            if claim.name not in self.assumed:
                self.assumed[claim.name] = self.encoding.variable(f"assume {claim.name}")
            kept = self.encoding.term(self._kept(claim, last))
            self.solver.add(z3.Implies(self.assumed[claim.name], kept))
        self.runs.extend(self.solver)
        newest = self.runs.moments[-1].cells
        for earlier in self.runs.moments[:-1]:
            differs = any_of(
                negation(same(one, other))
                for one, other in zip(earlier.cells, newest, strict=True)
                if one is not other
            )
            self.solver.add(self.encoding.term(differs))
        for claim in self.settled:
            self.solver.add(self.encoding.term(self._kept(claim, last + 1)))

    def settle(self, claims: Sequence[Claim]) -> None:
        """What is proved holds in every reachable state: in all states here, the last included."""
        self.settled += claims
        for claim in claims:
            for at in range(len(self.runs.moments)):
                self.solver.add(self.encoding.term(self._kept(claim, at)))

    def preserved(self, claims: Sequence[Claim]) -> list[Claim]:
        """The most of the claims that hold in the last state wherever all of them held before."""
        kept = list(claims)
        self.failures = {}
        last = len(self.runs.moments) - 1
        while True:
            assumed = [self.assumed[claim.name] for claim in kept]
            broken = [c for c in kept if self._can_break(c, last, assumed)]
            if not broken:
                return kept
            kept = [claim for claim in kept if claim not in broken]

    def _can_break(self, claim: Claim, last: int, assumed: list[Any]) -> bool:
        broken = negation(self._kept(claim, last))
        if broken is False:
            return False
        wanted = self.encoding.variable(f"break {claim.name}@{last}")
        self.solver.add(z3.Implies(wanted, self.encoding.term(broken)))
        if self.run.check(self.solver, *assumed, wanted) is Satisfied.NO:
            return False
        self.failures[claim.name] = self._failure(claim, last)
        return True

    def _kept(self, claim: Claim, at: int) -> Truth:
        if claim.condition is None:
            return negation(any_of(self.runs.moments[at].faults.values()))
        return all_of(satisfied(self.runs, at, claim.condition))

    def _failure(self, claim: Claim, last: int) -> InductionFailure:
        """The end of the solver's run, taken again by the interpreter."""
        model, encoding = self.solver.model(), self.encoding
        moments = self.runs.moments
        sizes = tuple((sort.name, sort.count) for sort in sorts(self.system))
        if claim.condition is None:
            before = encoding.state(model, moments[last].cells)
            faults = moments[last].faults
            step = next(s for s, truth in faults.items() if encoding.is_true(model, truth))
            _, run = self.evidence.run(Way(before, (step,)))
            if run.fault is None:
                raise Mismatch(f"{self.system.show_step(step)}: the interpreter sees no fault")
            return InductionFailure(claim.name, (), sizes, before, step, None, run.fault.kind)
        before, after = (encoding.state(model, moments[at].cells) for at in (last - 1, last))
        taken = moments[last - 1].takes
        step = next(s for s, truth in taken.items() if encoding.is_true(model, truth))
        _, run = self.evidence.run(Way(before, (step,)))
        barriers = self.evidence.design.barriers
        failing = failing_instances(self.system, barriers, after, claim.condition)
        if run.fault is not None or run.states[-1] != after or not failing:
            raise Mismatch(f"{claim.name}: the interpreter does not confirm {before}, {step}")
        return InductionFailure(claim.name, tuple(failing[0].items()), sizes, before, step, after)
