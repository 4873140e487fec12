"""Looking around a state, and stepping from it, sees what the interpreter sees."""

from __future__ import annotations

import random

import pytest

from fencepost.core.questions import all_questions
from fencepost.core.semantics import (
    Successor,
    failing_instances,
    initial_states,
    is_final,
    outcomes,
    perform,
)
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, State, System
from fencepost.core.trees import Fault
from fencepost.kernel.compiled import compiled
from fencepost.kernel.nearby import Nearby, Sight
from fencepost.kernel.stepping import Stepper
from tests.unit.kernel.random_systems import random_system

EVERYTHING = 1 << 20


def distances(system: System, barriers: frozenset[str], state: State) -> dict[Sight, int]:
    """How far from a state everything is that can be met, by the interpreter, level by level."""
    found: dict[Sight, int] = {}
    seen, level, depth = {state}, [state], 0
    while level:
        after: list[State] = []
        for current in level:
            moves = list(outcomes(system, barriers, current))
            if not moves and not is_final(system, barriers, current):
                found.setdefault(NO_STUCK_STATE, depth)
            for question in all_questions(system):
                failing = failing_instances(system, barriers, current, question.property)
                always = question.property.kind == "always"
                if failing if always else question.values not in failing:
                    found.setdefault(question.number, depth)
            for _, outcome in moves:
                if isinstance(outcome, Fault):
                    found.setdefault(NO_FAULT, depth + 1)
                elif outcome.state not in seen:
                    seen.add(outcome.state)
                    after.append(outcome.state)
        level, depth = after, depth + 1
        if len(seen) > 400:
            return {}
    return found


@pytest.mark.parametrize("start", range(0, 80, 20))
def test_the_nearest_of_everything_is_found(start: int) -> None:
    compared = 0
    for seed in range(start, start + 20):
        system = random_system(seed)
        barriers = system.designs[0].barriers
        nearby = Nearby(system, compiled(system), barriers, 1 << 12)
        sights: list[Sight] = [q.number for q in all_questions(system)]
        sights += [NO_FAULT, NO_STUCK_STATE]
        state = random.Random(seed).choice(list(initial_states(system, barriers)))
        words = nearby.layout.pack(state)
        known = distances(system, barriers, state)
        for sight in sights if known else ():
            way = nearby.look_for(sight, words, EVERYTHING)
            assert (way is None) == (sight not in known), (seed, sight)
            if way is not None:
                assert len(way.steps) == known[sight], (seed, sight)
                assert way.initial == state
                compared += 1
        nearby.seek(sights, ())
        together = nearby.look(words, EVERYTHING)
        if known:
            assert {sight: len(way.steps) for sight, way in together.items()} == known
        nearby.free()
    assert compared > 20


def test_a_look_at_one_state_is_a_look_at_it_alone() -> None:
    for seed in range(40):
        system = random_system(seed)
        barriers = system.designs[0].barriers
        nearby = Nearby(system, compiled(system), barriers, 1 << 12)
        sights = tuple(q.number for q in all_questions(system))
        nearby.seek(sights, sights)
        for state in list(initial_states(system, barriers))[:4]:
            met = nearby.look(nearby.layout.pack(state), 1)
            assert all(way.steps == () for way in met.values())
        nearby.free()


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_steps_are_those_of_the_interpreter(start: int) -> None:
    draw = random.Random(start)
    for seed in range(start, start + 20):
        system = random_system(seed)
        barriers = system.designs[0].barriers
        stepper = Stepper(system, compiled(system), barriers)
        state = draw.choice(list(initial_states(system, barriers)))
        ever = set()
        for _ in range(12):
            expected = [
                (step, outcome.state)
                for step in system.steps
                if isinstance(outcome := perform(system, barriers, state, step), Successor)
            ]
            taken = stepper.look(stepper.pack(state))
            assert [(step, stepper.unpack(after)) for step, after in taken] == expected
            ever |= {step for step, _ in taken}
            if expected:
                _, state = draw.choice(expected)
        assert stepper.steps_taken == ever
