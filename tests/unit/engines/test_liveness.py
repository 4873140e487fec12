"""The classic traps of liveness: what is fair, what is pending, and where a run ends.

Every model here is decided twice, by the compiled search and by the slow one over the interpreter,
and whatever run is reported is performed again by the interpreter.
"""

from __future__ import annotations

import pytest

from fencepost import *
from fencepost.core.evidence import Evidence, Mismatch, Way
from fencepost.core.questions import all_questions
from fencepost.core.results import Verdict
from fencepost.core.system import Fairness, Step
from fencepost.engines.explore import explore
from fencepost.language import PropertyDeclaration
from tests.unit.engines.deciding_liveness import HOLDS, VIOLATED, decided, fair_as, loop, verdict

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


class StuttersWhileDim(Model):
    """A strongly fair step that changes nothing while it is dim, and ends it while it is lit: only
    where it changes something is it possible, and staying dim owes it nothing."""

    lit = Var(bool, initial=False)
    done = Var(bool, initial=False)

    @action
    def switch(self):
        require(not self.done)
        self.lit = not self.lit

    @fair("strong")
    @action
    def work(self):
        """A self-loop in the dark."""
        self.done = self.done or self.lit


@eventually(StuttersWhileDim)
def dim_is_done(m):
    return m.done


def test_a_strongly_fair_self_loop_is_no_chance_that_was_missed() -> None:
    """Staying in the dark by the self-loop alone is fair, though the step is taken all the time;
    going through the light again and again without working there is not."""
    assert verdict(StuttersWhileDim, dim_is_done) is VIOLATED
    assert loop(StuttersWhileDim, dim_is_done) == ["work"]
    system = build(StuttersWhileDim, [dim_is_done])
    weak = fair_as(system, work="weak", switch="weak")
    assert [f.verdict for f in decided(weak).values()] == [VIOLATED]
    # Whoever has to switch comes to the light, again and again.
    strong = fair_as(system, switch="weak")
    assert [f.verdict for f in decided(strong).values()] == [HOLDS]


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
