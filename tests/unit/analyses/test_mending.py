from __future__ import annotations

from dataclasses import replace

import pytest

from fencepost import (
    Array,
    Barrier,
    Design,
    Index,
    Model,
    Parameter,
    Var,
    action,
    always,
    build,
    reachable,
    require,
    violates,
)
from fencepost.analyses.mending import FEWEST_STATES, MOST_TRIALS, Hints
from fencepost.core.results import Verdict
from fencepost.engines.explore import explore


class Doors(Model):
    """Two doors that must not both be open, and barriers of every worth."""

    useless = Barrier("says more", buys=["not_both"])
    forbids_all = Barrier("nobody opens anything", buys=["not_both"])
    first_waits = Barrier("the first door waits for the second", buys=["order"])
    second_waits = Barrier("the second door waits for the first", buys=["order"])
    checked = Barrier("a door opens when the other is shut", buys=["somebody"])

    first = Var(bool, initial=False)
    second = Var(bool, initial=False)

    @action
    def open_first(self):
        require(not self.forbids_all)
        if self.checked or (self.first_waits and self.second_waits):
            require(not self.second)
        self.first = not self.first

    @action
    def open_second(self):
        require(not self.forbids_all)
        if self.checked or (self.first_waits and self.second_waits):
            require(not self.first)
        self.second = not self.second

    nothing = Design(expect=violates("not_both", steps=2))
    guarded = Design(checked, expect=violates("not_both", steps=2))


@always(Doors)
def not_both(m):
    """The doors are never both open."""
    return not (m.first and m.second)


@reachable(Doors)
def somebody(m):
    """A door can be open."""
    return m.first


@always(Doors)
def order(m):
    """A property for barriers to buy."""
    return m.first or not m.first


def hinted(system, design, name="not_both"):
    return Hints(system, explore).hint(design, explore(system, design).answer, name)


def test_one_barrier_that_keeps_everything_reachable():
    system = build(Doors, [not_both, somebody, order])
    found = hinted(system, system.design("nothing"))
    assert found.barriers == ("checked",)


def test_the_hint_is_true():
    system = build(Doors, [not_both, somebody, order])
    assert explore(system, system.design("guarded")).answer.verdict is Verdict.HOLDS


class Pairs(Model):
    """Only two barriers together help."""

    one = Barrier("one", buys=["shut"])
    two = Barrier("two", buys=["shut"])
    three = Barrier("three", buys=["shut"])
    open = Var(bool, initial=False)

    @action
    def go(self):
        require(not (self.two and self.three))
        self.open = not self.open

    bare = Design(expect=violates("shut", steps=1))


@always(Pairs)
def shut(m):
    """It stays shut."""
    return not m.open


def test_two_barriers_where_one_is_not_enough():
    system = build(Pairs, [shut])
    found = hinted(system, system.design("bare"), "shut")
    assert found.barriers == ("two", "three")


class Hopeless(Model):
    """No barrier helps."""

    switches = Parameter(3)
    Switch = Index(switches)
    only = Barrier("does nothing", buys=["never"])
    on = Array(Switch, of=bool)

    @action(switch=Switch)
    def flip(self, switch):
        self.on[switch] = not self.on[switch]

    bare = Design(expect=violates("never", steps=1))


@always(Hopeless)
def never(m, switch: Hopeless.Switch):
    """Nothing is on."""
    return not m.on[switch]


class Choosy(Model):
    """Two barriers remove the violation; the first does so at the price of another property."""

    sloppy = Barrier("sloppy", buys=["safe"])
    careful = Barrier("careful", buys=["safe"])
    forbids = Barrier("forbids everything", buys=["safe"])
    bad = Var(bool)
    leaked = Var(bool)
    moved = Var(bool)

    @action
    def go(self):
        require(not self.forbids)
        self.moved = True
        if self.sloppy:
            self.leaked = True
        elif not self.careful:
            self.bad = True

    bare = Design(expect=violates("safe", steps=1))
    blocked = Design(forbids, expect=violates("moves"))
    spoilt = Design(sloppy, expect=violates("tidy", steps=1))


