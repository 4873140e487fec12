"""Each reported bug of layer split is found, L1 to L6 break, and each barrier is needed."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fencepost import build
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.analyses.vacuity import unused
from fencepost.core.results import Answer, Verdict
from fencepost.core.system import Barrier
from fencepost.engines.explore import explore
from fencepost.loading import load_model

SOURCE = load_model("layer_split", Path(__file__).parents[2])
SYSTEM = build(SOURCE.model, SOURCE.properties)
DESIGNS = [design.name for design in SYSTEM.designs]
SAFE = ["agreed_rounds", "by_streams", "one_transient_slot", "append_outside_of_read_set"]
"""Designs that between them have every barrier."""

REPORTED = {"VA-17073", "TS-1384", "LIL-177", "SGL-29421", "SGL-26921", "SGL-30760"}

BROKEN = {
    "attention_follows_broadcast": {"attention_ahead"},
    "broadcast_follows_writes": {
        "broadcast_before_load",
        "flag_of_earlier_load",
        "event_not_awaited",
        "chunks_unordered",
    },
    "buffer_is_kept_until_read": {"buffer_written_while_read", "joined_too_far_ahead"},
    "append_stays_out_of_broadcast": {"append_over_source"},
    "collectives_match": {
        "failed_owner_leaves",
        "failures_unheard",
        "idle_rank_skips_round",
        "full_rank_stops_early",
        "abort_after_the_round",
    },
    "failed_load_is_not_broadcast": {
        "broadcast_before_load",
        "flag_of_earlier_load",
        "failed_owner_leaves",
        "failures_unheard",
        "idle_rank_skips_round",
    },
}
"""L1 to L6, and the designs that break each."""


@cache
def answer(name: str) -> Answer:
    return explore(SYSTEM, SYSTEM.design(name)).answer


@cache
def broken_without(name: str, barrier: str) -> set[str]:
    design = SYSTEM.design(name)
    weaker = replace(design, name="weaker", barriers=design.barriers - {barrier})
    return set(violated(explore(SYSTEM, weaker).answer))


def story(name: str, *, of: str = "") -> list[str]:
    """The steps of the shortest trace to a violation, if not said otherwise the first named."""
    named = of or SYSTEM.design(name).expect.violations[0].property
    traces = [f.trace for f in answer(name).findings if f.property == named and f.trace is not None]
    return [SYSTEM.show_step(step) for step in min(traces, key=len).steps]


@pytest.mark.parametrize("name", DESIGNS)
def test_design_gets_the_expected_verdict(name: str) -> None:
    judged = judge(answer(name), SYSTEM.design(name).expect)
    assert judged.judgement is Judgement.AS_EXPECTED, judged.reasons


@pytest.mark.parametrize("name", DESIGNS)
def test_expected_violations_name_their_shortest_trace(name: str) -> None:
    assert all(violation.steps is not None for violation in SYSTEM.design(name).expect.violations)


def test_every_reported_bug_has_a_broken_design() -> None:
    assert {d.known_bug for d in SYSTEM.designs if d.expect.violations} - {""} == REPORTED
    assert {d.known_bug for d in SYSTEM.designs if not d.expect.violations} == {""}


def test_safe_designs_hold() -> None:
    assert [name for name in DESIGNS if answer(name).verdict is Verdict.HOLDS] == SAFE


@pytest.mark.parametrize("name", SAFE)
def test_every_barrier_of_a_safe_design_is_needed(name: str) -> None:
    safe = SYSTEM.design(name).barriers
    for barrier in SYSTEM.barriers:
        if barrier.name in safe:
            assert broken_without(name, barrier.name) & set(barrier.buys), barrier.name


@pytest.mark.parametrize("barrier", SYSTEM.barriers, ids=lambda barrier: barrier.name)
def test_a_barrier_buys_what_it_names(barrier: Barrier) -> None:
    having = [name for name in SAFE if barrier.name in SYSTEM.design(name).barriers]
    broken = set().union(*(broken_without(name, barrier.name) for name in having))
    assert broken >= set(barrier.buys)


@pytest.mark.parametrize("invariant", BROKEN)
def test_each_invariant_is_broken_by_the_designs_that_lack_its_barrier(invariant: str) -> None:
    broken = {name for name in DESIGNS if invariant in violated(answer(name))}
    assert broken == BROKEN[invariant]


def test_every_property_that_can_be_broken_is() -> None:
    broken = {name for design in DESIGNS for name in violated(answer(design))}
    assert broken >= {p.name for p in SYSTEM.properties if p.kind != "reachable"}


@pytest.mark.parametrize("name", ["one_staging_buffer", "staging_out_of_order"])
def test_mixed_staging_is_noticed_by_attention_alone(name: str) -> None:
    """All six orders are kept, and the bytes are still wrong: they are mixed on their way."""
    assert set(violated(answer(name))) == {"attention_reads_its_layer"}


def test_no_step_and_no_branch_is_vacuous() -> None:
    left = unused(SYSTEM, [answer(name) for name in DESIGNS])
    assert not left, left


def test_the_reported_stories_are_told() -> None:
    assert story("broadcast_before_load") == [
        "take_up(turn=0, rank=0)",
        "take_up(turn=0, rank=1)",
        "conclude(turn=0)",
        "join(turn=0, rank=0)",
        "send(turn=0)",
    ]
    stale = story("flag_of_earlier_load")
    assert "finish_load(turn=0)" in stale and "finish_load(turn=1)" not in stale
    assert stale[-2:] == ["join(turn=1, rank=0)", "send(turn=1)"]
    assert story("one_staging_buffer")[-5:] == [
        "send(turn=0)",
        "join(turn=1, rank=0)",
        "send(turn=1)",
        "receive(turn=0, rank=1)",
        "attend(turn=0, rank=1)",
    ]
    unsent = story("disabled_communicator")
    assert unsent[-2:] == ["receive(turn=0, rank=0)", "attend(turn=0, rank=0)"]
    assert not any(step.startswith("send") for step in unsent)
    assert story("idle_rank_skips_round", of="failed_load_is_not_broadcast") == [
        "fail_load(turn=0)",
        "take_up(turn=0, rank=0)",
        "join(turn=0, rank=0)",
    ]
    assert story("full_rank_stops_early", of="no_stuck_state") == [
        "take_up(turn=0, rank=1)",
        "refuse(turn=0, rank=0)",
        "take_up(turn=1, rank=0)",
    ]
    assert story("append_over_source")[-2:] == ["attend(turn=0, rank=0)", "send(turn=0)"]
    assert story("failed_owner_leaves") == [
        "fail_load(turn=0)",
        "take_up(turn=0, rank=0)",
        "take_up(turn=0, rank=1)",
        "join(turn=0, rank=0)",
    ]


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize(
    "sizes", [{"ranks": 3}, pytest.param({"turns": 3}, marks=[pytest.mark.slow])], ids=str
)
def test_safe_designs_hold_at_larger_sizes(name: str, sizes: dict[str, int]) -> None:
    system = build(SOURCE.model, SOURCE.properties, sizes)
    assert explore(system, system.design(name)).answer.verdict is Verdict.HOLDS


def test_the_model_can_be_read_for_any_size() -> None:
    assert SYSTEM.finite_only == ()


def test_designs_stay_small_at_the_default_sizes() -> None:
    assert max(answer(name).states for name in DESIGNS) < 40_000
    assert max(answer(name).states for name in SAFE) < 14_000
