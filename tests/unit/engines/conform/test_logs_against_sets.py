"""The log checker says what the set of all states says, on random runs with random faults."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fencepost.checking import prepare
from fencepost.core.limits import Limits
from fencepost.core.semantics import Successor, initial_states, outcomes
from fencepost.core.system import State, Step, System
from fencepost.engines.conform.logs import Event, Log, follow
from fencepost.loading import load_model
from tests.unit.engines.conform.plain_logs import PlainChecker

ROOT = Path(__file__).parents[4]
SEEDS = 12
LENGTH = 14

# Of each model, sizes at which the plain checker is quick, and actions that may go unlogged.
MODELS: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "slot_lifecycle": ({}, ("land", "fail_write", "receive_abort", "lose_report", "succeed")),
    "rdma_write_completion": ({}, ("land", "complete", "land_record", "fail")),
    "async_cache_load": ({"pages": 1}, ("load_kv", "load_index_keys", "store", "copy_fork")),
    "layer_split": ({}, ("finish_load", "fail_load", "send", "join")),
    "speculation_monitor": ({}, ("corrupt", "launch", "suspect_looping")),
}


@cache
def system_of(name: str) -> System:
    return prepare(load_model(name, ROOT), MODELS[name][0])


@cache
def starts(system: System, barriers: frozenset[str]) -> tuple[State, ...]:
    return tuple(initial_states(system, barriers))


def random_run(
    system: System, barriers: frozenset[str], rng: random.Random
) -> Iterator[tuple[Step | None, State]]:
    """The states of a random run, each with the step that led to it."""
    state = rng.choice(starts(system, barriers))
    yield None, state
    for _ in range(LENGTH):
        possible = [
            (step, outcome.state)
            for step, outcome in outcomes(system, barriers, state)
            if isinstance(outcome, Successor)
        ]
        if not possible:
            return
        step, state = rng.choice(possible)
        yield step, state


def cells_of(system: System, state: State, rng: random.Random, most: int) -> list[tuple]:
    chosen = rng.sample(range(len(state)), min(most, len(state)))
    return [(f.name, indices, state[c]) for c in chosen for f, indices in [system.cells[c]]]


def random_log(system: System, barriers: frozenset[str], names: tuple[str, ...], seed: int) -> Log:
    """The log of a random run, some of whose actions are not logged, and in which, more often than
    not, something is wrong."""
    rng = random.Random(seed)
    unlogged = tuple(n for n in names if rng.random() < 0.6) if seed % 3 else ()
    run = list(random_run(system, barriers, rng))
    start = tuple(cells_of(system, run[0][1], rng, 6)) if rng.random() < 0.7 else ()
    events = []
    for number, (step, state) in enumerate(run[1:], 2):
        if step is None or step.action in unlogged:
            continue
        seen = tuple(cells_of(system, state, rng, 3)) if rng.random() < 0.2 else ()
        events.append(Event(number, step, seen))
    for _ in range(rng.choice((0, 1, 1, 2))):
        if not events:
            break
        at = rng.randrange(len(events))
        match rng.randrange(5):
            case 0:
                del events[at]
            case 1:
                events.insert(at, events[at])
            case 2:
                other = rng.randrange(len(events))
                events[at], events[other] = events[other], events[at]
            case 3:
                events[at] = Event(events[at].line, rng.choice(system.steps), events[at].seen)
            case 4:
                field, indices = rng.choice(system.cells)
                value = rng.choice(list(field.domain.values())[:8])
                events[at] = Event(events[at].line, events[at].step, ((field.name, indices, value),))
    return Log("", events, {}, start, unlogged)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", MODELS)
def test_the_log_checker_agrees_with_sets_of_states(name: str, seed: int):
    system = system_of(name)
    design = system.designs[seed % len(system.designs)]
    log = random_log(system, design.barriers, MODELS[name][1], seed)
    found = follow(system, design.barriers, log, Limits(states=1_000_000))
    plain = PlainChecker(system, design.barriers, log).check()
    assert not found.stopped
    assert found.explained == plain.explained
    assert (found.unexplained is None) == plain.complete
    assert {c.name: c.verdict for c in found.claims} == plain.claims
    assert {c.name: c.event for c in found.claims if c.name in plain.events} == plain.events


def test_the_random_logs_are_of_every_kind():
    """What the comparison above rests on: logs that fit and that do not, claims that fail."""
    kinds = set()
    for name, (_, unlogged) in MODELS.items():
        system = system_of(name)
        for seed in range(SEEDS):
            design = system.designs[seed % len(system.designs)]
            log = random_log(system, design.barriers, unlogged, seed)
            found = follow(system, design.barriers, log, Limits(states=1_000_000))
            kinds.add((bool(log.unlogged), found.unexplained is None))
            kinds.update(claim.verdict.value for claim in found.claims)
            if found.unexplained is not None:
                kinds.add("step" if found.unexplained.leaves else "seen")
    assert kinds >= {(True, True), (True, False), (False, True), (False, False), "step", "seen"}
    assert kinds >= {"HOLDS", "UNDECIDED"}
