"""Implementations of broken designs follow the model to its violations, and not by accident."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fencepost import *
from fencepost.conforming import claims_of, judge
from fencepost.engines.conform.driver import STEPS_LIMIT, conform
from fencepost.engines.conform.driving import Driving
from fencepost.engines.conform.outcomes import Conformity
from fencepost.engines.explore import explore
from tests.unit.engines.conform.mirrors import mirror


class Tank(Model):
    """It is filled and emptied; a full one overflows, and a valve can get stuck for good."""

    size = Parameter(2)

    level = Var(of=Range(0, 2), initial=0)
    stuck = Var(of=bool)

    checks_level = Barrier("nobody fills a full tank", buys=["no_fault"])
    valve_is_greased = Barrier("the valve never gets stuck", buys=["can_be_emptied"])

    @action
    def fill(self):
        if self.checks_level:
            require(self.level < 2)
        self.level += 1

    @action
    def empty(self):
        require(self.level > 0 and not self.stuck)
        self.level = 0

    @action
    def jam(self):
        require(not self.valve_is_greased and self.level == 2)
        self.stuck = True

    @final
    def anywhere(self):
        return True

    unchecked = Design(valve_is_greased, expect=violates("no_fault"))
    dry = Design(checks_level, expect=violates("can_be_emptied"))
    good = Design(checks_level, valve_is_greased, expect=holds)


@always_possible(Tank)
def can_be_emptied(m):
    return m.level == 0


@reachable(Tank)
def jams(m):
    """Refuted where the valve is greased."""
    return m.stuck


def tank():
    return build(Tank, [can_be_emptied], {})


class TankAdapter(Adapter):
    """A tank in plain Python."""

    refuses_when_full = False

    def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
        self.barriers = barriers
        self.level, self.stuck = 0, False

    def perform(self, action: str) -> None:
        match action:
            case "fill":
                if self.level == 2 and (self.refuses_when_full or "checks_level" in self.barriers):
                    raise Refused
                if self.level == 2:
                    raise OverflowError("it runs over")
                self.level += 1
            case "empty":
                if self.stuck or not self.level:
                    raise Refused
                self.level = 0
            case "jam":
                if self.level < 2 or "valve_is_greased" in self.barriers:
                    raise Refused
                self.stuck = True

    def observe(self) -> Mapping[str, object]:
        return {"level": self.level, "stuck": self.stuck}


def beside_the_model(system, name: str, adapter: type[Adapter], **driving: int):
    design = system.design(name)
    answer = explore(system, design).answer
    driven = Driving(traces=0, examples=0, **driving)
    found = conform(system, design, adapter, claims=claims_of(answer), driving=driven)
    return found, judge(answer, found)


@pytest.mark.parametrize(
    ("design", "verdict", "violated"),
    [
        ("unchecked", Conformity.VIOLATED, ["no_fault"]),
        ("dry", Conformity.VIOLATED, ["can_be_emptied"]),
        ("good", Conformity.HOLDS, []),
    ],
)
def test_it_follows_to_a_fault_and_to_a_lost_goal(design, verdict, violated):
    found, judged = beside_the_model(tank(), design, TankAdapter)
    assert found.verdict is verdict
    assert [one.property for one in found.violated] == violated
    assert judged.reasons == ()


def test_a_fault_that_the_implementation_has_as_well_leaves_the_limits_as_they_are():
    found, _ = beside_the_model(tank(), "unchecked", TankAdapter, steps=8)
    assert found.stopped == STEPS_LIMIT
    assert found.scope.performed == 8


def test_an_implementation_that_refuses_what_faults_is_not_the_broken_design():
    safe = type("Safe", (TankAdapter,), {"refuses_when_full": True})
    found, judged = beside_the_model(tank(), "unchecked", safe)
    assert found.verdict is Conformity.HOLDS
    assert found.not_shown == ("no_fault",)
    assert judged.reasons == (
        "the model violates no_fault, and the implementation was not seen to",
    )


def test_what_is_reached_in_no_state_is_reached_in_none_of_the_implementation():
    system = build(Tank, [can_be_emptied, jams], {})
    found, judged = beside_the_model(system, "good", TankAdapter)
    assert [one.property for one in found.violated] == ["jams"]
    assert judged.reasons == ()
    cut, _ = beside_the_model(system, "good", TankAdapter, steps=5)
    assert cut.verdict is Conformity.UNDECIDED
    assert cut.not_shown == ("jams",)


def test_another_way_is_found_without_what_is_left_out():
    """The model's shortest counterexample takes a step that the implementation has not."""

    class Doors(Model):
        """Two ways into the room; one is shorter."""

        at = Var(of=Range(0, 3), initial=0)

        @action
        def leap(self):
            require(self.at == 0)
            self.at = 3

        @action
        def walk(self):
            require(self.at < 3)
            self.at += 1

        @final
        def inside(self):
            return True

        usual = Design(expect=violates("stays_outside", steps=1))

    @always(Doors)
    def stays_outside(m):
        return m.at < 3

    system = build(Doors, [stays_outside], {})
    walks = type("Walks", (mirror(system),), {"left_out": ("leap",)})
    found, judged = beside_the_model(system, "usual", walks)
    assert judged.reasons == ()
    assert [step.action for step in found.violated[0].steps] == ["walk", "walk", "walk"]


def test_what_is_violated_only_by_steps_that_are_left_out_is_beyond_it():
    leaves_out = type("LeavesOut", (TankAdapter,), {"left_out": ("jam",)})
    found, judged = beside_the_model(tank(), "dry", leaves_out)
    assert found.verdict is Conformity.HOLDS
    assert found.beyond == found.not_shown == ("can_be_emptied",)
    assert judged.reasons == ()
