"""Which of several mends comes first, and what is said of the others and of other properties."""

from __future__ import annotations

from dataclasses import replace

from fencepost import *
from fencepost.analyses.mending import Hints
from fencepost.core.results import Verdict
from fencepost.engines.explore import explore


def hinted(system, design, name):
    return Hints(system, explore).hint(design, explore(system, design).answer, name)


class Leaky(Model):
    """Three taps, each shut by barriers of its own; the main tap shuts two of them."""

    washer = Barrier("shuts the first tap", buys=["first_dry"])
    main_tap = Barrier("shuts the first tap and the second", buys=["second_dry"])
    plaster = Barrier("shuts the first tap and opens the third", buys=["third_dry"])
    first = Var(bool)
    second = Var(bool)
    third = Var(bool)

    @action
    def drip(self):
        if not self.washer and not self.main_tap and not self.plaster:
            self.first = True
        if not self.main_tap:
            self.second = True
        if self.plaster:
            self.third = True

    old = Design(expect=(violates("second_dry"), violates("first_dry")))
    plastered = Design(plaster, expect=(violates("second_dry"), violates("third_dry")))


@always(Leaky)
def first_dry(m):
    return not m.first


@always(Leaky)
def second_dry(m):
    return not m.second


@always(Leaky)
def third_dry(m):
    return not m.third


def leaky():
    return build(Leaky, [first_dry, second_dry, third_dry])


def test_what_stays_violated_is_said_and_the_mend_that_leaves_least_comes_first():
    system = leaky()
    found = hinted(system, system.design("old"), "first_dry")
    assert (found.barriers, found.breaks, found.leaves) == (("main_tap",), (), ())
    assert found.others == (), "the washer leaves the second tap as it was"


def test_what_is_violated_before_is_not_broken_by_a_mend_also_if_one_property_was_asked_for():
    system = leaky()
    design = system.design("plastered")
    for options in ({}, {"properties": ["second_dry"]}, {"first": True}):
        broken = explore(system, design, **options).answer
        found = Hints(system, explore).hint(design, broken, "second_dry")
        assert (found.barriers, found.breaks) == (("main_tap",), ())
        assert found.leaves == ("third_dry",)


def test_what_was_not_decided_before_is_not_called_broken():
    system = leaky()
    design = system.design("plastered")
    answer = explore(system, design).answer
    unsure = [
        replace(f, verdict=Verdict.UNDECIDED) if f.property == "third_dry" else f
        for f in answer.findings
    ]
    found = Hints(system, explore).hint(
        design, replace(answer, findings=tuple(unsure), complete=False), "second_dry"
    )
    assert (found.barriers, found.breaks) == (("main_tap",), ())


class Gates(Model):
    """Three gates, each of which is enough, and so is one of them with a bell."""

    north = Barrier("the north gate", buys=["shut_in"])
    south = Barrier("the south gate", buys=["shut_in"])
    east = Barrier("the east gate", buys=["nothing_else"])
    out = Var(bool)

    @action
    def leave(self):
        require(not self.north and not self.south and not self.east)
        self.out = True

    open = Design(expect=violates("shut_in"))
    walled = Design(east, expect=holds)


@always(Gates)
def shut_in(m):
    return not m.out


@always(Gates)
def nothing_else(m):
    return True


def test_a_mend_that_makes_another_design_comes_first_and_others_that_do_the_same_are_named():
    system = build(Gates, [shut_in, nothing_else])
    found = hinted(system, system.design("open"), "shut_in")
    assert found.barriers == ("east",)
    assert found.others == (("north",), ("south",))


def test_every_search_for_hints_is_made_once():
    system = leaky()
    searched = []

    def search(system, design, **options):
        asked = options["properties"]
        searched.append((design.barriers, asked and tuple(asked)))
        return explore(system, design, **options)

    trials = Hints(system, search)
    for design in system.designs:
        broken = explore(system, design).answer
        trials.remember(broken)
        for name in ("first_dry", "second_dry", "third_dry"):
            trials.hint(design, broken, name)
    assert len(searched) == len(set(searched))
