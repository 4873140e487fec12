from __future__ import annotations

from dataclasses import replace

import pytest

from fencepost import (
    Array,
    Design,
    Index,
    Model,
    Parameter,
    Range,
    Var,
    action,
    build,
    holds,
    plain_bodies,
    require,
)
from fencepost.core.domains import BOOL
from fencepost.core.expressions import Constant
from fencepost.core.semantics import perform
from fencepost.core.system import System
from fencepost.core.trees import Decide, Disabled, Fault, Tree, Update, Write
from fencepost.language import perform_plainly
from fencepost.plain_bodies import Comparison


class Counter(Model):
    """Flags that are set blindly, and a counter."""

    flags = Parameter(3)
    Flag = Index(flags)
    flag = Array(Flag, of=bool, initial=True)
    count = Var(Range(0, 5), initial=0)

    @action(which=Flag)
    def raise_flag(self, which):
        self.flag[which] = True

    @action(which=Flag)
    def lower_flag(self, which):
        require(self.flag[which])
        self.flag[which] = False

    @action
    def tick(self):
        require(self.count < 3)
        self.count += 1

    @action
    def overflow(self):
        require(self.count == 3)
        self.count += 3

    only = Design(expect=holds)


def with_tree(system: System, name: str, tree: Tree) -> System:
    actions = tuple(replace(a, tree=tree) if a.name == name else a for a in system.actions)
    return replace(system, actions=actions)


def difference(system: System) -> str | None:
    return Comparison(Counter, system, system.designs).first_difference(system.designs[0])


def test_a_faithful_recording_agrees():
    assert difference(build(Counter)) is None


def test_a_lost_guard_is_found():
    system = build(Counter)
    tree = system.action["tick"].tree
    assert isinstance(tree, Decide)
    found = difference(with_tree(system, "tick", tree.then))
    assert found == (
        "tick() recorded: count: 3 -> 4; its body on plain values: disabled; in the state "
        "flag[0] = True, flag[1] = True, flag[2] = True, count = 3"
    )


def test_a_lost_write_is_found_although_the_first_states_hide_it():
    system = build(Counter)
    found = difference(with_tree(system, "raise_flag", Update(())))
    assert found is not None
    assert found.startswith("raise_flag(which=0) recorded: taken, nothing changes; its body")
    assert "flag[0]: False -> True" in found


def test_a_write_too_many_is_found_although_the_first_states_hide_it():
    system = build(Counter)
    tree = system.action["raise_flag"].tree
    assert isinstance(tree, Update)
    more = Update((*tree.writes, Write("flag", (Constant(2, system.field["flag"].indices[0]),),
                                       Constant(1, BOOL))))  # fmt: skip
    found = difference(with_tree(system, "raise_flag", more))
    assert found is not None
    assert "recorded: flag[2]: False -> True" in found


@pytest.mark.parametrize(
    ("leaf", "shown"), [(Disabled(), "disabled"), (Fault("assert"), "faults (assert)")]
)
def test_another_fault_is_found(leaf, shown):
    system = build(Counter)
    tree = system.action["overflow"].tree
    assert isinstance(tree, Decide)
    found = difference(with_tree(system, "overflow", replace(tree, then=leaf)))
    assert found is not None
    assert f"recorded: {shown}; its body on plain values: faults (domain)" in found


def test_a_body_that_raises_on_plain_values_is_a_difference(monkeypatch):
    def raises(*_):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(plain_bodies, "perform_plainly", raises)
    found = difference(build(Counter))
    assert found is not None
    assert "its body on plain values: raises ZeroDivisionError: by nothing; in the" in found


def test_every_step_of_the_first_states_is_compared(monkeypatch):
    """Looking cases up instead of running them again changes nothing but the time."""
    system = build(Counter)
    compared = set()

    def performed(system, barriers, state, step):
        compared.add((tuple(state), step))
        return perform(system, barriers, state, step)

    monkeypatch.setattr(plain_bodies, "_look_up", lambda known, state: None)
    monkeypatch.setattr(plain_bodies, "perform", performed)
    comparison = Comparison(Counter, system, system.designs)
    assert comparison.first_difference(system.designs[0]) is None
    states = {state for state, _ in compared}
    assert len(states) == 2**3 * 4
    assert len(compared) == len(states) * len(system.steps)


def test_looking_up_saves_most_of_the_work(monkeypatch):
    system = build(Counter)
    runs = []

    def plainly(*given):
        runs.append(given)
        return perform_plainly(*given)

    monkeypatch.setattr(plain_bodies, "perform_plainly", plainly)
    assert difference(system) is None
    assert len(runs) < 32 * len(system.steps) / 4


def test_the_states_are_spread_over_the_designs(monkeypatch):
    system = build(Counter)
    monkeypatch.setattr(plain_bodies, "MOST_STATES", 10)
    assert Comparison(Counter, system, system.designs * 4)._quota == 3
