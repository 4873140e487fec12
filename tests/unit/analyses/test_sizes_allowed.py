"""Sizes that a model's parameters do not allow say nothing of it."""

import pytest

from fencepost import *
from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.proofs import prove_and_judge
from fencepost.core.results import Verdict
from fencepost.core.sizes import allowed, sorts
from tests.unit.analyses.inference.protocols import Pair, nobody_is_alone


class AtLeastTwo(Pair):
    """With one member alone its property is false, and that cannot be."""

    count = Parameter(2, low=2)


class AtMostTwo(Model):
    """With three members its property is false."""

    count = Parameter(2, high=2)
    Member = Index(count)
    crowded = Var(bool)

    @action(one=Member, two=Member, three=Member)
    def look(self, one, two, three):
        require(one != two)
        require(two != three)
        require(three != one)
        self.crowded = True

    expected = Design(expect=holds)


@always(AtMostTwo)
def nobody_is_in_the_way(m):
    """There is room."""
    return not m.crowded


class AlwaysTwo(Model):
    """Of a number that is written as it is."""

    Member = Index(2)
    seen = Array(Member, of=bool)

    @action(member=Member)
    def see(self, member):
        self.seen[member] = True


def verdicts(model, prop):
    system = build(model, [prop])
    proof = prove_and_judge(system, system.designs[0])
    return {f.verdict for f in proof.result.answer.findings if f.property == prop.name}


def test_a_proof_knows_how_many_there_are_at_least():
    assert verdicts(AtLeastTwo, nobody_is_alone) == {Verdict.HOLDS}


def test_what_is_wrong_with_more_than_there_can_be_is_not_proved_and_not_wrong():
    assert verdicts(AtMostTwo, nobody_is_in_the_way) == {Verdict.UNDECIDED}


@pytest.mark.parametrize(
    ("model", "prop"), [(AtLeastTwo, nobody_is_alone), (AtMostTwo, nobody_is_in_the_way)]
)
def test_lemmas_are_not_refused_for_what_cannot_be(model, prop):
    found = infer_lemmas(build(model, [prop], any_size=True), build(model, [prop]).designs[0])
    assert found.violation is None
    assert found.proved == (model is AtLeastTwo)


def test_sizes_are_moved_into_what_is_allowed():
    system = build(AtLeastTwo, [nobody_is_alone], any_size=True)
    (sort,) = sorts(system)
    assert (sort.least, sort.name) == (2, "Member")
    assert allowed(system, {"Member": 1}) == {"Member": 2}
    assert allowed(system, {"Member": 5}) == {"Member": 5}
    other = build(AlwaysTwo, any_size=True)
    assert [allowed(other, {"Member": n})["Member"] for n in (1, 2, 3)] == [2, 2, 2]


class Calculated(Model):
    """As many as are left: one, to begin with."""

    total, used = Parameter(3, low=3, high=10), Parameter(2, low=1, high=8)
    Free = Index(total - used)
    taken = Array(Free, of=bool)

    @action(free=Free)
    def take(self, free):
        self.taken[free] = True

    expected = Design(expect=holds)


@always(Calculated)
def there_are_two(m):
    """False of one alone."""
    return exists(m.Free, lambda free: exists(m.Free, lambda other: other != free))


def test_of_a_number_that_is_calculated_nothing_is_known():
    (sort,) = sorts(build(Calculated, [there_are_two], any_size=True))
    assert sort.least == 1
    assert allowed(build(Calculated, any_size=True), {"Free": 9}) == {"Free": 9}
    assert Verdict.HOLDS not in verdicts(Calculated, there_are_two)
