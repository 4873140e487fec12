"""Each reported bug of reclaiming slots is found, tells its story, and each barrier is needed."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fencepost import build
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.analyses.vacuity import unused
from fencepost.core.results import Answer, Verdict
from fencepost.core.system import Design, Step, System
from fencepost.engines.explore import explore
from fencepost.loading import load_model

SOURCE = load_model("slot_lifecycle", Path(__file__).parents[2])
SYSTEM = build(SOURCE.model, SOURCE.properties)
DESIGNS = [design.name for design in SYSTEM.designs]
HOLDING = [design.name for design in SYSTEM.designs if not design.expect.violations]
BROKEN = [design.name for design in SYSTEM.designs if design.expect.violations]
REACHABLE = {p.name for p in SYSTEM.properties if p.kind == "reachable"}

REPORTED = {
    "ZAI-1",
    "SGL-31357",
    "SGL-35360",
    "SGL-38961A",
    "SGL-38961C",
    "SGL-34208",
    "VLLM-32255",
    "VLLM-46283",
}

STORIES = {
    "as_reported": "abort land",
    "stops_new_chunks": "abort land",
    "answers_on_receipt": "receive_abort hear_answer land",
    "answers_for_unknown_room": "post fail_write clear_room receive_abort hear_answer land",
    "forgets_ack_target": "post receive_abort clear_room",
    "ignores_cleared_room": "post fail_write clear_room receive_abort",
    "frees_at_failure": "post fail_write hear_failure land",
    "frees_source_early": "post clear_room",
    "hands_over_rejected": "allocate reject hear_success start_decoding",
    "starts_after_never_started": "abort receive_abort post land",
    "goes_on_after_answer": "post land receive_abort post land",
    "prefill_dies": "allocate miss_heartbeat",
    "abort_is_lost": "lose_abort",
    "answer_is_lost": "abort receive_abort lose_answer",
    "timeout_shorter_than_write": "abort pass_deadline land",
    "timeout_longer_than_write": "abort pass_deadline post land",
    "asks_again": "allocate miss_heartbeat",
    "load_aborted": "abort land",
    "waits_for_seen_completion": "succeed hear_success abort",
}
"""What happens, in this order, to one request of each broken design in every shortest trace."""

LEAKS = {
    "forgets_ack_target",
    "ignores_cleared_room",
    "prefill_dies",
    "abort_is_lost",
    "answer_is_lost",
    "asks_again",
    "waits_for_seen_completion",
}

BLOCKED_WITHOUT = {
    "request_decodes": "start_decoding",
    "aborted_request_is_retried": "retry",
    "slot_of_aborted_transfer_is_reused": "hear_answer",
}
"""An action without which a `reachable` is not reached."""


@cache
def system_of(requests: int, slots: int, chunks: int) -> System:
    parameters = {"requests": requests, "slots": slots, "chunks": chunks}
    return build(SOURCE.model, SOURCE.properties, parameters)


@cache
def answer(name: str) -> Answer:
    return explore(SYSTEM, SYSTEM.design(name)).answer


def without(design: Design, barrier: str) -> Design:
    return replace(design, name="weaker", barriers=design.barriers - {barrier})


def happens_in_order(story: list[str], steps: list[Step]) -> bool:
    names = iter(step.action for step in steps)
    return all(wanted in names for wanted in story)


@pytest.mark.parametrize("name", DESIGNS)
def test_design_gets_the_expected_verdict(name: str) -> None:
    judged = judge(answer(name), SYSTEM.design(name).expect)
    assert judged.judgement is Judgement.AS_EXPECTED, judged.reasons


def test_every_expected_violation_claims_the_length_of_its_trace() -> None:
    assert all(
        v.steps is not None for name in BROKEN for v in SYSTEM.design(name).expect.violations
    )


def test_every_reported_bug_has_a_broken_design() -> None:
    assert {SYSTEM.design(name).known_bug for name in BROKEN} - {""} == REPORTED


@pytest.mark.parametrize("name", BROKEN)
def test_the_trace_tells_the_reported_story(name: str) -> None:
    traces = [f.trace for f in answer(name).findings if f.verdict is Verdict.VIOLATED]
    assert len([trace for trace in traces if trace is not None and trace.loop is None]) == 1
    for trace in traces:
        assert trace is not None
        by_request = [
            [step for step in trace.steps if step.arguments[:1] == (request,)]
            for request in range(2)
        ]
        assert any(happens_in_order(STORIES[name].split(), steps) for steps in by_request)


def test_a_leak_is_found_as_a_leak_and_corruption_as_corruption() -> None:
    kinds = {p.name: p.kind for p in SYSTEM.properties}
    for name in BROKEN:
        found = violated(answer(name))
        leaks = {broken for broken in found if kinds[broken] == "leads_to"}
        assert (
            leaks >= {"allocated_slot_becomes_free", "request_ends"} if name in LEAKS else not leaks
        )
        assert set(found) - leaks == {"slot_can_be_freed"} or name not in LEAKS


@pytest.mark.parametrize("name", HOLDING)
def test_every_barrier_of_a_design_that_holds_is_needed(name: str) -> None:
    for barrier in SYSTEM.barriers:
        if barrier.name in SYSTEM.design(name).barriers:
            broken = violated(explore(SYSTEM, without(SYSTEM.design(name), barrier.name)).answer)
            assert set(broken) & set(barrier.buys), barrier.name


def test_every_barrier_is_part_of_a_design_that_holds() -> None:
    used = {barrier for name in HOLDING for barrier in SYSTEM.design(name).barriers}
    assert used == {barrier.name for barrier in SYSTEM.barriers}


def test_the_safe_design_assumes_nothing() -> None:
    assumed = {b.name for b in SYSTEM.barriers if b.text.startswith("Assumed")}
    assert len(assumed) == 4
    assert not SYSTEM.design("safe").barriers & assumed


def test_every_property_that_can_be_broken_by_a_design_is() -> None:
    broken = {name for design in DESIGNS for name in violated(answer(design))}
    assert broken == {p.name for p in SYSTEM.properties} - REACHABLE - {
        "source_pages_can_be_released"
    }


def test_pages_of_a_room_that_nobody_clears_are_lost() -> None:
    """No barrier of the model loses them; a prefill node that never polls a failed room does."""
    kept = tuple(a for a in SYSTEM.actions if a.name != "clear_room")
    careless = replace(SYSTEM, actions=kept)
    name = "source_pages_can_be_released"
    found = explore(careless, SYSTEM.design("published_fix"), properties=[name]).answer
    assert name in violated(found)


@pytest.mark.parametrize("name", BLOCKED_WITHOUT)
def test_what_must_be_reachable_is_not_in_a_model_that_blocks(name: str) -> None:
    kept = tuple(a for a in SYSTEM.actions if a.name != BLOCKED_WITHOUT[name])
    assert len(kept) == len(SYSTEM.actions) - 1
    blocking = replace(SYSTEM, actions=kept)
    found = explore(blocking, SYSTEM.design("published_fix"), properties=[name]).answer
    assert name in violated(found)


def test_every_reachable_property_has_an_action_that_it_hangs_on() -> None:
    assert set(BLOCKED_WITHOUT) == REACHABLE


def test_no_step_and_no_branch_is_vacuous() -> None:
    left = unused(SYSTEM, [answer(name) for name in DESIGNS])
    assert not left, left


def test_the_model_can_be_read_for_any_size() -> None:
    assert SYSTEM.finite_only == ()


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 1, 1), (2, 2, 1), (2, 2, 2), (3, 1, 1)], ids=str)
@pytest.mark.parametrize("name", HOLDING)
def test_what_holds_at_the_default_sizes_holds_at_others(
    name: str, sizes: tuple[int, int, int]
) -> None:
    unreached = {"slot_of_aborted_transfer_is_reused"} if sizes[0] == 1 else set()
    system = system_of(*sizes)
    assert set(violated(explore(system, system.design(name)).answer)) == unreached


def test_designs_stay_small_at_the_default_sizes() -> None:
    assert max(answer(name).states for name in DESIGNS) < 25_000
