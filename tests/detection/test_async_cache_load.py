"""Each reported bug of asynchronous cache loading is found, and each barrier is needed."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fencepost import NONE, build, exists, reachable
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.analyses.vacuity import unused
from fencepost.core.results import Answer, Verdict
from fencepost.core.semantics import Successor
from fencepost.core.traces import rerun
from fencepost.engines.explore import explore
from fencepost.language import perform_plainly
from fencepost.loading import load_model

SOURCE = load_model("async_cache_load", Path(__file__).parents[2])
SYSTEM = build(SOURCE.model, SOURCE.properties)
DESIGNS = [design.name for design in SYSTEM.designs]
SAFE = ["by_acknowledgement", "by_streams", "offload_connector"]

REPORTED = {
    "SGL-22811",
    "SGL-36738",
    "SGL-20611",
    "SGL-36743",
    "SGL-31427",
    "SGL-20049",
    "VLLM-46278",
    "VLLM-47282",
    "VLLM-39115",
}

BESIDE_SAFE = {
    "fork_waits_for_first_layer": "fork_waits_for_first",
    "host_synchronises": "host_synchronises_always",
}
"""Barriers that no safe design has, each with the design that has it."""


@cache
def answer(name: str) -> Answer:
    return explore(SYSTEM, SYSTEM.design(name)).answer


@cache
def broken_without(name: str, barrier: str) -> set[str]:
    design = SYSTEM.design(name)
    weaker = replace(design, name="weaker", barriers=design.barriers - {barrier})
    return set(violated(explore(SYSTEM, weaker).answer))


def story(name: str, property_name: str) -> list[str]:
    """The steps of the shortest trace of a violation, in words."""
    found = [f for f in answer(name).findings if f.property == property_name]
    traces = [f.trace for f in found if f.verdict is Verdict.VIOLATED and f.trace is not None]
    shortest = min(traces, key=len)
    return [SYSTEM.show_step(step) for step in shortest.steps]


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
    assert {d.known_bug for d in SYSTEM.designs if d.expect.violations} - {""} == REPORTED


def test_safe_designs_hold() -> None:
    assert {name for name in SAFE if answer(name).verdict is Verdict.HOLDS} == set(SAFE)


@pytest.mark.parametrize("name", SAFE)
def test_every_barrier_of_a_safe_design_is_needed(name: str) -> None:
    safe = SYSTEM.design(name)
    needless = {
        barrier.name
        for barrier in SYSTEM.barriers
        if barrier.name in safe.barriers
        and not broken_without(name, barrier.name) & set(barrier.buys)
    }
    # As its text says: a load that has waited for all forwards may stand for them.
    waits = "load_waits_for_forward" in safe.barriers
    assert needless == ({"event_of_one_stream"} if waits else set())


@pytest.mark.parametrize("barrier", SYSTEM.barriers, ids=lambda b: b.name)
def test_every_property_a_barrier_buys_is_broken_without_it(barrier) -> None:  # noqa: ANN001
    having = [name for name in SAFE if barrier.name in SYSTEM.design(name).barriers]
    assert having or barrier.name in BESIDE_SAFE
    for name in having or [BESIDE_SAFE[barrier.name]]:
        bought = broken_without(name, barrier.name)
        if barrier.name == "fork_waits_for_first_layer":
            before = violated(explore(SYSTEM, SYSTEM.design("fork_without_wait")).answer)
            after = violated(answer("fork_waits_for_first"))
            assert before["fork_copies_own_bytes"] < after["fork_copies_own_bytes"]
        else:
            assert bought & set(barrier.buys) or barrier.name == "event_of_one_stream", name


def test_every_property_is_broken_by_some_design() -> None:
    broken = {name for design in DESIGNS for name in violated(answer(design))}
    assert broken >= {p.name for p in SYSTEM.properties}


def test_no_step_and_no_branch_is_vacuous() -> None:
    left = unused(SYSTEM, [answer(name) for name in DESIGNS])
    assert not left, left
