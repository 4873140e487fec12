"""k-induction at given sizes, with states that differ along the way.

Sheeran, Singh, Stalmarck: Checking safety properties using induction and a SAT-solver (2000). What
no run of k steps from the start violates, and what no run of k different states that keep it can
violate next, holds for ever. A violation is found as bounded search finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import z3

from fencepost.core.evidence import show_sizes
from fencepost.core.limits import INTERRUPTED, Limits, Report
from fencepost.core.questions import Question, Questions, select
from fencepost.core.results import Answer, Cost, Finding, Result, Verdict, count_steps
from fencepost.core.semantics import show_instance
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, Property, System
from fencepost.engines.prove.bounded import BoundedSearch, Found, satisfied
from fencepost.engines.prove.runs import Runs
from fencepost.engines.prove.solver import Bounded, GaveUp, Satisfied
from fencepost.engines.prove.truths import Truth, all_of, any_of, negation, same

ENGINE = "k-induction"
MOST_K = 20
NOT_DECIDED = "induction does not decide it"


def k_induction(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    most_k: int = MOST_K,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Report | None = None,
) -> Result:
    """Prove the safety properties of a design together, with k up to `most_k`.

    HOLDS covers every reachable state at these sizes. What is neither proved nor violated is
    UNDECIDED, with the reason.
    """
    asked = select(system, properties)
    proof = _Proof(system, design, limits, progress)
    stopped = ""
    try:
        safety = replace(asked, asked=asked.of_kind("always"), no_stuck_state=False)
        proof.seek(safety, most_k)
    except KeyboardInterrupt:
        stopped = INTERRUPTED
    except GaveUp as end:
        stopped = end.why
    findings = [proof.of_question(q, stopped) for q in asked.asked]
    if asked.no_fault:
        findings.append(proof.of_faults(stopped))
    if asked.no_stuck_state:
        findings.append(Finding(NO_STUCK_STATE, "always", Verdict.UNDECIDED, NOT_DECIDED))
    answer = Answer(
        model=system.name,
        digest=system.digest,
        parameters=system.parameters,
        design=design.name,
        barriers=tuple(sorted(design.barriers)),
        engine=ENGINE,
        findings=tuple(findings),
        stopped=stopped,
    )
    return Result(answer, Cost(search_s=proof.base.run.seconds))


@dataclass(frozen=True)
class Claim:
    """Something to be proved: a condition for every filling of its arguments, or (without a
    condition) that no step faults."""

    name: str
    condition: Property | None


class _Proof:
    """The base case, and the step case with what is assumed in it."""

    def __init__(
        self, system: System, design: Design, limits: Limits, progress: Report | None
    ) -> None:
        self.system, self.design = system, design
        self.base = BoundedSearch(system, design, limits, progress)
        self.proved: dict[str, int] = {}
        self.k = 0

    def seek(self, asked: Questions, most_k: int) -> None:
        """Raise k until everything is proved or violated."""
        step = StepCase(self.system, self.design.barriers, self.base.run)
        open_ = [Claim(q.property.name, q.property) for q in asked.asked]
        open_ += [Claim(NO_FAULT, None)] if asked.no_fault else []
        lemmas: list[Claim] = []
        done = -1
        depths = self.base.depths(asked, most_k)
        for k in range(1, most_k + 1):
            while done < k:
                reached = next(depths, None)
                if reached is None:
                    return  # everything is violated, or no run is longer
                done = reached
            violated = {self._name(a) for a, f in self.base.found.items() if f.way is not None}
            open_ = [claim for claim in open_ if claim.name not in violated]
            step.extend([*open_, *lemmas])
            kept = step.preserved([*open_, *lemmas])
            self.k = k
            self.proved |= {c.name: k for c in open_ if c in kept}
            open_ = [claim for claim in open_ if claim not in kept]
            lemmas = [claim for claim in lemmas if claim not in kept]
            if not open_:
                return

    def _name(self, asked: Question | str) -> str:
        return asked if isinstance(asked, str) else asked.property.name

    def of_question(self, question: Question, stopped: str) -> Finding:
        """What is known of one question."""
        prop = question.property
        if prop.kind != "always":
            instance = show_instance(prop, question.values)
            return Finding(prop.name, prop.kind, Verdict.UNDECIDED, NOT_DECIDED, instance=instance)
        known = self.base.found.get(question, Found())
        if known.way is not None:
            return self.base.evidence.violated(prop, known.way)
        return self._unbroken(prop.name, known, stopped)

    def of_faults(self, stopped: str) -> Finding:
        """What is known of the built-in `no_fault`."""
        known = self.base.found.get(NO_FAULT, Found())
        if known.way is not None:
            return self.base.evidence.fault(known.way)
        return self._unbroken(NO_FAULT, known, stopped)

    def _unbroken(self, name: str, known: Found, stopped: str) -> Finding:
        sizes = show_sizes(self.system)
        if name in self.proved:
            scope = f"all states{sizes}, by induction with k={self.proved[name]}"
            return Finding(name, "always", Verdict.HOLDS, scope)
        if known.complete:
            scope = f"all runs{sizes}: none has more than {count_steps(known.depth)}"
            return Finding(name, "always", Verdict.HOLDS, scope)
        scope = f"no violation in {count_steps(max(0, known.depth))}, no proof up to k={self.k}"
        if stopped:
            scope += f": {stopped}"
        return Finding(name, "always", Verdict.UNDECIDED, scope)


class StepCase:
    """Runs of different states that start anywhere and keep what is claimed, and one step more."""

    def __init__(self, system: System, barriers: frozenset[str], run: Bounded) -> None:
        self.run = run
        self.runs = Runs(system, barriers, run, ordered=False, named=False)
        self.encoding = self.runs.encoding
        self.solver = z3.SolverFor("QF_FD", ctx=self.encoding.context)
        self.runs.begin(self.solver, anywhere=True)
        self.assumed: dict[str, Any] = {}

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

    def preserved(self, claims: Sequence[Claim]) -> list[Claim]:
        """The most of the claims that hold in the last state wherever all of them held before."""
        kept = list(claims)
        last = len(self.runs.moments) - 1
        while True:
            assumed = [self.assumed[claim.name] for claim in kept]
            broken = [c for c in kept if self._can_break(c, last, assumed)]
            if not broken:
                return kept
            kept = [claim for claim in kept if claim not in broken]

    def _can_break(self, claim: Claim, last: int, assumed: list[Any]) -> bool:
        broken = negation(self._kept(claim, last))
        if isinstance(broken, bool):
            return broken
        wanted = self.encoding.variable(f"break {claim.name}@{last}")
        self.solver.add(z3.Implies(wanted, broken))
        return self.run.check(self.solver, *assumed, wanted) is Satisfied.YES

    def _kept(self, claim: Claim, at: int) -> Truth:
        if claim.condition is None:
            return negation(any_of(self.runs.moments[at].faults.values()))
        return all_of(satisfied(self.runs, at, claim.condition))
