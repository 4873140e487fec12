"""What is left of a run is still a run, shows the same, and can be made no shorter by dropping."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from fencepost.core.evidence import Way
from fencepost.core.minimise import Minimiser, ShowsNothing
from fencepost.core.semantics import Successor, initial_states, outcomes, perform
from fencepost.core.system import State, System
from fencepost.core.trees import Fault
from tests.unit.kernel.random_systems import random_system
from tests.unit.kernel.slot_protocol import slot_protocol

SLOTS = slot_protocol(2, 1, 1)


def wandered(system: System, barriers: frozenset[str], seed: int, steps: int) -> tuple[Way, State]:
    """A random run, and where it ends."""
    draw = random.Random(seed)
    initial = state = draw.choice(list(initial_states(system, barriers)))
    taken = []
    for _ in range(steps):
        moves = [
            (step, outcome.state)
            for step, outcome in outcomes(system, barriers, state)
            if isinstance(outcome, Successor)
        ]
        if not moves:
            break
        step, state = draw.choice(moves)
        taken.append(step)
    return Way(initial, tuple(taken)), state


def end_of(system: System, barriers: frozenset[str], way: Way) -> State | Fault | None:
    """Where a run ends; None if it is none."""
    state = way.initial
    for position, step in enumerate(way.steps):
        outcome = perform(system, barriers, state, step)
        if isinstance(outcome, Fault):
            return outcome if position + 1 == len(way.steps) else None
        if not isinstance(outcome, Successor):
            return None
        state = outcome.state
    return state


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_a_minimised_run_comes_to_the_same_and_no_step_or_pair_can_be_dropped(start: int) -> None:
    shortened = 0
    for seed in range(start, start + 20):
        system = random_system(seed)
        barriers = system.designs[0].barriers
        way, last = wandered(system, barriers, seed, 25)
        found = Minimiser(system, barriers).to_state(way, lambda state, last=last: state == last)
        assert end_of(system, barriers, found) == last
        assert found.initial == way.initial
        assert len(found.steps) <= len(way.steps)
        shortened += len(found.steps) < len(way.steps)
        numbers = range(len(found.steps))
        for dropped in [*combinations(numbers, 1), *combinations(numbers, 2)]:
            rest = tuple(s for n, s in enumerate(found.steps) if n not in dropped)
            assert end_of(system, barriers, Way(found.initial, rest)) != last
    assert shortened > 10


def test_a_run_to_a_fault_ends_in_a_fault() -> None:
    met = 0
    for seed in range(80):
        system = random_system(seed)
        barriers = system.designs[0].barriers
        way, last = wandered(system, barriers, seed, 15)
        faults = [s for s, o in outcomes(system, barriers, last) if isinstance(o, Fault)]
        for step in faults[:1]:
            longer = Way(way.initial, (*way.steps, step))
            found = Minimiser(system, barriers).to_fault(longer)
            assert isinstance(end_of(system, barriers, found), Fault)
            assert len(found.steps) <= len(longer.steps)
            met += 1
    assert met > 5


def test_a_run_that_shows_nothing_is_refused() -> None:
    minimiser = Minimiser(SLOTS, frozenset())
    (initial,) = initial_states(SLOTS, frozenset())
    with pytest.raises(ShowsNothing):
        minimiser.to_state(Way(initial, SLOTS.steps), lambda _: False)
    with pytest.raises(ShowsNothing):
        minimiser.to_fault(Way(initial, SLOTS.steps))
    assert minimiser.to_state(Way(initial, SLOTS.steps), lambda _: True).steps == ()


def test_steps_that_are_not_enabled_or_change_nothing_are_passed_over() -> None:
    (initial,) = initial_states(SLOTS, frozenset())
    every = tuple(reversed(SLOTS.steps)) * 3
    owner = SLOTS.offsets["owner"]
    found = Minimiser(SLOTS, frozenset()).to_state(Way(initial, every), lambda s: s[owner] == 1)
    assert [SLOTS.show_step(step) for step in found.steps] == ["allocate(request=1, slot=0)"]
