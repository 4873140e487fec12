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
    Range,
    Var,
    action,
    always,
    build,
    final,
    holds,
    initial,
    lemma,
    one_of,
    plain_bodies,
    reachable,
    require,
)
from fencepost.core import domains
from fencepost.core.domains import BOOL
from fencepost.core.expressions import FALSE, TRUE, Constant, Equal, Less, Read
from fencepost.core.semantics import perform
from fencepost.core.system import System
from fencepost.core.trees import Decide, Disabled, Fault, Tree, Update, Write
from fencepost.language import perform_plainly
from fencepost.language.components import WriteQueue
from fencepost.plain_bodies import Comparison

COUNTS = domains.Range(0, 3)


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


def test_every_design_has_its_first_states(monkeypatch):
    """A case known from one design is not run again for another, unless barriers were asked."""
    system = build(Counter)
    comparison = Comparison(Counter, system, system.designs * 4)
    assert comparison.first_difference(system.designs[0]) is None
    monkeypatch.setattr(plain_bodies, "perform_plainly", None)
    assert comparison.first_difference(system.designs[0]) is None


def test_work_has_a_bound_whatever_the_size(monkeypatch):
    system = build(Counter)
    runs = []

    def plainly(*given):
        runs.append(given)
        return perform_plainly(*given)

    monkeypatch.setattr(plain_bodies, "perform_plainly", plainly)
    monkeypatch.setattr(plain_bodies, "MOST_WORK", 7 * plain_bodies.WORK_OF_A_RUN)
    assert difference(system) is None
    assert 0 < len(runs) < 7


class Guarded(Model):
    """A barrier that decides what a step and a property do."""

    strict = Barrier("counts to one only", buys=["low"])
    count = Var(Range(0, 3), initial=one_of(0, 1))

    @action
    def tick(self):
        require(self.count < (1 if self.strict else 3))
        self.count += 1

    @initial
    def starts_low(self):
        return self.count == 0

    @final
    def ends(self):
        return self.count == (1 if self.strict else 3)

    loose = Design(expect=holds)
    tight = Design(strict, expect=holds)


@always(Guarded)
def low(m, most: Range(0, 1)):
    return most + m.count <= (2 if m.strict else 4)


@reachable(Guarded)
def evaluable(m):
    assert m.count != 3
    return m.count == 2


PROPERTIES = [low, evaluable]


def in_design(system: System, number: int) -> str | None:
    comparison = Comparison(Guarded, system, system.designs, PROPERTIES)
    before = [comparison.first_difference(d) for d in system.designs[:number]]
    return next(filter(None, before), comparison.first_difference(system.designs[number]))


def recorded_as(name: str, **changes: object) -> System:
    system = build(Guarded, PROPERTIES)
    properties = (replace(p, **changes) if p.name == name else p for p in system.properties)
    return replace(system, properties=tuple(properties))


def test_conditions_that_agree():
    assert in_design(build(Guarded, PROPERTIES), 1) is None


@lemma(Guarded)
def counted(m):
    return m.count <= 3


def test_a_lemma_is_compared():
    properties = [*PROPERTIES, counted]
    system = build(Guarded, properties)
    design = system.designs[0]
    agreed = Comparison(Guarded, system, [design], properties)
    assert agreed.first_difference(design) is None
    (recorded,) = system.lemmas
    changed = replace(system, lemmas=(replace(recorded, condition=FALSE),))
    found = Comparison(Guarded, changed, [design], properties).first_difference(design)
    assert found is not None
    assert found.startswith("counted() recorded: False; its body on plain values: True")


def test_a_lost_barrier_shows_in_the_design_that_has_it():
    """What was seen without a barrier is not taken for what is so with it."""
    system = build(Guarded, PROPERTIES)
    tree = system.action["tick"].tree
    assert isinstance(tree, Decide)
    less = Less(Read("count", (), COUNTS), Constant(3, COUNTS))
    loose = with_tree(system, "tick", replace(system.action["tick"].tree, condition=less))
    found = in_design(loose, 1)
    assert found is not None
    assert found.startswith("tick() recorded: ")


def test_a_property_recorded_otherwise_is_found():
    found = in_design(recorded_as("low", condition=FALSE), 0)
    assert found == (
        "low(most=0) recorded: False; its body on plain values: True; in the state count = 0"
    )


def test_a_lost_fault_of_a_property_is_found():
    found = in_design(recorded_as("evaluable", fault=FALSE), 0)
    assert found == (
        "evaluable() recorded: False; its body on plain values: faults (assert); "
        "in the state count = 3"
    )


def test_a_fault_too_many_of_a_property_is_found():
    found = in_design(recorded_as("evaluable", fault=TRUE), 0)
    assert found is not None
    assert found.startswith(
        "evaluable() recorded: cannot be evaluated; its body on plain values: F"
    )


def test_a_final_condition_recorded_otherwise_is_found():
    found = in_design(replace(build(Guarded, PROPERTIES), final=TRUE), 0)
    assert found is not None
    assert found.startswith("@final recorded: True; its body on plain values: False; in the state")


def test_a_start_lost_in_the_recording_is_found():
    """It is in no state reached, so it is looked for among the starting values."""
    system = build(Guarded, PROPERTIES)
    lost = Equal(Read("count", (), COUNTS), Constant(1, COUNTS))
    found = in_design(replace(system, initial=lost), 0)
    assert found is not None
    assert found.startswith("@initial recorded: False; its body on plain values: True; in the st")


class Queued(Model):
    writes = Parameter(2)
    Write = Index(writes)
    queue = WriteQueue(Write, Write)

    @action(write=Write)
    def post(self, write):
        require(not self.queue.posted[write, write])
        self.queue.post(write, write)


def test_a_property_of_a_component_is_compared():
    system = build(Queued)
    assert system.properties
    for prop in system.properties:
        changed = tuple(replace(p, condition=FALSE) if p is prop else p for p in system.properties)
        comparison = Comparison(Queued, replace(system, properties=changed), system.designs)
        found = comparison.first_difference(system.designs[0])
        assert found is not None
        assert found.startswith(f"{prop.name}() recorded: False; its body on plain values: True")
