"""The detector against an interpreter of queues that knows no clocks, on random programs."""

from __future__ import annotations

import os
import random

import pytest

from fencepost.streams.calls import Trace
from fencepost.streams.clocks import Clocks
from fencepost.streams.detect import Detector, races
from fencepost.streams.placed import placed
from tests.unit.streams.brute_force import BruteForce
from tests.unit.streams.random_programs import generate, perform

BATCH = 250
BATCHES = int(os.environ.get("STREAM_BATCHES", "130"))


def compare(seed: int) -> tuple[Trace, bool]:
    """A program's trace, and whether it has a race: detector and interpreter must say the same."""
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
    return performed.device.trace, several


@pytest.fixture(scope="module")
def judged() -> list[tuple[Trace, bool]]:
    """Traces with whether they have several outcomes; compared once."""
    return [compare(seed) for seed in range(600)]


def test_a_race_is_reported_exactly_if_there_are_several_outcomes(judged):
    racy = sum(several for _, several in judged)
    assert 0.2 < racy / len(judged) < 0.8


def nothing(*_: object) -> None:
    pass


def without_poison(self, call):
    return Clocks.free(self, call)


@pytest.mark.parametrize(
    ("owner", "name", "replacement"),
    [
        (Clocks, "record", nothing),
        (Clocks, "wait", nothing),
        (Clocks, "wait_stream", nothing),
        (Clocks, "_synchronize", nothing),
        (Clocks, "_query", nothing),
        (Clocks, "_poll", nothing),
        (Clocks, "_receive", nothing),
        (Clocks, "_record_stream", nothing),
        (Clocks, "_action", nothing),
        (Detector, "free", without_poison),
    ],
)
def test_a_detector_that_forgets_a_rule_disagrees(judged, monkeypatch, owner, name, replacement):
    monkeypatch.setattr(owner, name, replacement)
    assert any(bool(races(trace)) != several for trace, several in judged)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_thirty_thousand_programs(batch: int):
    for seed in range(10_000 + batch * BATCH, 10_000 + (batch + 1) * BATCH):
        compare(seed)
