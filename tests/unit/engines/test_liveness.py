"""What fairness demands: the classic traps, each with a model that separates the readings."""

from __future__ import annotations

import pytest

from fencepost import *
from fencepost.core.system import Fairness, Step
from fencepost.language import PropertyDeclaration
from tests.unit.engines.deciding import HOLDS, VIOLATED, Verdict, decided, fair_as, loop, verdict

# Unfair, weakly fair and strongly fair: a lamp that flickers while somebody waits for a turn.


class Flicker(Model):
    lit = Var(bool, initial=False)
    served = Var(bool, initial=False)

    @action
    def switch(self):
        require(not self.served)
        self.lit = not self.lit

    @action
    def serve(self):
        """Possible only while the lamp is lit: again and again, and never for good."""
        require(self.lit and not self.served)
        self.served = True

    @action
    def rest(self):
        require(self.served)
        self.served = self.served


class Steady(Model):
    """The same, but once it is lit it stays so."""

    ticks = Var(Range(0, 1), initial=0)
    served = Var(bool, initial=False)

    @action
    def tick(self):
        self.ticks = 1 - self.ticks

    @action
    def serve(self):
        self.served = True


@eventually(Flicker)
def flicker_is_served(m):
    return m.served


@eventually(Steady)
def steady_is_served(m):
    return m.served


@pytest.mark.parametrize(
    ("model", "prop", "kind", "expected"),
    [
        (Flicker, flicker_is_served, "", VIOLATED),
        (Flicker, flicker_is_served, "weak", VIOLATED),
        (Flicker, flicker_is_served, "strong", HOLDS),
        (Steady, steady_is_served, "", VIOLATED),
        (Steady, steady_is_served, "weak", HOLDS),
        (Steady, steady_is_served, "strong", HOLDS),
    ],
)
def test_each_kind_of_fairness_has_a_design_that_needs_it(
    model: type[Model], prop: PropertyDeclaration, kind: Fairness, expected: Verdict
) -> None:
    [finding] = decided(fair_as(build(model, [prop]), serve=kind)).values()
    assert finding.verdict is expected


# One of several starves: fairness is of each step, not of the action as a whole.


class Starving(Model):
    Request = Index(2)
    waits = Array(Request, of=bool, initial=True)

    @fair
    @action(request=Request)
    def serve(self, request):
        require(self.waits[request])
        self.waits[request] = False

    @action(request=Request)
    def ask(self, request):
        require(not self.waits[request])
        self.waits[request] = True


@leads_to(Starving)
def is_served(m, request: Starving.Request):
    return m.waits[request], not m.waits[request]


class StarvingOneServer(Starving):
    """The server has one place, so serving one request makes the other wait again and again."""

    place = Var(Maybe(Starving.Request), initial=NONE)

    @fair
    @action(request=Starving.Request)
    def serve(self, request):
        require(self.waits[request] and self.place == NONE)
        self.place = request

    @fair
    @action(request=Starving.Request)
    def finish(self, request):
        require(self.place == request)
        self.place = NONE
        self.waits[request] = False


def test_a_request_starves_beside_another_only_if_its_own_step_is_unfair() -> None:
    weak = decided(build(Starving, [is_served]))
    assert {f.verdict for f in weak.values()} == {HOLDS}
    unfair = decided(fair_as(build(Starving, [is_served]), serve=""))
    assert {f.verdict for f in unfair.values()} == {VIOLATED}


def test_one_of_two_starves_although_the_action_is_taken_again_and_again() -> None:
    """Weak fairness of the step is not enough here, and the run takes the action for ever."""
    system = build(StarvingOneServer, [is_served])
    found = decided(system)
    assert {f.verdict for f in found.values()} == {VIOLATED}
    starving = found["is_served(request=0)"].trace
    assert starving is not None
    repeated = starving.steps[starving.loop :]
    assert Step("serve", (1,)) in repeated and Step("serve", (0,)) not in repeated
    assert {f.verdict for f in decided(fair_as(system, serve="strong")).values()} == {HOLDS}


# Steps that change nothing.


class SelfLoop(Model):
    """Looking around changes nothing, and may be done for ever."""

    done = Var(bool, initial=False)

    @fair
    @action
    def look(self):
        pass

    @action
    def work(self):
        self.done = True


@eventually(SelfLoop)
def work_is_done(m):
    return m.done


class FairWork(SelfLoop):
    @fair
    @action
    def work(self):
        self.done = True


def test_a_step_that_changes_nothing_is_a_way_to_go_on() -> None:
    assert verdict(SelfLoop, work_is_done) is VIOLATED
    assert loop(SelfLoop, work_is_done) == ["look"]


def test_a_fair_step_is_not_put_off_by_steps_that_change_nothing() -> None:
    assert verdict(FairWork, work_is_done) is HOLDS


class Stutters(Model):
    """The only fair step changes nothing, so taking it is no duty and no merit."""

    done = Var(bool, initial=False)
    turn = Var(bool, initial=False)

    @action
    def spin(self):
        self.turn = not self.turn

    @fair("strong")
    @action
    def work(self):
        self.done = self.done

    @action
    def finish(self):
        self.done = True


@eventually(Stutters)
def stutters_to_the_end(m):
    return m.done


def test_a_fair_step_that_changes_nothing_demands_nothing() -> None:
    assert verdict(Stutters, stutters_to_the_end) is VIOLATED


class IdleHere(Model):
    """Work changes nothing in one state of the loop, and would in the other."""

    done = Var(bool, initial=False)
    turn = Var(bool, initial=False)

    @fair
    @action
    def spin(self):
        self.turn = not self.turn

    @fair("strong")
    @action
    def work(self):
        if self.turn:
            self.done = True


@eventually(IdleHere)
def work_gets_done(m):
    return m.done


def test_taking_a_fair_step_where_it_changes_nothing_does_not_count() -> None:
    assert verdict(IdleHere, work_gets_done) is HOLDS


# Fair, but disabled in the end.


class Disabled(Model):
    """The fair step is possible for a while, and then never again."""

    left = Var(Range(0, 2), initial=2)
    served = Var(bool, initial=False)

    @action
    def pass_time(self):
        require(not self.served)
        self.left = choose(self.left == 0, 0, self.left - 1)

    @fair("strong")
    @action
    def serve(self):
        require(self.left > 0 and not self.served)
        self.served = True


@eventually(Disabled)
def served_in_time(m):
    return m.served


def test_a_fair_step_that_becomes_impossible_is_no_longer_owed() -> None:
    assert verdict(Disabled, served_in_time) is VIOLATED
    [finding] = decided(build(Disabled, [served_in_time])).values()
    assert finding.trace is not None
    assert [step.action for step in finding.trace.steps] == ["pass_time"] * 3
    assert finding.trace.loop == 2


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
