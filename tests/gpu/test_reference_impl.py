"""The reference cache on a real GPU, where there is one, with streams that are made slow.

A safe design has the oracle's tokens every time. One without a wait that comes out wrong has shown
what the wait buys; one that comes out right every time has shown nothing, and is inconclusive. So
it is with the logs of all four protocols: what a design does is a run of it, every time.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.reference_impl.program_logs import BROKEN, FAULTY, LOGS, SAFE, fault, held_against
from tests.reference_impl.programs import (
    handing_over,
    safe_handoff,
    safe_layer_split,
    safe_two_tiers,
    split_by_layers,
    two_tiers,
)

TRIES = 5
CYCLES = 2_000_000  # about a millisecond

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no GPU, so nothing is tried on one"
)


def widen() -> None:
    """Keep the current stream busy, so that what comes after it on that stream is late."""
    torch.cuda._sleep(CYCLES)


def right(compared) -> bool:
    return all(tokens == expected for tokens, expected in compared)


@pytest.mark.parametrize("cancel", [-1, 0, 1, 2, 4, 8, 16])
def test_a_handoff_is_right_wherever_it_is_cancelled(cancel: int):
    for _ in range(TRIES):
        assert right(handing_over(safe_handoff(), widen, cancel=cancel))


@pytest.mark.parametrize("name", ["by_acknowledgement", "by_streams", "offload_connector"])
@pytest.mark.parametrize("cancel", [-1, 0, 1, 2])
def test_two_tiers_are_right(name: str, cancel: int):
    for _ in range(TRIES):
        assert right(two_tiers(safe_two_tiers(name), widen, cancel=cancel))


@pytest.mark.parametrize("name", ["agreed_rounds", "by_streams", "one_transient_slot"])
def test_ranks_are_right(name: str):
    for _ in range(TRIES):
        assert right(split_by_layers(safe_layer_split(name), widen))


@pytest.mark.parametrize("refuse", [0, 3, 5, 11])
def test_ranks_are_right_whichever_turn_is_refused(refuse: int):
    for _ in range(TRIES):
        assert right(split_by_layers(safe_layer_split(), widen, refuse=refuse))


@pytest.mark.parametrize("barrier", ["indexer_waits_for_load", "attention_waits_for_load"])
def test_a_missing_wait_for_a_load_changes_tokens(barrier: str):
    on = replace(safe_two_tiers("by_acknowledgement"), **{barrier: False})
    if all(right(two_tiers(on, widen)) for _ in range(TRIES)):
        pytest.skip(f"inconclusive: without {barrier} the tokens were right {TRIES} times")


@pytest.mark.parametrize("barrier", ["attention_waits_for_broadcast", "send_waits_for_load"])
def test_a_missing_wait_for_a_broadcast_changes_tokens(barrier: str):
    on = replace(safe_layer_split("by_streams"), **{barrier: False})
    if all(right(split_by_layers(on, widen)) for _ in range(TRIES)):
        pytest.skip(f"inconclusive: without {barrier} the tokens were right {TRIES} times")


def test_a_completion_at_the_sender_changes_tokens():
    on = replace(safe_handoff(), completion_follows_visibility=False)
    if all(right(handing_over(on, widen)) for _ in range(TRIES)):
        pytest.skip(f"inconclusive: the tokens were right {TRIES} times")


@pytest.mark.parametrize(("model", "name"), SAFE)
def test_what_a_safe_design_does_is_a_run_of_it(tmp_path: Path, model: str, name: str):
    for _ in range(TRIES):
        LOGS[model](tmp_path / "log", name, widen)
        assert held_against(tmp_path / "log", model, name).unexplained is None


@pytest.mark.parametrize(("model", "name", "safe"), BROKEN)
def test_what_a_broken_design_does_is_a_run_of_it_alone(
    tmp_path: Path, model: str, name: str, safe: str
):
    alone = False
    for _ in range(TRIES):
        LOGS[model](tmp_path / "log", name, widen)
        assert held_against(tmp_path / "log", model, name).unexplained is None
        alone |= held_against(tmp_path / "log", model, safe).unexplained is not None
    if not alone:
        pytest.skip(f"inconclusive: what {name} did was a run of {safe} {TRIES} times")


@pytest.mark.parametrize(("model", "name", "what"), FAULTY)
def test_what_a_seeded_fault_does_is_no_run(tmp_path: Path, model: str, name: str, what: str):
    for _ in range(TRIES):
        with fault(what)():
            LOGS[model](tmp_path / "log", name, widen)
        if held_against(tmp_path / "log", model, name).unexplained is not None:
            return
    pytest.skip(f"inconclusive: with {what} the logs were runs of {name} {TRIES} times")
