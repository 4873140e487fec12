"""k-induction at given sizes, with states that differ along the way.

Sheeran, Singh, Stalmarck: Checking safety properties using induction and a SAT-solver (2000). What
no run of k steps from the start violates, and what no run of k different states that keep it can
violate next, holds for ever. A violation is found as bounded search finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fencepost.core.evidence import show_sizes
from fencepost.core.limits import INTERRUPTED, Limits, Report
from fencepost.core.questions import Question, Questions, select
from fencepost.core.results import (
    Answer,
    Cost,
    Finding,
    InductionFailure,
    Result,
    Verdict,
    count_steps,
)
from fencepost.core.semantics import show_instance
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, Lemma, Property, System
from fencepost.engines.prove.bounded import BoundedSearch, Found
from fencepost.engines.prove.solver import GaveUp
from fencepost.engines.prove.step_case import Claim, StepCase

ENGINE = "k-induction"
MOST_K = 20
NOT_DECIDED = "induction does not decide it"


def k_induction(
    system: System,
    design: Design,
    *,
    properties: Iterable[str] | None = None,
    most_k: int = MOST_K,
    lemmas: Sequence[Lemma] | None = None,
    share: int | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Report | None = None,
) -> Result:
    """Prove the safety properties of a design together, with k up to `most_k`.

    HOLDS covers every reachable state at these sizes. What is neither proved nor violated is
    UNDECIDED, with the reason and a counterexample to induction (`Finding.induction`). `lemmas`
    (those of the system that concern the design, unless given) are proved along with the
    properties, and none is assumed that is not; `Answer.facts` says what became of each. `share` is
    the work, in the solver's resource units, after which it ends: as much for runs from the start
    as for those from anywhere.
    """
    asked = select(system, properties)
    given = system.lemmas if lemmas is None else lemmas
    used = [lemma for lemma in given if lemma.concerns(design.name)]
    base = BoundedSearch(system, design, limits, progress, share)
    proof = _Proof(system, design, used, base)
    stopped = ""
    try:
        safety = replace(asked, asked=asked.of_kind("always"), no_stuck_state=False)
        with proof.base.run.interruptible():
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
        facts=proof.facts(),
    )
    return Result(answer, Cost(search_s=proof.base.run.seconds))


class _Proof:
    """The base case, and the step case with what is assumed in it."""

    def __init__(
        self,
        system: System,
        design: Design,
        lemmas: Sequence[Lemma],
        base: BoundedSearch,
    ) -> None:
        self.system, self.design = system, design
        self.lemmas = [
            Question(
                -1 - number, Property(m.name, "always", m.arguments, m.condition, m.fault), None
            )
            for number, m in enumerate(lemmas)
        ]
        self.failures: dict[str, InductionFailure] = {}
        self.base = base
        self.proved: dict[str, int] = {}
        self.k = 0

    def seek(self, asked: Questions, most_k: int) -> None:
        """Raise k until everything is proved or violated."""
        step = StepCase(self.system, self.design, self.base.run)
        questions = (*asked.asked, *self.lemmas)
        open_ = [Claim(q.property.name, q.property) for q in questions]
        open_ += [Claim(NO_FAULT, None)] if asked.no_fault else []
        wanted = {q.property.name for q in asked.asked} | {NO_FAULT}
        done = -1
        depths = self.base.depths(replace(asked, asked=questions), most_k)
        for k in range(1, most_k + 1):
            while done < k:
                reached = next(depths, None)
                if reached is None:
                    return  # everything is violated, or no state is further away
                done = reached
            violated = {self._name(a) for a, f in self.base.found.items() if f.way is not None}
            open_ = [claim for claim in open_ if claim.name not in violated]
            step.extend(open_)
            kept = step.preserved(open_)
            self.failures = step.failures
            self.k = k
            self.proved |= {claim.name: k for claim in kept}
            step.settle(kept)
            open_ = [claim for claim in open_ if claim not in kept]
            if not any(claim.name in wanted for claim in open_):
                return

    def facts(self) -> tuple[tuple[str, str], ...]:
        """What became of each lemma."""
        return tuple((f"lemma {q.property.name}", self._became(q)) for q in self.lemmas)

    def _became(self, lemma: Question) -> str:
        known = self.base.found.get(lemma, Found())
        if known.way is not None:
            return f"violated after {count_steps(len(known.way.steps))}"
        k = self.proved.get(lemma.property.name)
        return "not proved, and not used" if k is None else f"proved with k={k}"

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
            scope = f"all states{sizes}, by k-induction with k={self.proved[name]}"
            return Finding(name, "always", Verdict.HOLDS, scope)
        if known.complete:
            scope = f"all states{sizes}: none is further than {count_steps(known.depth)}"
            return Finding(name, "always", Verdict.HOLDS, scope)
        scope = "not searched"
        if known.depth >= 0:
            scope = f"no violation in {count_steps(known.depth)}, no proof up to k={self.k}"
        if stopped:
            scope += f": {stopped}"
        failure = self.failures.get(name)
        return Finding(name, "always", Verdict.UNDECIDED, scope, induction=failure)
