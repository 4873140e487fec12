"""Logs of random runs, some of whose actions are not logged, and with random damage."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache

from fencepost.core.semantics import Successor, initial_states, outcomes
from fencepost.core.system import State, Step, System
from fencepost.engines.conform.logs import Event, Log

LENGTH = 14


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


def random_log(system: System, barriers: frozenset[str], names: Sequence[str], seed: int) -> Log:
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
                events[at] = Event(
                    events[at].line, events[at].step, ((field.name, indices, value),)
                )
    return Log("", events, {}, start, unlogged)
