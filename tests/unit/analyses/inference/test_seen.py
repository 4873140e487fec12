"""The states that candidates are read off are looked for within the limits of the search."""

from __future__ import annotations

import time

import pytest

from fencepost import build
from fencepost.analyses.inference import infer_lemmas, seen
from fencepost.analyses.inference.seen import seen_states
from fencepost.core.limits import TIME_LIMIT, Limits
from fencepost.engines.explore import reached
from tests.unit.analyses.inference.protocols import SlotReclaim, own_bytes

SYSTEM = build(SlotReclaim, [own_bytes], any_size=True)
SAFE = SYSTEM.design("safe")
SIZES = {"Request": 2, "Slot": 2, "Chunk": 2}


def test_without_time_few_states_are_seen():
    whole = seen_states(SYSTEM, SAFE, SIZES)
    assert whole.complete
    few = seen_states(SYSTEM, SAFE, SIZES, Limits(seconds=0.0))
    assert not few.complete
    assert few.vectors.cells.shape[1] < whole.vectors.cells.shape[1]


def test_what_is_too_large_for_the_memory_is_not_explored():
    whole = seen_states(SYSTEM, SAFE, SIZES)
    cut = seen_states(SYSTEM, SAFE, SIZES, Limits(memory_bytes=1000))
    assert not cut.complete
    assert cut.vectors.cells.shape[1] < whole.vectors.cells.shape[1]


def test_a_search_for_lemmas_looks_at_states_within_its_limits(monkeypatch: pytest.MonkeyPatch):
    given: list[Limits] = []
    explored = reached.reached_states

    def noted(system, design, limits, *, most=None):
        given.append(limits)
        time.sleep(0.05)
        return explored(system, design, limits, most=most)

    monkeypatch.setattr(reached, "reached_states", noted)
    limits = Limits(seconds=100.0, memory_bytes=1 << 32)
    assert infer_lemmas(SYSTEM, SAFE, limits=limits).proved
    assert all(each.seconds is not None and each.seconds < 100 for each in given)
    assert {each.memory_bytes for each in given} == {1 << 32}
    assert {each.states for each in given} == {seen.MOST_STATES}


def test_time_that_ends_while_states_are_looked_at_ends_the_search(
    monkeypatch: pytest.MonkeyPatch,
):
    explored = reached.reached_states

    def slow(system, design, limits, *, most=None):
        time.sleep(limits.seconds or 0.0)
        return explored(system, design, limits, most=most)

    monkeypatch.setattr(reached, "reached_states", slow)
    found = infer_lemmas(SYSTEM, SAFE, limits=Limits(seconds=0.5))
    assert (found.proved, found.stopped) == (False, TIME_LIMIT)
    assert found.lemmas_tried == 0
