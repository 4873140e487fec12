"""Each reported bug of multi-part RDMA transfers is found, and each barrier is needed."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fencepost import NONE, build, reachable
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.analyses.vacuity import unused
from fencepost.core.results import Answer
from fencepost.core.system import Design
from fencepost.engines.explore import explore
from fencepost.loading import load_model

SOURCE = load_model("rdma_write_completion", Path(__file__).parents[2])
SYSTEM = build(SOURCE.model, SOURCE.properties)
DESIGNS = [design.name for design in SYSTEM.designs]

REPORTED = {
    "VLLM-56104",
    "MC-1906",
    "MC-3508",
    "VA-12359",
    "SGL-30352",
    "NIXL-2067",
    "SGL-39229",
    "SGL-17259",
    "KVCV-3",
    "VLLM-50754",
    "MORI-655",
}

BESIDE_SAFE = {
    "handle_is_counted": "first_error_frees_blocks",
    "record_carries_tag": "success_before_tagged_record",
    "record_carries_digest": "tag_and_digest",
    "abort_is_answered": "ack_is_lost",
}
"""Barriers that `safe` does without, each with a design in which it makes a difference."""


@cache
def answer(name: str) -> Answer:
    return explore(SYSTEM, SYSTEM.design(name)).answer


def broken_without(design: Design, barrier: str) -> set[str]:
    weaker = replace(design, name="weaker", barriers=design.barriers - {barrier})
    return set(violated(explore(SYSTEM, weaker).answer))


@pytest.mark.parametrize("name", DESIGNS)
def test_design_gets_the_expected_verdict(name: str) -> None:
    judged = judge(answer(name), SYSTEM.design(name).expect)
    assert judged.judgement is Judgement.AS_EXPECTED, judged.reasons


@pytest.mark.parametrize("name", DESIGNS)
def test_expected_violations_name_their_shortest_trace(name: str) -> None:
    kinds = {p.name: p.kind for p in SYSTEM.properties}
    for violation in SYSTEM.design(name).expect.violations:
        never_reached = kinds.get(violation.property) == "reachable"
        assert never_reached == (violation.steps is None)


def test_every_reported_bug_has_a_broken_design() -> None:
    broken = {d.known_bug for d in SYSTEM.designs if d.expect.violations} - {""}
    assert broken == REPORTED


def test_a_lost_ack_leaves_the_decode_node_waiting_for_ever() -> None:
    [trace] = [f.trace for f in answer("ack_is_lost").findings if f.property == "outcome_is_heard"][
        :1
    ]
    assert trace is not None and trace.loop == len(trace.steps)
    told = [step.action for step in trace.steps]
    assert told.index("fail") < told.index("fail_on_error")
    assert "take_back" not in told


def test_every_barrier_of_the_safe_design_is_needed() -> None:
    safe = SYSTEM.design("safe")
    for barrier in SYSTEM.barriers:
        if barrier.name in safe.barriers:
            assert broken_without(safe, barrier.name) & set(barrier.buys), barrier.name


def test_every_other_barrier_makes_a_difference_somewhere() -> None:
    safe = SYSTEM.design("safe")
    assert {b.name for b in SYSTEM.barriers} - safe.barriers == set(BESIDE_SAFE)
    for barrier in SYSTEM.barriers:
        if barrier.name in BESIDE_SAFE:
            design = SYSTEM.design(BESIDE_SAFE[barrier.name])
            bought = broken_without(design, barrier.name) - set(violated(answer(design.name)))
            assert bought & set(barrier.buys), barrier.name


def test_every_property_is_broken_by_some_design() -> None:
    broken = {name for design in DESIGNS for name in violated(answer(design))}
    assert broken >= {p.name for p in SYSTEM.properties}


def test_no_step_and_no_branch_is_vacuous() -> None:
    left = unused(SYSTEM, [answer(name) for name in DESIGNS])
    assert not left, left


def test_a_failed_handle_may_or_may_not_have_delivered() -> None:
    model = SOURCE.model
    # The module itself may have been loaded anew by a test that works in another project.
    error = model.allocate.body.__globals__["Write"].ERROR

    @reachable(model)
    def delivered(m, request: model.Request, handle: model.Handle):  # type: ignore[name-defined]
        return m.write[request, handle] == error and m.kv[m.target[request], handle] == request

    @reachable(model)
    def lost(m, request: model.Request, handle: model.Handle):  # type: ignore[name-defined]
        return m.write[request, handle] == error and m.kv[m.target[request], handle] == NONE

    system = build(model, [*SOURCE.properties, delivered, lost])
    found = explore(system, system.design("safe")).answer
    assert violated(found) == {}


def test_the_model_can_be_read_for_any_size() -> None:
    assert SYSTEM.finite_only == ()


def test_designs_stay_small_at_the_default_sizes() -> None:
    assert max(answer(name).states for name in DESIGNS) < 33_000
