"""When a goal counts, and what searches that follow single ways miss."""

from __future__ import annotations

from functools import partial

import pytest

from fencepost import *
from fencepost.analyses.proofs import prove
from fencepost.core.results import Verdict
from fencepost.engines.fuzz import fuzz, walk
from fencepost.engines.prove import bounded, k_induction
from fencepost.language import PropertyDeclaration, build
from fencepost.running import ENGINES, EXPLORE
from tests.unit.engines.deciding_liveness import HOLDS, VIOLATED, loop, verdict


class Counter(Model):
    """Counts round: what was met before the premise does not count, what holds with it does."""

    value = Var(Range(0, 3), initial=0)

    @action
    def up(self):
        self.value = choose(self.value == 3, 2, self.value + 1)


@leads_to(Counter)
def already_true(m):
    return m.value == 0, m.value == 0


@leads_to(Counter)
def met_before(m):
    return m.value == 1, m.value == 0


@leads_to(Counter)
def met_on_the_way(m):
    return m.value <= 1, m.value == 2


@leads_to(Counter)
def met_for_ever(m):
    """Raised in every round, and met in every round."""
    return m.value == 3, m.value == 2


@leads_to(Counter)
def never_raised(m):
    return m.value == 3 and m.value == 0, m.value == 1 and m.value == 0


@leads_to(Counter)
def in_order(m):
    return m.value == 2, m.value == 1


@eventually(Counter)
def only_at_the_start(m):
    return m.value == 0


@eventually(Counter)
def never_met(m):
    return m.value == 3 and m.value == 0


@pytest.mark.parametrize(
    ("prop", "expected"),
    [
        (already_true, HOLDS),
        (met_before, VIOLATED),
        (met_on_the_way, HOLDS),
        (met_for_ever, HOLDS),
        (never_raised, HOLDS),
        (in_order, VIOLATED),
        (only_at_the_start, HOLDS),
        (never_met, VIOLATED),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_when_a_goal_counts(prop: PropertyDeclaration, expected: Verdict) -> None:
    assert verdict(Counter, prop) is expected


# The false negative that Stateright documents for `eventually`: its search keeps one bit a state
# for what is still pending, so where two ways join, or a way comes back, the bits of the first one
# count, and a run that never meets the condition goes unnoticed.


class Join(Model):
    """Two ways lead to one state, one of them by way of the condition."""

    place = Var(Range(0, 3), initial=0)

    @action(to=Range(1, 2))
    def leave(self, to):
        require(self.place == 0)
        self.place = to

    @action
    def join(self):
        require(self.place in (1, 2))
        self.place = 3


@eventually(Join)
def by_way_of_one(m):
    return m.place == 1


@eventually(Join)
def by_way_of_two(m):
    return m.place == 2


class Cycle(Model):
    """The way to the condition may be put off by going round."""

    place = Var(Range(0, 2), initial=0)

    @action
    def go_round(self):
        require(self.place != 2)
        self.place = 1 - self.place

    @action
    def leave(self):
        require(self.place == 1)
        self.place = 2


@eventually(Cycle)
def is_left(m):
    return m.place == 2


def test_what_stateright_misses_where_ways_join() -> None:
    assert verdict(Join, by_way_of_one) is VIOLATED
    assert verdict(Join, by_way_of_two) is VIOLATED


def test_what_stateright_misses_where_a_way_comes_back() -> None:
    assert verdict(Cycle, is_left) is VIOLATED
    assert loop(Cycle, is_left) == ["go_round", "go_round"]


CANNOT_DECIDE = {
    "bounded": partial(bounded, steps=3),
    "k-induction": partial(k_induction, most_k=3),
    "any-size": prove,
    "fuzz": partial(fuzz, examples=3, steps=5),
    "walk": partial(walk, walks=10, steps=5),
}


@pytest.mark.parametrize("name", sorted({*ENGINES} - {EXPLORE}))
def test_an_engine_that_cannot_decide_says_so(name: str) -> None:
    """Whether the property holds or not, and also where the engine has come to all states."""
    for model, prop in ((Counter, met_for_ever), (Join, by_way_of_one)):
        system = build(model, [prop])
        answer = CANNOT_DECIDE[name](system, system.designs[0], properties=[prop.name]).answer
        [finding] = answer.findings
        assert (finding.property, finding.verdict) == (prop.name, Verdict.UNDECIDED)


# Strong fairness needs more than one look: what is left without the states where it is owed.


class Nested(Model):
    """A large loop owes `leave`; the small one in it avoids where that is possible."""

    place = Var(Range(0, 4), initial=0)

    @action
    def go(self):
        require(self.place < 3)
        self.place = choose(self.place == 2, 0, self.place + 1)

    @action
    def turn_back(self):
        require(self.place == 1)
        self.place = 0

    @fair("strong")
    @action
    def leave(self):
        require(self.place == 2)
        self.place = 4


@eventually(Nested)
def is_out(m):
    return m.place == 4


class NotNested(Nested):
    @action
    def turn_back(self):
        require(self.place == 2)
        self.place = 0


def test_strong_fairness_is_kept_by_a_loop_that_avoids_the_step() -> None:
    assert verdict(Nested, is_out) is VIOLATED
    assert sorted(loop(Nested, is_out)) == ["go", "turn_back"]
    assert verdict(NotNested, is_out) is HOLDS
