"""The detector against an interpreter of queues that knows no clocks, on random programs."""

from __future__ import annotations

import os
import random

import pytest

from fencepost.streams.detect import races
from fencepost.streams.replay import placed
from tests.unit.streams.brute_force import BruteForce
from tests.unit.streams.random_programs import generate, perform

BATCH = 250
BATCHES = int(os.environ.get("STREAM_BATCHES", "130"))


def compare(seed: int) -> bool:
    """Whether a program has a race; the detector and the interpreter must say the same."""
    rng = random.Random(seed)
    program = generate(rng, rng.randrange(6, 25))
    performed = perform(program, seed)
    found = races(performed.device.trace)
    several = BruteForce(program, performed.addresses).several_outcomes()
    assert bool(found) == several, (seed, program, found)
    ran = {number: place for place, number in enumerate(performed.log)}
    everything = [p for p in placed(performed.device.trace) if p.operation.number in ran]
    for later in everything:
        for earlier in everything:
            if later.after(earlier):
                assert ran[earlier.operation.number] < ran[later.operation.number], seed
    return several


def test_a_race_is_reported_exactly_if_there_are_several_outcomes():
    racy = sum(compare(seed) for seed in range(BATCH * 2))
    assert BATCH * 2 * 0.2 < racy < BATCH * 2 * 0.8


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_thirty_thousand_programs(batch: int):
    for seed in range(10_000 + batch * BATCH, 10_000 + (batch + 1) * BATCH):
        compare(seed)
