"""The oracle answers for every size; what it refutes, the interpreter confirms."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recycling import PROPERTIES, Recycling
from things import PROPERTIES as ABOUT_THINGS
from things import Things

from fencepost import build
from fencepost.analyses.expectations import Judgement
from fencepost.analyses.proofs import judge_proof
from fencepost.core.evidence import Mismatch
from fencepost.core.semantics import Successor, perform
from fencepost.core.system import Step, System
from fencepost.engines.prove.any_size import (
    Counterexample,
    Effort,
    Oracle,
    Proved,
    Unknown,
    blamed,
    claim,
    not_decided,
    prove_any_size,
)
from fencepost.engines.prove.any_size.counterexamples import confirmed, holds

SYSTEM = build(Recycling, PROPERTIES, any_size=True)
CLAIMS = {m.name: claim(m) for m in SYSTEM.lemmas}
READS_OWN = claim(next(p for p in SYSTEM.properties if p.name == "reads_own"))
WAITING, HASTY = SYSTEM.design("waiting").barriers, SYSTEM.design("hasty").barriers


def test_lemmas_hold_initially_and_imply_the_property():
    oracle = Oracle(SYSTEM, WAITING)
    for each in CLAIMS.values():
        assert isinstance(oracle.holds_initially(each), Proved)
    implied = oracle.implied(READS_OWN, CLAIMS.values())
    assert isinstance(implied, Proved)
    assert {"posted_is_held", "landed_stays"} <= set(implied.core)
    without = [c for c in CLAIMS.values() if c.name != "landed_stays"]
    assert isinstance(oracle.implied(READS_OWN, without), Counterexample)


def test_a_broken_step_is_a_confirmed_counterexample():
    oracle = Oracle(SYSTEM, HASTY)
    found = oracle.preserved(CLAIMS["posted_is_held"], "give_back", CLAIMS.values())
    assert isinstance(found, Counterexample)
    assert dict(found.sizes) == {"Request": 1, "Slot": 1}
    assert found.step == Step("give_back", (0,))
    for each in CLAIMS.values():
        assert holds(found.system, HASTY, found.before, each)
    assert perform(found.system, HASTY, found.before, found.step) == Successor(found.after)
    assert not holds(found.system, HASTY, found.after, CLAIMS["posted_is_held"])


def test_the_core_names_what_a_proof_took():
    oracle = Oracle(SYSTEM, WAITING)
    proved = oracle.preserved(CLAIMS["landed_stays"], "land", CLAIMS.values())
    assert isinstance(proved, Proved)
    assert {"holder_owns", "posted_is_held"} <= set(proved.core)


def test_what_a_step_does_not_touch_takes_no_question():
    oracle = Oracle(SYSTEM, WAITING)
    assert oracle.preserved(CLAIMS["holder_owns"], "land", ()) == Proved()
    assert oracle.queries == 0


def test_faults_are_found_where_nothing_forbids_them():
    oracle = Oracle(SYSTEM, WAITING)
    assert isinstance(oracle.fault_free("give_back", CLAIMS.values()), Proved)
    found = oracle.fault_free("give_back", ())
    assert isinstance(found, Counterexample)
    assert found.fault is not None
    assert found.fault.kind == "index"


def test_every_lemma_is_needed():
    design = SYSTEM.design("waiting")
    assert prove_any_size(SYSTEM, design).answer.verdict.value == "HOLDS"
    for left_out in SYSTEM.lemmas:
        rest = [m for m in SYSTEM.lemmas if m is not left_out]
        answer = prove_any_size(SYSTEM, design, lemmas=rest).answer
        broken = [f for f in answer.findings if f.verdict.value == "UNDECIDED"]
        assert broken, left_out.name
        assert all(f.induction is not None for f in broken)


def test_right_lemmas_do_not_prove_wrong_transitions():
    answer = prove_any_size(SYSTEM, SYSTEM.design("hasty"), lemmas=SYSTEM.lemmas).answer
    verdicts = {f.property: f.verdict.value for f in answer.findings}
    assert verdicts["reads_own"] == "UNDECIDED"


def test_what_the_interpreter_does_not_confirm_is_an_error():
    oracle = Oracle(SYSTEM, HASTY)
    found = oracle.preserved(CLAIMS["posted_is_held"], "give_back", CLAIMS.values())
    harmless = replace(found, step=Step("read", (0,)))
    with pytest.raises(Mismatch):
        confirmed(harmless, HASTY, list(CLAIMS.values()), CLAIMS["posted_is_held"])
    with pytest.raises(Mismatch):
        confirmed(found, HASTY, [CLAIMS["landed_stays"]], CLAIMS["holder_owns"])


def test_without_effort_nothing_is_claimed():
    oracle = Oracle(SYSTEM, WAITING, Effort(quick=1, long=1, sized=1))
    outcome = oracle.preserved(CLAIMS["landed_stays"], "land", CLAIMS.values())
    assert isinstance(outcome, Unknown)
    answer = prove_any_size(
        SYSTEM, SYSTEM.design("waiting"), effort=Effort(quick=1, long=1, sized=1)
    ).answer
    assert answer.verdict.value == "UNDECIDED"


def test_what_the_solver_does_not_tell_blames_nothing():
    design = SYSTEM.design("hasty")
    answer = prove_any_size(SYSTEM, design, effort=Effort(quick=1, long=1, sized=1)).answer
    assert not blamed(answer)
    assert "give_back" in not_decided(answer)
    judged = judge_proof(design, answer, blamed(answer), not_decided(answer), safe=False)
    assert judged.judgement is Judgement.UNDECIDED
    told = prove_any_size(SYSTEM, design).answer
    assert blamed(told) == ("give_back",)
    assert not not_decided(told)


def test_a_question_is_asked_again_with_other_seeds():
    one, four = (
        Oracle(SYSTEM, WAITING, Effort(quick=1, long=1, sized=1, tries=tries)) for tries in (1, 4)
    )
    for oracle in (one, four):
        oracle.preserved(CLAIMS["landed_stays"], "land", CLAIMS.values())
    assert four.queries == one.queries + 3


def test_an_answer_is_the_same_each_time():
    design = SYSTEM.design("hasty")
    answers = [prove_any_size(SYSTEM, design).answer for _ in range(2)]
    assert answers[0] == answers[1]


def test_a_limit_of_time_leaves_it_undecided():
    from fencepost.core.limits import Limits

    answer = prove_any_size(SYSTEM, SYSTEM.design("waiting"), limits=Limits(seconds=1e-9)).answer
    assert answer.stopped == "time limit reached"
    assert {f.verdict.value for f in answer.findings} == {"UNDECIDED"}


def things() -> System:
    return build(Things, ABOUT_THINGS, any_size=True)


def test_every_construct_is_read():
    system = things()
    answer = prove_any_size(system, system.designs[0]).answer
    verdicts = {f.property: f.verdict.value for f in answer.findings}
    assert verdicts == {
        "at_most_two": "HOLDS",
        "seen_are_there": "HOLDS",
        "best_is_greatest": "HOLDS",
        "flags_differ": "HOLDS",
        "never_above": "HOLDS",
        "wrong": "UNDECIDED",
        "no_fault": "HOLDS",
    }
    [broken] = [f.induction for f in answer.findings if f.induction is not None]
    assert dict(broken.sizes) == {"Place": 1, "Thing": 2}
