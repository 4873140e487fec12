"""Each reported bug of asynchronous cache loading is found, and each barrier is needed."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fencepost import build, exists, reachable
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.analyses.vacuity import unused
from fencepost.core.results import Answer, Verdict
from fencepost.core.system import Barrier
from fencepost.engines.explore import explore
from fencepost.loading import load_model

SOURCE = load_model("async_cache_load", Path(__file__).parents[2])
SYSTEM = build(SOURCE.model, SOURCE.properties)
DESIGNS = [design.name for design in SYSTEM.designs]
SAFE = ["by_acknowledgement", "by_streams", "offload_connector"]
COMPLETE = [*SAFE, "fork_waits_for_first", "host_synchronises_always"]
"""Designs that between them have every barrier."""

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


@cache
def answer(name: str) -> Answer:
    return explore(SYSTEM, SYSTEM.design(name)).answer


@cache
def broken_without(name: str, barrier: str) -> set[str]:
    design = SYSTEM.design(name)
    weaker = replace(design, name="weaker", barriers=design.barriers - {barrier})
    return set(violated(explore(SYSTEM, weaker).answer))


def story(name: str) -> list[str]:
    """The steps of the shortest trace to the first violation that the design names."""
    named = SYSTEM.design(name).expect.violations[0].property
    traces = [f.trace for f in answer(name).findings if f.property == named and f.trace is not None]
    return [SYSTEM.show_step(step) for step in min(traces, key=len).steps]


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
    safe = SYSTEM.design(name).barriers
    needless = {
        barrier.name
        for barrier in SYSTEM.barriers
        if barrier.name in safe and not broken_without(name, barrier.name) & set(barrier.buys)
    }
    # As its text says: a load that has waited for the forwards may stand for them.
    expected = {"event_of_one_stream"} if "load_waits_for_forward" in safe else set()
    assert needless == expected


@pytest.mark.parametrize("barrier", SYSTEM.barriers, ids=lambda barrier: barrier.name)
def test_a_barrier_buys_what_it_names(barrier: Barrier) -> None:
    having = [name for name in COMPLETE if barrier.name in SYSTEM.design(name).barriers]
    broken = set().union(*(broken_without(name, barrier.name) for name in having))
    assert broken >= set(barrier.buys)


def test_waiting_for_the_first_layer_only_makes_the_story_longer() -> None:
    without, waiting = story("fork_without_wait"), story("fork_waits_for_first")
    assert [step for step in waiting if not step.startswith("load_")] == without
    assert len(waiting) > len(without)


def test_every_property_is_broken_by_some_design() -> None:
    broken = {name for design in DESIGNS for name in violated(answer(design))}
    assert broken >= {p.name for p in SYSTEM.properties}


def test_no_step_and_no_branch_is_vacuous() -> None:
    left = unused(SYSTEM, [answer(name) for name in DESIGNS])
    assert not left, left


def test_the_reported_stories_are_told() -> None:
    assert story("indexer_without_wait") == [
        "prefetch(prompt=0)",
        "restore(request=0)",
        "launch(request=0)",
        "score(request=0, layer=0)",
    ]
    assert story("load_over_launched_forward")[-5:] == [
        "launch(request=0)",
        "release(request=0)",
        "restore(request=1)",
        "load_index_keys(request=1, layer=0)",
        "score(request=0, layer=0)",
    ]
    assert story("write_back_unordered") == [
        "admit(request=0)",
        "launch(request=0)",
        "back_up(request=0)",
        "store(request=0)",
    ]
    assert story("fork_without_wait")[-2:] == ["launch_fork(request=0)", "copy_fork(request=0)"]
    assert story("host_page_lock_dropped") == [
        "prefetch(prompt=0)",
        "restore(request=0)",
        "evict(prompt=0)",
        "prefetch(prompt=1)",
        "load_index_keys(request=0, layer=0)",
    ]
    assert story("host_confirmed_store")[-3:] == [
        "back_up(request=0)",
        "store(request=0)",
        "see_store(request=0)",
    ]
    overwritten = story("load_over_reader")
    assert overwritten.index("release(request=0)") < overwritten.index("restore(request=1)")
    assert overwritten[-2:] == ["load_kv(request=1, layer=0)", "attend(request=0, layer=0)"]
    rebound = [step for step in story("event_recorded_again_by_load") if "load_" not in step]
    assert rebound == [
        "prefetch(prompt=1)",
        "admit(request=0)",
        "launch(request=0)",
        "restore(request=1)",
        "back_up(request=0)",
        "store(request=0)",
        "see_store(request=0)",
    ]


def test_the_twin_does_bind_to_a_later_record() -> None:
    model = SOURCE.model

    @reachable(model)
    def waits_for_a_later_forward(m):
        return exists(
            m.Request,
            m.Request,
            lambda r, later: r < later and m.store_after_forward[r] == later,
        )

    system = build(model, [*SOURCE.properties, waits_for_a_later_forward])
    found = explore(system, system.design("event_recorded_again_by_launch")).answer
    assert found.verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize("sizes", [{"layers": 3}, {"requests": 3}])
def test_safe_designs_hold_at_larger_sizes(name: str, sizes: dict[str, int]) -> None:
    system = build(SOURCE.model, SOURCE.properties, sizes)
    assert explore(system, system.design(name)).answer.verdict is Verdict.HOLDS


def test_the_model_can_be_read_for_any_size() -> None:
    assert SYSTEM.finite_only == ()


def test_designs_stay_small_at_the_default_sizes() -> None:
    assert max(answer(name).states for name in DESIGNS) < 32_000
