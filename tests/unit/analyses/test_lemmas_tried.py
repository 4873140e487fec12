"""Lemmas are tried before whatever goes by them, and what is not proved at its own size."""

from __future__ import annotations

import pytest

import fencepost.engines.explore as explore_module
from fencepost import *
from fencepost.analyses.expectations import Judgement
from fencepost.analyses.false_lemmas import refuse_false_lemmas
from fencepost.analyses.proofs import prove, prove_and_judge, prove_at_sizes
from fencepost.core.errors import InputError
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.engines.prove import induction
from fencepost.engines.prove.any_size import proving


class Gate(Model):
    """A gate lets guests in one by one, or (rude) all that come."""

    guests = Parameter(2, low=1)
    Guest = Index(guests)
    keeps_out = Barrier("whoever comes waits while somebody is inside", buys=["one_inside"])
    inside = Array(Guest, of=bool)
    seen = Array(Guest, of=bool)

    @action(guest=Guest)
    def enter(self, guest):
        if self.keeps_out:
            require(for_all(self.Guest, lambda other: not self.inside[other]))
        self.inside[guest] = True
        self.seen[guest] = True

    @action(guest=Guest)
    def leave(self, guest):
        require(self.inside[guest])
        self.inside[guest] = False

    kept = Design(keeps_out, expect=holds)
    rude = kept.without(keeps_out, expect=violates("one_inside", steps=2))


@always(Gate)
def one_inside(m, one: Gate.Guest, other: Gate.Guest):
    return one == other or not (m.inside[one] and m.inside[other])


@lemma(Gate)
def somebody_is_not_seen(m):
    """True of one guest, and until the third step of two."""
    return count(m.Guest, lambda guest: m.seen[guest]) < 3


@lemma(Gate, designs="rude")
def nobody_at_all(m, guest: Gate.Guest):
    return not m.inside[guest]


@pytest.fixture
def no_proof(monkeypatch):
    """Any attempt at a proof is a failure of the test."""

    def tried(*_args, **_options):
        pytest.fail("a proof was tried")

    monkeypatch.setattr(proving, "Oracle", tried)
    monkeypatch.setattr(induction, "BoundedSearch", tried)


def by_induction(system, design):
    return prove_at_sizes(system, design, most_k=2)


USERS = pytest.mark.parametrize("user", [prove, prove_and_judge, by_induction])


@USERS
def test_a_lemma_is_tried_at_the_sizes_that_are_asked_for(user):
    """It holds of two guests, and not of three."""
    two = build(Gate, [one_inside, somebody_is_not_seen])
    user(two, two.design("kept"))
    three = build(Gate, [one_inside, somebody_is_not_seen], {"guests": 3})
    with pytest.raises(InputError) as refused:
        user(three, three.design("kept"))
    assert refused.value.code == "F135"
    assert "`somebody_is_not_seen` is false of kept after 5 steps at guests=3: enter(" in (
        refused.value.what
    )
    assert refused.value.at is not None
    assert refused.value.at.file.endswith("test_lemmas_tried.py")


@USERS
@pytest.mark.usefixtures("no_proof")
def test_no_proof_is_tried_before(user):
    system = build(Gate, [one_inside, somebody_is_not_seen], {"guests": 3})
    with pytest.raises(InputError, match="F135"):
        user(system, system.design("kept"))


def test_induction_refuses_what_is_claimed_of_a_broken_design_alone():
    system = build(Gate, [one_inside, nobody_at_all])
    with pytest.raises(InputError) as refused:
        by_induction(system, system.design("rude"))
    assert "false of rude after 1 step" in refused.value.what
    assert by_induction(system, system.design("kept")).answer.findings


def test_induction_takes_what_a_broken_design_breaks_of_a_safe_one():
    """A lemma of the safe design is false of the broken one, which is no mistake."""
    system = build(Gate, [one_inside, somebody_is_not_seen], {"guests": 3})
    answer = by_induction(system, system.design("rude")).answer
    assert answer.verdict is Verdict.VIOLATED


class Hopeful(Gate):
    rude = Design(expect=holds)


class HopefulAndHelped(Gate):
    """Without its lemma, a safe design."""

    turn = Var(Maybe(Gate.Guest))

    @action(guest=Gate.Guest)
    def enter(self, guest):
        require(self.turn == NONE)
        self.turn = guest
        self.inside[guest] = True

    @action(guest=Gate.Guest)
    def leave(self, guest):
        require(self.inside[guest])
        self.inside[guest] = False
        self.turn = NONE

    rude = Design(expect=holds)


def test_what_is_wrong_is_told_from_what_is_not_proved():
    """Even where the sizes of the model are too small to show it."""
    alone = build(Hopeful, [one_inside], {"guests": 1})
    proof = prove_and_judge(alone, alone.design("rude"))
    (found,) = [f for f in proof.result.answer.findings if f.property == "one_inside"]
    assert (found.verdict, found.scope) == (Verdict.VIOLATED, "violated in 2 steps at Guest=2")
    assert proof.judged.judgement is Judgement.NOT_AS_EXPECTED
    (searched,) = proof.searched
    assert searched.violation is not None
    assert searched.violation.trace is not None
    steps = sorted(searched.system.show_step(s) for s in searched.violation.trace.steps)
    assert steps == ["enter(guest=0)", "enter(guest=1)"]


def test_what_is_not_proved_was_looked_for_at_its_size():
    system = build(HopefulAndHelped, [one_inside])
    proof = prove_and_judge(system, system.design("rude"))
    (found,) = [f for f in proof.result.answer.findings if f.property == "one_inside"]
    assert found.verdict is Verdict.UNDECIDED
    (searched,) = proof.searched
    assert searched.violation is None
    assert searched.complete
    assert searched.states == 3
    assert searched.sizes == "Guest=2"


def test_an_expected_violation_is_not_looked_for():
    system = build(Gate, [one_inside])
    assert prove_and_judge(system, system.design("rude")).searched == ()


def test_lemmas_of_all_designs_are_tried_by_one_compiled_search(monkeypatch):
    """Compiling takes longer than trying."""
    compiled = []
    original = explore_module.explore

    def noted(system, design, **asked):
        compiled.append(system)
        return original(system, design, **asked)

    monkeypatch.setattr(explore_module, "explore", noted)
    system = build(Gate, [one_inside, somebody_is_not_seen])
    for design in system.designs:
        for _ in ("k-induction", "any-size"):
            refuse_false_lemmas(system, design, system.lemmas, Limits())
    assert len(compiled) == 4
    assert len({id(each) for each in compiled}) == 1