@always(Choosy)
def safe(m):
    return not m.bad


@always(Choosy)
def tidy(m):
    return not m.leaked


@reachable(Choosy)
def moves(m):
    return m.moved


def test_a_mend_that_breaks_nothing_else_comes_first():
    system = build(Choosy, [safe, tidy, moves])
    found = hinted(system, system.design("bare"), "safe")
    assert (found.barriers, found.breaks) == (("careful",), ())


def test_a_mend_that_breaks_something_else_says_so():
    class OnlySloppy(Choosy):
        careful = Barrier("does nothing", buys=["safe"])

        @action
        def go(self):
            require(not self.forbids)
            self.moved = True
            if self.sloppy:
                self.leaked = True
            else:
                self.bad = True

    kinds = (always, always, reachable)
    bodies = (safe, tidy, moves)
    properties = [kind(OnlySloppy)(p.body) for kind, p in zip(kinds, bodies, strict=True)]
    system = build(OnlySloppy, properties)
    found = hinted(system, system.design("bare"), "safe")
    assert (found.barriers, found.breaks) == (("sloppy",), ("tidy",))


def test_what_cannot_be_reached_is_mended_by_switching_off():
    system = build(Choosy, [safe, tidy, moves])
    found = hinted(system, system.design("blocked"), "moves")
    assert (found.barriers, found.switched_off, found.breaks) == (("forbids",), True, ("safe",))


def test_no_barrier_helps():
    system = build(Hopeless, [never])
    found = hinted(system, system.design("bare"), "never")
    assert (found.barriers, found.doubtful) == ((), False)


def test_a_trial_that_is_cut_short_is_doubtful_and_not_believed():
    system = build(Choosy, [safe, tidy, moves])
    design = system.design("bare")
    broken = explore(system, design).answer
    limited = []

    def search(system, design, *, properties, first, limits):
        limited.append(limits.states)
        result = explore(system, design, properties=properties)
        findings = [replace(f, verdict=Verdict.UNDECIDED) for f in result.answer.findings]
        cut_short = replace(result.answer, findings=tuple(findings), complete=False)
        return replace(result, answer=cut_short)

    trials = Hints(system, search)
    found = trials.hint(design, broken, "safe")
    assert (found.barriers, found.doubtful) == ((), True)
    assert set(limited) == {FEWEST_STATES}
    trials.hint(design, replace(broken, states=FEWEST_STATES), "safe")
    assert set(limited) == {FEWEST_STATES, 2 * FEWEST_STATES}, "a larger trial may tell more"


def test_an_interrupt_during_a_trial_is_passed_on():
    system = build(Choosy, [safe, tidy, moves])
    design = system.design("bare")
    result = explore(system, design)
    interrupted = replace(result, answer=replace(result.answer, stopped="interrupted"))
    trials = Hints(system, lambda *_, **__: interrupted)
    with pytest.raises(KeyboardInterrupt):
        trials.hint(design, result.answer, "safe")


def test_a_run_that_a_barrier_does_not_touch_is_not_sought_again():
    system = build(Hopeless, [never])
    design = system.design("bare")
    broken = explore(system, design).answer

    def search(*_, **__):
        raise AssertionError("the run to the violation is one with the barrier, too")

    found = Hints(system, search).hint(design, broken, "never")
    assert (found.barriers, found.doubtful) == ((), False)


def test_what_is_known_is_not_searched_again():
    system = build(Doors, [not_both, somebody, order])
    nothing, guarded = system.designs
    searched = []

    def search(system, design, **options):
        searched.append(design.barriers)
        return explore(system, design, **options)

    trials = Hints(system, search)
    broken = explore(system, nothing).answer
    trials.remember(explore(system, guarded).answer)
    assert trials.hint(nothing, broken, "not_both").barriers == ("checked",)
    assert searched
    assert guarded.barriers not in searched
    before = list(searched)
    trials.hint(nothing, broken, "not_both")
    assert searched == before


def test_trials_are_bounded():
    assert 0 < MOST_TRIALS <= 100
