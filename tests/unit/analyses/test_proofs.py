"""Lemmas are tried before a proof; what has no reading for any size says so."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fencepost import *
from fencepost.analyses.expectations import Judgement
from fencepost.analyses.proofs import NO_READING, prove, prove_and_judge
from fencepost.core.errors import InputError, NoReading
from fencepost.core.expressions import Constant, Equal, Variable
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.engines.explore import explore
from fencepost.engines.prove.any_size import prove_any_size


class Lock(Model):
    threads = Parameter(2, low=1)
    Thread = Index(threads)
    asks = Barrier("a thread asks before it enters", buys=["one_inside"])
    inside = Array(Thread, of=bool)
    holder = Var(Maybe(Thread))

    @action(thread=Thread)
    def enter(self, thread):
        if self.asks:
            require(self.holder == NONE)
        self.inside[thread] = True
        self.holder = thread

    @action(thread=Thread)
    def leave(self, thread):
        require(self.inside[thread])
        self.inside[thread] = False
        self.holder = NONE

    asking = Design(asks, expect=holds)
    rude = asking.without(asks, expect=violates("one_inside", steps=2), blames="enter")


@always(Lock)
def one_inside(m, one: Lock.Thread, other: Lock.Thread):
    return one == other or not (m.inside[one] and m.inside[other])


@reachable(Lock)
def somebody_enters(m):
    return exists(m.Thread, lambda thread: m.inside[thread])


@lemma(Lock)
def who_is_inside_holds(m, thread: Lock.Thread):
    """Whoever is inside holds the lock."""
    return not m.inside[thread] or m.holder == thread


@lemma(Lock)
def nobody_enters(m, thread: Lock.Thread):
    return not m.inside[thread]


@lemma(Lock, designs="rude")
def never_used(m, thread: Lock.Thread):
    return not m.inside[thread]


GOOD = build(Lock, [one_inside, who_is_inside_holds])


def test_a_safe_and_a_broken_design():
    safe = prove_and_judge(GOOD, GOOD.design("asking"))
    assert safe.judged.judgement is Judgement.AS_EXPECTED
    assert safe.result.answer.verdict is Verdict.HOLDS
    broken = prove_and_judge(GOOD, GOOD.design("rude"))
    assert broken.judged.judgement is Judgement.AS_EXPECTED
    assert broken.lemmas_of.name == "asking"
    assert broken.blamed == ("enter",)


def test_without_its_lemma_a_safe_design_is_undecided():
    """Its verdict is: that a proof is missing contradicts nothing."""
    system = build(Lock, [one_inside])
    done = prove_and_judge(system, system.design("asking"))
    assert done.result.answer.verdict is Verdict.UNDECIDED
    assert done.judged.judgement is Judgement.UNDECIDED
    assert any("one_inside" in reason for reason in done.judged.reasons)


def test_a_wrong_blame_is_not_as_expected():
    class Wrong(Lock):
        rude = Design(expect=violates("one_inside", steps=2), blames="leave")

    system = build(Wrong, [one_inside, who_is_inside_holds])
    done = prove_and_judge(system, system.design("rude"))
    assert done.judged.judgement is Judgement.NOT_AS_EXPECTED
    assert done.judged.reasons == ("the proof blames enter; the design leave",)


def test_a_proof_where_a_violation_was_expected_is_not_as_expected():
    class Hopeless(Lock):
        asking = Design(Lock.asks, expect=holds)
        also_asking = Design(Lock.asks, expect=violates("one_inside"))

    system = build(Hopeless, [one_inside, who_is_inside_holds])
    done = prove_and_judge(system, system.design("also_asking"))
    assert done.judged.judgement is Judgement.NOT_AS_EXPECTED
    assert "one_inside is proved, and a violation was expected" in done.judged.reasons


def test_a_false_lemma_is_refused_with_its_trace():
    system = build(Lock, [one_inside, who_is_inside_holds, nobody_enters])
    with pytest.raises(InputError) as refused:
        prove(system, system.design("asking"))
    assert refused.value.code == "F135"
    assert "nobody_enters" in refused.value.what
    assert "after 1 step for thread=0 at threads=2: enter(thread=0)" in refused.value.what
    assert refused.value.at is not None
    assert refused.value.at.file.endswith("test_proofs.py")


def test_a_lemma_of_another_design_is_not_used():
    system = build(Lock, [one_inside, who_is_inside_holds, never_used])
    answer = prove(system, system.design("asking")).answer
    assert answer.verdict is Verdict.HOLDS
    assert "never_used" not in dict(answer.facts)["lemmas used"]


def test_chosen_properties_that_no_proof_decides_are_undecided():
    with_stuck = build(Lock, [one_inside, who_is_inside_holds, somebody_enters])
    asking, rude = with_stuck.designs
    for chosen in (["no_stuck_state"], ["somebody_enters"]):
        for design in (asking, rude):
            proof = prove_and_judge(with_stuck, design, properties=chosen)
            assert {f.verdict for f in proof.result.answer.findings} == {Verdict.UNDECIDED}
            assert proof.judged.judgement is Judgement.UNDECIDED
    both = prove_and_judge(with_stuck, asking, properties=["one_inside", "somebody_enters"])
    assert [(f.property, f.verdict) for f in both.result.answer.findings] == [
        ("one_inside", Verdict.HOLDS),
        ("somebody_enters", Verdict.UNDECIDED),
    ]
    named = [p.name for p in with_stuck.properties] + ["no_fault", "no_stuck_state"]
    every = prove_and_judge(with_stuck, asking, properties=named)
    assert every.judged.judgement is Judgement.UNDECIDED
    # Where none are named they are left to other engines, and judged as they were.
    whole = prove_and_judge(with_stuck, asking)
    assert whole.judged.judgement is Judgement.AS_EXPECTED


def test_lemmas_are_no_properties():
    system = build(Lock, [one_inside, who_is_inside_holds, nobody_enters])
    names = {f.property for f in explore(system, system.design("asking")).answer.findings}
    assert names == {"one_inside", "no_fault", "no_stuck_state"}
    assert system.digest == GOOD.digest


def test_a_limit_leaves_a_safe_design_undecided():
    done = prove_and_judge(GOOD, GOOD.design("asking"), limits=Limits(seconds=1e-6))
    assert done.judged.judgement is Judgement.UNDECIDED


class Looping(Model):
    Thread = Index(2)
    inside = Array(Thread, of=bool)

    @action
    def all_leave(self):
        for thread in self.Thread:
            self.inside[thread] = False


@always(Looping)
def nobody(m, thread: Looping.Thread):
    return not m.inside[thread]


def test_what_is_finite_only_is_undecided_and_names_its_line():
    system = build(Looping, [nobody])
    answer = prove(system, system.designs[0]).answer
    assert {f.verdict for f in answer.findings} == {Verdict.UNDECIDED}
    scope = answer.findings[0].scope
    assert re.search(r"a loop over Thread \(.*test_proofs\.py:\d+\); write `for_all`", scope)
    assert dict(answer.facts)[NO_READING] == scope


class Counting(Model):
    n = Parameter(2, low=1)
    Thread = Index(n)
    inside = Var(Range(0, n), initial=0)

    @action
    def enter(self):
        require(self.inside < 1)
        self.inside += 1


@pytest.mark.parametrize(
    ("model", "says", "write"),
    [
        (Looping, "a loop over Thread", "for_all"),
        (Counting, "a Range whose bounds are sizes, Range(0, n)", "a set of what is counted"),
    ],
)
def test_the_refusal_says_what_to_write(model: type[Model], says: str, write: str):
    with pytest.raises(InputError) as refused:
        build(model, [], any_size=True)
    assert refused.value.code == "F130"
    assert says in refused.value.what
    assert write in refused.value.write
    assert refused.value.at is not None


class StartsWithASize(Model):
    n = Parameter(2, low=1)
    Thread = Index(n)
    left = Var(Range(0, 9), initial=n)

    @action(thread=Thread)
    def leave(self, thread):
        require(self.left > 0)
        self.left -= 1


def test_initial_values_that_are_sizes_are_refused():
    with pytest.raises(InputError, match="initial values of left that are sizes") as refused:
        build(StartsWithASize, [], any_size=True)
    assert refused.value.code == "F130"


class StartsWithANumber(Model):
    """No lemma says what the limit is, so the proof is about each of its values."""

    n, most = Parameter(2, low=1), Parameter(2, low=1, high=9)
    Thread = Index(n)
    limit = Var(Range(1, 9), initial=most)
    used = Array(Thread, of=Range(0, 9), initial=0)

    @action(thread=Thread)
    def use(self, thread):
        require(self.used[thread] < self.limit)
        self.used[thread] += 1


@always(StartsWithANumber)
def stays_below_its_limit(m, thread: StartsWithANumber.Thread):
    return m.used[thread] <= m.limit


def test_a_number_of_the_protocol_starts_a_field_and_is_proved_for():
    system = build(StartsWithANumber, [stays_below_its_limit], {"most": 7})
    answer = prove(system, system.designs[0]).answer
    assert {f.verdict for f in answer.findings} == {Verdict.HOLDS}


def test_initial_values_that_tell_members_apart_are_refused():
    class First(Model):
        Thread = Index(2)
        up = Array(Thread, of=bool, initial=lambda thread: thread == 0)

        @action(thread=Thread)
        def rise(self, thread):
            self.up[thread] = True

    with pytest.raises(InputError, match="initial values of up that depend on its index"):
        build(First, [], any_size=True)


def test_a_count_used_as_a_number_is_refused():
    class Many(Model):
        Thread = Index(9)
        up = Array(Thread, of=bool)

        @action(thread=Thread)
        def rise(self, thread):
            require(count(self.Thread, lambda t: self.up[t]) < 7)
            self.up[thread] = True

    @always(Many)
    def few(m):
        return count(m.Thread, lambda t: m.up[t]) < 9

    system = build(Many, [few])
    with pytest.raises(InputError) as refused:
        prove_and_judge(system, system.designs[0])
    assert refused.value.code == "F130"
    assert "exists" in refused.value.write
    answer = prove(system, system.designs[0]).answer
    assert answer.verdict is Verdict.UNDECIDED
    assert "a count beside a number" in answer.findings[0].scope


def test_a_count_that_is_stored_is_refused():
    class Stored(Model):
        Thread = Index(2)
        up = Array(Thread, of=bool)
        many = Var(Range(0, 2), initial=0)

        @action
        def tell(self):
            self.many = count(self.Thread, lambda t: self.up[t])

    @always(Stored)
    def few(m):
        return m.many == 0

    system = build(Stored, [few])
    with pytest.raises(InputError) as refused:
        prove_and_judge(system, system.designs[0])
    assert refused.value.code == "F133"


def test_how_many_members_there_are_is_not_known():
    """With no size, `count(...)` of what is always true is not the size of the recording."""

    class Sized(Model):
        Thread = Index(2)
        up = Var(bool)
        waits = Barrier("waits", buys=["stays_down"])

        @action
        def rise(self):
            require(count(self.Thread, lambda t: True) >= 2)
            self.up = True

        @action
        def fall(self):
            require(count(self.Thread, lambda t: self.waits) >= 2)
            self.up = False

        all_on = Design(waits, expect=violates("stays_down", steps=1))

    @always(Sized)
    def stays_down(m):
        return not m.up

    unbounded = build(Sized, [stays_down], any_size=True)
    answer = prove_any_size(unbounded, unbounded.designs[0]).answer
    [failure] = [f.induction for f in answer.findings if f.induction is not None]
    assert dict(failure.sizes) == {"Thread": 2}


def test_names_are_known():
    @lemma(Lock, designs=("asked",))
    def of_no_design(m):
        return True

    with pytest.raises(InputError) as refused:
        build(Lock, [one_inside, of_no_design])
    assert refused.value.code == "F131"
    assert "asking" in refused.value.write

    class Blaming(Lock):
        rude = Design(expect=violates("one_inside", steps=2), blames="entre")

    with pytest.raises(InputError) as refused:
        build(Blaming, [one_inside])
    assert refused.value.code == "F132"
    assert refused.value.write == "enter"

    with pytest.raises(InputError) as refused:
        build(Looping, [nobody, who_is_inside_holds])
    assert refused.value.code == "F105"
    assert "lemma `who_is_inside_holds` is about Lock, not Looping" in refused.value.what


def test_a_system_put_together_by_hand_has_no_reading():
    by_hand = replace(GOOD, record_for_any_size=None)
    with pytest.raises(NoReading) as refused:
        prove_and_judge(by_hand, by_hand.design("asking"))
    assert refused.value.code == "F137"
    assert prove(by_hand, by_hand.design("asking")).answer.verdict is Verdict.UNDECIDED


def test_a_numbered_member_is_refused():
    numbered = Constant(0, GOOD.field["inside"].indices[0])
    condition = Equal(Variable("thread", numbered.of), numbered)
    lemma_ = replace(GOOD.lemmas[0], condition=condition)
    unbounded = build(Lock, [one_inside], any_size=True)
    with pytest.raises(NoReading) as refused:
        prove_any_size(unbounded, unbounded.design("asking"), lemmas=[lemma_])
    assert refused.value.code == "F134"
