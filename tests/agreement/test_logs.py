"""The log checker says what the set of all states says, on random runs with random faults."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from unittest.mock import patch

import log_models
import pytest
from generator import generate
from plain_logs import PlainChecker
from random_logs import random_log

from fencepost.checking import prepare
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.system import Step, System
from fencepost.engines.conform.logs import Event, Followed, Log, code, follow
from fencepost.language import build
from fencepost.loading import load_model

ROOT = Path(__file__).parents[2]
SEEDS = 12

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


def hold_equal(system: System, barriers: frozenset[str], log: Log) -> Followed:
    """Both checkers say the same of a log, also where cells are looked up by their values, as is
    done for sorts with many members."""
    found = follow(system, barriers, log, Limits(states=1_000_000))
    with patch.object(code, "SMALL", 0):
        looked_up = follow(system, barriers, log, Limits(states=1_000_000))
    assert looked_up.explained == found.explained
    assert looked_up.unexplained == found.unexplained
    assert looked_up.claims == found.claims
    plain = PlainChecker(system, barriers, log).check()
    assert not found.stopped
    assert found.explained == plain.explained
    assert (found.unexplained is None) == plain.complete
    assert {c.name: c.verdict for c in found.claims} == plain.claims
    assert {c.name: c.event for c in found.claims if c.name in plain.events} == plain.events
    return found


def kinds_of(log: Log, found: Followed) -> set[object]:
    kinds: set[object] = {(bool(log.unlogged), found.unexplained is None)}
    kinds.update(claim.verdict for claim in found.claims)
    if found.unexplained is not None:
        kinds.add("step" if found.unexplained.leaves else "seen")
    return kinds


@pytest.mark.parametrize("name", MODELS)
def test_the_log_checker_agrees_with_sets_of_states(name: str):
    system = system_of(name)
    kinds: set[object] = set()
    for seed in range(SEEDS):
        design = system.designs[seed % len(system.designs)]
        log = random_log(system, design.barriers, MODELS[name][1], seed)
        kinds |= kinds_of(log, hold_equal(system, design.barriers, log))
    assert kinds >= {(True, True), (False, False)}, "logs that fit, and logs that do not"


@pytest.mark.parametrize("case", range(len(log_models.MODELS)))
def test_it_agrees_where_groups_part_and_meet(case: int):
    model, claim, unlogged, logged, fits = log_models.MODELS[case]
    system = build(model, [claim])
    events = [Event(number, Step(name, ())) for number, name in enumerate(logged, 2)]
    found = hold_equal(system, frozenset(), Log("", events, {}, (), unlogged))
    assert (found.unexplained is None) == fits


@pytest.mark.parametrize("start", range(0, 120, 20))
def test_it_agrees_on_random_models(start: int, tmp_path: Path):
    """Of random models most have faults, several initial states and properties that fail."""
    kinds: set[object] = set()
    for seed in range(start, start + 20):
        generated = generate(seed, tmp_path)
        system = generated.system
        for number, design in enumerate(system.designs):
            names = [action.name for action in system.actions]
            log = random_log(system, design.barriers, names, 10 * seed + number)
            try:
                found = hold_equal(system, design.barriers, log)
            except AssertionError as difference:
                difference.add_note(f"seed {seed}, {design.name}\n{generated.text}")
                raise
            kinds |= kinds_of(log, found)
    assert kinds >= {(True, True), (True, False), (False, True), (False, False), "step", "seen"}
    assert kinds >= {Verdict.HOLDS, Verdict.UNDECIDED, Verdict.VIOLATED}
