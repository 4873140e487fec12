"""k-induction proves for all states what holds, and nothing that explore refutes."""

from __future__ import annotations

import pytest

from fencepost import Model, Range, Var, action, build, require
from fencepost import always as always_of
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.semantics import Successor, perform
from fencepost.engines.explore import explore
from fencepost.engines.prove import k_induction
from tests.unit.engines.prove.small_systems import (
    A_IS_SMALL,
    B_IS_SMALL,
    EQUAL,
    ONLY,
    always,
    lemma,
    two_counters,
)
from tests.unit.kernel.random_systems import random_system
from tests.unit.kernel.slot_protocol import slot_protocol


def test_what_is_inductive_is_proved_at_once() -> None:
    answer = k_induction(two_counters(9, always("equal", EQUAL)), ONLY).answer
    [equal] = [f for f in answer.findings if f.property == "equal"]
    assert equal.verdict is Verdict.HOLDS
    assert equal.scope == "all states at top=9, by k-induction with k=1"
    assert equal.bound is None


def test_more_states_in_a_row_prove_what_one_does_not() -> None:
    """From a=0, b=5 up to the end of the domain b stays large, until `over` sets it to 0: only so
    many different states can come before a violation."""
    system = two_counters(9, always("small", B_IS_SMALL))
    few = k_induction(system, ONLY, properties=["small"], most_k=2).answer.findings[0]
    assert few.verdict is Verdict.UNDECIDED
    assert few.scope == "no violation in 2 steps, no proof up to k=2"
    many = k_induction(system, ONLY, properties=["small"], most_k=12).answer.findings[0]
    assert many.verdict is Verdict.HOLDS
    k = int(many.scope.rpartition("=")[2])
    assert 2 < k <= 12


class Elsewhere(Model):
    """Never leaves 0. From 1 and 2, which nothing leads to, a run may go round as long as it likes
    before it falls."""

    place = Var(Range(0, 3), initial=0)

    @action
    def stay(self):
        require(self.place == 0)
        self.place = 0

    @action
    def go_round(self):
        require(self.place in (1, 2))
        self.place = 3 - self.place

    @action
    def fall(self):
        require(self.place == 1)
        self.place = 3


@always_of(Elsewhere)
def has_not_fallen(m):
    return m.place != 3


def test_states_that_differ_along_the_way_prove_what_no_k_does_without() -> None:
    system = build(Elsewhere, [has_not_fallen])
    findings = k_induction(system, system.designs[0], most_k=6).answer.findings
    fallen = next(f for f in findings if f.property == "has_not_fallen")
    assert (fallen.verdict, fallen.scope) == (Verdict.HOLDS, "all states, by k-induction with k=3")


def test_a_counterexample_to_induction_is_a_step_of_the_interpreter() -> None:
    system = two_counters(9, always("small", B_IS_SMALL))
    finding = k_induction(system, ONLY, properties=["small"], most_k=1).answer.findings[0]
    failure = finding.induction
    assert failure is not None
    assert failure.step is not None
    assert failure.after is not None
    assert perform(system, frozenset(), failure.before, failure.step) == Successor(failure.after)
    assert failure.before[1] < 5 <= failure.after[1]


def test_a_lemma_makes_a_proof_shorter_and_is_itself_proved() -> None:
    system = two_counters(9, always("small", B_IS_SMALL))
    lemmas = [lemma("equal", EQUAL), lemma("a_is_small", A_IS_SMALL)]
    alone = k_induction(system, ONLY, properties=["small"], most_k=1, lemmas=[]).answer
    assert alone.findings[0].verdict is Verdict.UNDECIDED
    helped = k_induction(system, ONLY, properties=["small"], most_k=1, lemmas=lemmas).answer
    assert helped.findings[0].verdict is Verdict.HOLDS
    assert helped.facts == (
        ("lemma equal", "proved with k=1"),
        ("lemma a_is_small", "proved with k=1"),
    )


def test_a_false_lemma_is_never_assumed() -> None:
    """It would make everything inductive: `b` below 1 leads to no large `b` in one step."""
    from fencepost.core import folding
    from tests.unit.engines.prove.small_systems import B, number

    system = two_counters(9, always("two", folding.less(B, number(3))))
    false = lemma("b_is_zero", folding.less(B, number(1)))
    answer = k_induction(system, ONLY, properties=["two"], lemmas=[false]).answer
    assert answer.findings[0].verdict is Verdict.VIOLATED
    assert answer.findings[0].trace is not None
    assert len(answer.findings[0].trace) == 3
    assert answer.facts == (("lemma b_is_zero", "violated after 1 step"),)


@pytest.mark.parametrize("most_k", [1, 2])
def test_a_lemma_that_is_true_and_cannot_be_proved_is_not_assumed(most_k: int) -> None:
    """`b` small alone is no more inductive as a lemma than as a property."""
    system = two_counters(9, always("small", B_IS_SMALL))
    same = lemma("again", B_IS_SMALL)
    answer = k_induction(system, ONLY, properties=["small"], most_k=most_k, lemmas=[same]).answer
    assert answer.findings[0].verdict is Verdict.UNDECIDED
    assert answer.facts == (("lemma again", "not proved, and not used"),)


def test_random_systems() -> None:
    proved = refuted = 0
    for seed in range(200, 230):
        system = random_system(seed)
        if len(system.steps) > 30 or max(f.domain.size for f in system.fields) > 16:
            continue
        design = system.designs[0]
        exact = explore(system, design, limits=Limits(states=3000)).answer
        if not exact.complete:
            continue
        known = {f.property: f for f in exact.findings}
        for finding in k_induction(system, design, most_k=3).answer.findings:
            if finding.verdict is Verdict.UNDECIDED:
                continue
            other = known[finding.property]
            assert finding.verdict is other.verdict, (seed, finding, other)
            proved += finding.verdict is Verdict.HOLDS
            if finding.verdict is Verdict.VIOLATED:
                assert finding.trace is not None
                assert other.trace is not None
                assert len(finding.trace) == len(other.trace)
                refuted += 1
    assert proved > 5
    assert refuted > 5


@pytest.mark.parametrize("design", ["as_reported", "safe"])
def test_a_protocol(design: str) -> None:
    system = slot_protocol(2, 1, 1)
    exact = {f.property: f.verdict for f in explore(system, system.design(design)).answer.findings}
    for finding in k_induction(system, system.design(design), most_k=10).answer.findings:
        if finding.verdict is not Verdict.UNDECIDED:
            assert finding.verdict is exact[finding.property], finding
