"""For each kind of edit a mutant that is noticed and one that is not, and equivalence shown."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from fencepost import *
from fencepost.analyses.definedness import checked
from fencepost.analyses.mutants import (
    MOST_SWITCHES,
    mutants,
    room_for_mutants,
    switch,
    with_mutants,
)
from fencepost.analyses.mutation import Mutating, exchange
from fencepost.core.errors import InputError
from fencepost.core.limits import Limits
from fencepost.core.semantics import Successor, initial_states, outcomes
from fencepost.core.system import Design as CoreDesign
from fencepost.core.system import Expectation
from fencepost.core.trees import Decide, Fault
from fencepost.engines.explore import explore, explore_by_interpreter, keeps_every_step, same_graph
from fencepost.report.mutant_tables import edit_text
from tests.unit.kernel.random_systems import Generator


class Lift(Model):
    """A lift between floors, with a door, a bell that nobody asks about and a dead lamp."""

    locked = Barrier("the lift moves with a shut door only", buys=["moves_shut"])
    lit = Barrier("the lamp is on while it moves", buys=["moves_shut"])
    extra = Barrier("the bell rings when the door opens", buys=["moves_shut"])
    floor = Var(Range(0, 4), initial=0)
    open = Var(bool)
    lamp = Var(bool)
    bell = Var(bool)
    moved_open = Var(bool)

    @action
    def up(self):
        if self.locked:
            require(not self.open)
        require(self.floor < 3)
        self.moved_open = self.open
        self.floor += 1
        self.bell = True
        self.lamp = self.lit

    @action
    def down(self):
        if self.locked:
            require(not self.open)
        require(self.floor == 3)
        self.floor = 0
        self.bell = False

    @action
    def door(self):
        require(self.bell or self.floor == 0)
        if self.extra:
            self.bell = True
        self.open = not self.open

    good = Design(locked, expect=holds)
    bad = Design(expect=violates("moves_shut", steps=2))


@always(Lift)
def moves_shut(m):
    """The lift never moved with an open door."""
    return not m.moved_open


@always(Lift)
def not_too_high(m):
    """There is no fourth floor."""
    return m.floor < 4


@reachable(Lift)
def open_at_the_top(m):
    """People get out at the top."""
    return m.floor == 3 and m.open


def lift():
    return build(Lift, [moves_shut, not_too_high, open_at_the_top])


def mutated(system, *designs, limits=None, search=explore, compare=same_graph):
    chosen = [system.design(name) for name in designs] or list(system.designs)
    return Mutating(system, chosen, search, compare, keeps_every_step, limits or Limits()).run()


def by_kind(mutation):
    found = {}
    for tried in mutation.tried:
        found.setdefault(tried.mutant.kind, {}).setdefault(tried.status, []).append(tried)
    return found


@pytest.fixture(scope="module")
def of_lift():
    return by_kind(mutated(lift(), "good"))


def edits(tried):
    return {(t.mutant.action, edit_text(t.mutant)) for t in tried}


def test_a_dropped_require(of_lift):
    found = of_lift["require dropped"]
    assert ("up", "without: require floor < 3") in edits(found["killed"])
    assert ("down", "without: require not open") in edits(found["survived"])


def test_a_dropped_write(of_lift):
    found = of_lift["write dropped"]
    assert ("up", "without the write of floor") in edits(found["killed"])
    assert ("down", "without the write of bell") in edits(found["survived"])
    assert ("up", "without the write of lamp") in edits(found["equivalent"])


def test_a_negated_condition(of_lift):
    found = of_lift["condition negated"]
    assert ("up", "floor < 3  becomes  floor >= 3") in edits(found["killed"])
    assert ("down", "open  becomes  not open") in edits(found["survived"])


def test_a_shifted_condition(of_lift):
    found = of_lift["condition shifted"]
    assert ("up", "floor < 3  becomes  floor <= 3") in edits(found["killed"])
    assert ("down", "floor == 3  becomes  floor == 2") in edits(found["survived"])


def test_exchanged_barriers():
    mutation = mutated(lift(), "good")
    tried = {t.mutant.exchanged: t for t in mutation.tried if t.mutant.exchanged}
    assert set(tried) == {("locked", "lit"), ("locked", "extra")}
    assert tried["locked", "lit"].status == "killed"

    class Same(Lift):
        second_lock = Barrier("a lock just like the first", buys=["moves_shut"])

        @action
        def up(self):
            if self.locked or self.second_lock:
                require(not self.open)
            require(self.floor < 3)
            self.moved_open = self.open
            self.floor += 1
            self.bell = True

        @action
        def down(self):
            if self.locked or self.second_lock:
                require(not self.open)
            require(self.floor == 3)
            self.floor = 0

    again = [
        kind(Same)(p.body)
        for kind, p in zip(
            (always, always, reachable), (moves_shut, not_too_high, open_at_the_top), strict=True
        )
    ]
    mutation = mutated(build(Same, again), "good")
    tried = {t.mutant.exchanged: t for t in mutation.tried if t.mutant.exchanged}
    assert tried["locked", "second_lock"].status == "equivalent"


def test_exchange_swaps():
    assert exchange(frozenset({"a", "c"}), "a", "b") == {"b", "c"}
    assert exchange(frozenset({"a", "b"}), "a", "b") == {"a", "b"}


def test_survivors_have_counts_and_a_place(of_lift):
    for kind in of_lift.values():
        for tried in kind.get("survived", ()):
            assert tried.before is not None
            assert tried.after is not None
            if tried.mutant.at:
                assert tried.mutant.at.file.endswith("test_mutation.py")


def test_equivalent_mutants_have_the_same_graph_by_the_interpreter():
    """Equivalence and difference as the interpreter sees them, state by state."""
    system = lift()
    good = system.design("good")
    seen = {"equivalent": 0, "survived": 0}
    for tried in mutated(system, "good").tried:
        if tried.mutant.exchanged or tried.status not in seen:
            continue
        together = with_mutants(system, [tried.mutant])
        one = graph_of(together, good.barriers)
        other = graph_of(together, good.barriers | {switch(0)})
        assert (one == other) == (tried.status == "equivalent"), edit_text(tried.mutant)
        if tried.status == "survived":
            more = one[1] <= other[1]
            fewer = other[1] <= one[1]
            assert tried.relation == ("more" if more else "fewer" if fewer else "others")
        seen[tried.status] += 1
    assert all(seen.values())


def graph_of(system, barriers):
    states = set(initial_states(system, barriers))
    pending, edges = list(states), set()
    while pending:
        state = pending.pop()
        for step, outcome in outcomes(system, barriers, state):
            after = outcome.state if isinstance(outcome, Successor) else None
            edges.add((state, step, after))
            if after is not None and after not in states:
                states.add(after)
                pending.append(after)
    return states, edges


def test_a_mutant_is_noticed_by_a_broken_design_that_breaks_otherwise():
    system = lift()
    alone = {t.mutant: t.status for t in mutated(system, "good").tried}
    both = {t.mutant: t for t in mutated(system).tried}
    more = [m for m, status in alone.items() if status == "survived" and both[m].status == "killed"]
    assert more
    assert {both[m].design for m in more} == {"bad"}


def test_a_design_that_is_not_as_expected_is_refused():
    system = lift()
    wrong = dataclasses.replace(system.design("bad"), expect=Expectation())
    with pytest.raises(InputError) as error:
        Mutating(system, [wrong], explore, same_graph, keeps_every_step).run()
    assert error.value.code == "F169"


def test_an_interrupt_leaves_the_mutants_that_were_tried():
    calls = itertools.count()

    def search(*arguments, **options):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return explore(*arguments, **options)

    mutation = mutated(lift(), "good", search=search)
    exact = mutated(lift(), "good")
    assert mutation.stopped == "interrupted"
    assert 0 < len(mutation.tried) < len(exact.tried)
    assert mutation.tried == exact.tried[: len(mutation.tried)]
    assert mutation.mutants == len(exact.tried)


def test_time_ends_it():
    mutation = mutated(lift(), "good", limits=Limits(seconds=1e-9))
    assert (mutation.stopped, mutation.tried) == ("time limit reached", ())


def test_a_mutant_with_too_many_states_is_not_decided():
    class Long(Model):
        count = Var(Range(0, 9999), initial=0)

        @action
        def add(self):
            require(self.count < 3)
            self.count = choose(self.count < 9999, self.count + 1, 0)

        @action
        def again(self):
            self.count = 0

        only = Design(expect=holds)

    @always(Long)
    def natural(m):
        return m.count >= 0

    found = mutated(build(Long, [natural]), limits=Limits(states=100))
    assert [edit_text(t.mutant) for t in found.of("undecided")] == ["without: require count < 3"]


# The edits themselves.


def every_edit(system):
    return [m for m in mutants(system, system.designs) if m.exchanged is None]


def test_random_systems_are_themselves_with_every_switch_off():
    compared = 0
    for seed in range(40):
        system = Generator(seed).system()
        chosen = every_edit(system)[: room_for_mutants(system)]
        together = with_mutants(system, chosen)
        for design in system.designs:
            try:
                one = explore(system, design, limits=Limits(states=300)).answer
            except InputError:
                continue
            other = explore(together, design, limits=Limits(states=300)).answer
            assert (one.states, one.transitions) == (other.states, other.transitions), seed
            assert [(f.property, f.verdict) for f in one.findings] == [
                (f.property, f.verdict) for f in other.findings
            ]
            compared += len(chosen)
    assert compared > 500


def test_the_kernel_and_the_interpreter_agree_on_random_mutants():
    """What an edit leaves unchecked would be read out of range, by each of them in its own way."""
    noticed = 0
    for seed in range(25):
        system = Generator(seed).system()
        chosen = every_edit(system)[: room_for_mutants(system)]
        together = with_mutants(system, chosen)
        for number in range(0, len(chosen), 3):
            on = system.designs[0].barriers | {switch(number)}
            design = CoreDesign("mutant", on, Expectation())
            limits = Limits(states=60)
            try:
                fast = explore(together, design, limits=limits).answer
            except InputError:
                continue
            slow = explore_by_interpreter(together, design, limits=limits).answer
            assert fast == slow, (seed, edit_text(chosen[number]))
            noticed += 1
    assert noticed > 100


class Careless(Model):
    """What is out of range once a `require` is gone."""

    Slot = Index(2)
    slot = Var(Maybe(Slot), initial=NONE)
    used = Array(Slot, of=Range(0, 1), initial=0)

    @action(slot=Slot)
    def take(self, slot):
        require(self.slot == NONE)
        self.slot = slot

    @action
    def use(self):
        require(self.slot != NONE)
        require(self.used[self.slot] < 1)
        self.used[self.slot] += 1

    @action
    def again(self):
        self.slot = NONE
        self.used[0] = 0
        self.used[1] = 0

    only = Design(expect=holds)


@reachable(Careless)
def second_used(m):
    return m.used[1] == 1


def test_what_a_require_kept_in_range_is_a_fault_without_it():
    found = {edit_text(t.mutant): t for t in mutated(build(Careless, [second_used])).of("killed")}
    assert "no_fault" in found["without: require slot != NONE"].reason
    assert "no_fault" in found["without: require used[slot] < 1"].reason


def test_checks_that_a_path_settles_are_not_put_in_again():
    system = build(Careless, [second_used])
    for name in ("take", "again"):
        tree = system.action[name].tree
        assert checked(system, tree) == tree
    use = system.action["use"].tree
    kept = checked(system, use)
    assert isinstance(kept, Decide)
    assert (kept.condition, kept.check) == (use.condition, False)
    assert isinstance(kept.then, Decide)
    assert kept.then.condition == use.then.condition


def test_checks_are_put_in_where_nothing_settles_them():
    system = build(Careless, [second_used])
    use = system.action["use"].tree
    bare = checked(system, use.then)
    assert isinstance(bare.otherwise, Fault)


def test_switches_fit_beside_the_barriers():
    system = lift()
    assert room_for_mutants(system) == MOST_SWITCHES - 3
    chosen = every_edit(system)[: room_for_mutants(system)]
    assert len(with_mutants(system, chosen).barriers) <= MOST_SWITCHES
