"""What is pending in a run, where a run ends, and what counts as evidence of an endless one."""

from __future__ import annotations

import pytest

from fencepost import *
from fencepost.core.evidence import Evidence, Mismatch, Way
from fencepost.core.questions import all_questions
from fencepost.core.system import Step
from fencepost.engines.explore import explore
from fencepost.language import PropertyDeclaration
from tests.unit.engines.deciding import HOLDS, VIOLATED, Verdict, fair_as, loop, verdict
from tests.unit.engines.test_liveness import Flicker, flicker_is_served

# Where a run ends.


class Ends(Model):
    """A run that ends stays where it is for ever, whether it may end there or not."""

    asked = Var(bool, initial=False)
    answered = Var(bool, initial=False)

    @action
    def ask(self):
        require(not self.asked)
        self.asked = True


class EndsWell(Ends):
    @final
    def over(self):
        return self.asked


class Answers(Ends):
    """The answer comes although nobody is fair: nothing else can happen."""

    @action
    def answer(self):
        require(self.asked and not self.answered)
        self.answered = True


@leads_to(Ends)
def asked_is_answered(m):
    return m.asked, m.answered


@eventually(Ends)
def is_asked(m):
    return m.asked


@pytest.mark.parametrize("model", [Ends, EndsWell])
def test_what_is_pending_where_a_run_ends_is_violated(model: type[Model]) -> None:
    assert verdict(model, asked_is_answered) is VIOLATED
    assert loop(model, asked_is_answered) == []
    assert verdict(model, is_asked) is HOLDS


def test_a_run_goes_on_while_anything_can_happen() -> None:
    assert verdict(Answers, asked_is_answered) is HOLDS


class Faults(Model):
    """After the only step the next one faults: a fault is no end, and a finding of its own."""

    asked = Var(Range(0, 1), initial=0)

    @action
    def ask(self):
        self.asked += 1


@eventually(Faults)
def never_comes(m):
    return m.asked == 0 and m.asked == 1


def test_a_state_whose_only_step_faults_is_no_end() -> None:
    assert verdict(Faults, never_comes) is HOLDS
    answer = explore(build(Faults, [never_comes]), build(Faults, [never_comes]).designs[0]).answer
    assert answer.verdict is VIOLATED
    assert [f.property for f in answer.findings if f.verdict is VIOLATED] == ["no_fault"]


# What is pending.


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


# What is reported is performed again, and what is no violation is refused.


def test_evidence_refuses_what_is_no_fair_run_that_owes_something() -> None:
    system = fair_as(build(Flicker, [flicker_is_served]), serve="strong")
    [question] = all_questions(system)
    start = (0, 0)
    switch, serve, rest = (Step(name, ()) for name in ("switch", "serve", "rest"))
    evidence = Evidence(system, system.designs[0])

    def refused(way: Way, why: str) -> None:
        with pytest.raises(Mismatch, match=why):
            evidence.lasso(question, way)

    refused(Way(start, (switch, switch), 0), "unfair to serve")
    refused(Way(start, (switch,), 0), "does not close")
    refused(Way(start, (switch, switch)), "does not go on for ever")
    refused(Way(start, (switch, serve, rest), 2), "sees no violation")
    refused(Way(start, (), 0), "need not end")
    unfair = build(Flicker, [flicker_is_served])
    found = Evidence(unfair, unfair.designs[0]).lasso(question, Way(start, (switch, switch), 0))
    assert (found.verdict, found.detail) == (VIOLATED, "the run repeats steps 1 to 2 for ever")
