"""Reported bugs that a check of safety alone does not see: each is found as an endless run."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fencepost import NONE, build
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.analyses.vacuity import unused
from fencepost.core.results import Answer, Verdict
from fencepost.core.system import LIVENESS, System
from fencepost.core.traces import Trace
from fencepost.engines.explore import explore, explore_by_interpreter
from fencepost.loading import load_model

ROOT = Path(__file__).parents[2]
SMALL = ("deferred_free", "staged_handoff")
MODELS = (
    *SMALL,
    "slot_lifecycle",
    "rdma_write_completion",
    "async_cache_load",
    "layer_split",
    "speculation_monitor",
)

LASSOS = {
    "VLLM-32255": ("slot_lifecycle", "waits_for_seen_completion", "hear_success abort"),
    "VLLM-46283": ("slot_lifecycle", "prefill_dies", "allocate miss_heartbeat"),
    "DYN-7489": ("staged_handoff", "linked_to_client", "send_on attach leave"),
    "DYN-13855": ("staged_handoff", "unlinked", "leave send_on"),
    "VLLM-49675": ("deferred_free", "frees_later", "preempt preempt admit preempt preempt"),
    "SGL-20049": ("async_cache_load", "acks_with_prefill_only", "back_up store"),
    "MORI-655": ("rdma_write_completion", "ack_is_lost", "post fail fail_on_error"),
    "SGL-26921": ("layer_split", "idle_rank_skips_round", "take_up refuse join"),
    "SGL-30760": ("layer_split", "full_rank_stops_early", "take_up refuse take_up"),
}
"""For each bug the design that has it, and what happens in this order in its endless run."""


FINITE = ("staged_handoff", "rdma_write_completion", "layer_split")
"""Models whose runs all end: as a run goes on while anything can happen, nobody need be fair."""


@cache
def system_of(model: str, **sizes: int) -> System:
    source = load_model(model, ROOT)
    return build(source.model, source.properties, sizes)


@cache
def answer(model: str, design: str) -> Answer:
    return explore(system_of(model), system_of(model).design(design)).answer


def lassos(found: Answer) -> list[Trace]:
    return [
        finding.trace
        for finding in found.findings
        if finding.kind in LIVENESS and finding.trace is not None
    ]


@pytest.mark.parametrize("bug", LASSOS)
def test_the_reported_bug_is_an_endless_run(bug: str) -> None:
    model, name, story = LASSOS[bug]
    assert system_of(model).design(name).known_bug == bug
    traces = lassos(answer(model, name))
    assert traces
    assert all(trace.loop is not None for trace in traces)
    told = [[step.action for step in trace.steps] for trace in traces]
    assert any(in_order(story.split(), steps) for steps in told), told


def in_order(story: list[str], steps: list[str]) -> bool:
    names = iter(steps)
    return all(wanted in names for wanted in story)


def test_the_livelock_goes_round_and_the_leaks_wait_for_ever() -> None:
    [first, *_] = lassos(answer("deferred_free", "frees_later"))
    assert first.loop is not None
    repeated = [step.action for step in first.steps[first.loop :]]
    assert repeated.count("preempt") >= 2 and "grow" not in repeated
    for name in ("linked_to_client", "unlinked"):
        assert all(t.loop == len(t.steps) for t in lassos(answer("staged_handoff", name)))


@pytest.mark.parametrize("model", MODELS)
def test_a_design_that_holds_keeps_its_liveness_too(model: str) -> None:
    system = system_of(model)
    asked = [p.name for p in system.properties if p.kind in LIVENESS]
    assert asked
    for design in system.designs:
        if not design.expect.violations:
            found = {f.property: f.verdict for f in answer(model, design.name).findings}
            assert {found[name] for name in asked} == {Verdict.HOLDS}, design.name


@pytest.mark.parametrize("model", MODELS)
def test_without_fairness_nothing_is_promised(model: str) -> None:
    """What holds, holds because of the fairness declared: some property falls without it."""
    system = system_of(model)
    unfair = replace(system, actions=tuple(replace(a, fairness="") for a in system.actions))
    holding = [d for d in unfair.designs if not d.expect.violations]
    asked = [p.name for p in system.properties if p.kind in LIVENESS]
    fallen = {name for d in holding for name in violated(explore(unfair, d).answer)}
    if model in FINITE:
        assert not fallen
    else:
        assert fallen & set(asked)


@pytest.mark.parametrize(
    ("model", "design"),
    [(model, design.name) for model in SMALL for design in system_of(model).designs],
)
def test_design_gets_the_expected_verdict(model: str, design: str) -> None:
    found = answer(model, design)
    judged = judge(found, system_of(model).design(design).expect)
    assert judged.judgement is Judgement.AS_EXPECTED, judged.reasons
    slow = explore_by_interpreter(system_of(model), system_of(model).design(design)).answer
    assert [(f.property, f.instance, f.verdict) for f in slow.findings] == [
        (f.property, f.instance, f.verdict) for f in found.findings
    ]
    assert (slow.states, slow.transitions) == (found.states, found.transitions)


@pytest.mark.parametrize("model", SMALL)
def test_no_step_and_no_branch_is_vacuous(model: str) -> None:
    left = unused(system_of(model), [answer(model, d.name) for d in system_of(model).designs])
    assert not left, left


@pytest.mark.parametrize("model", SMALL)
def test_every_property_is_broken_by_some_design(model: str) -> None:
    """But for one, of which no bug was reported; the test below breaks it."""
    system = system_of(model)
    broken = {name for d in system.designs for name in violated(answer(model, d.name))}
    kept = {p.name for p in system.properties if p.kind != "reachable"} - broken
    assert kept == ({"block_becomes_free"} if model == "deferred_free" else set())


def test_a_block_whose_last_kernel_has_ended_is_lost_on_the_list() -> None:
    """A pool that puts each block on the list, also where no kernel is left to take it off."""
    source = load_model("deferred_free", ROOT)

    class PutsEachOnTheList(source.model):  # type: ignore[misc, name-defined]  # found by path
        def give_back(self, request) -> None:
            held = [block for block in self.Block if self.owner[block] == request]
            for block in held:
                self.on_list[block] = True
                self.owner[block] = NONE

    careful = build(PutsEachOnTheList, source.properties)
    found = explore(careful, careful.design("counts_soon_free_blocks")).answer
    lost = [f for f in found.findings if f.property == "block_becomes_free"]
    assert lost and all(f.verdict is Verdict.VIOLATED for f in lost)
    for finding in lost:
        assert finding.trace is not None and finding.trace.loop is not None
    holding = answer("deferred_free", "counts_soon_free_blocks")
    kept = [f.verdict for f in holding.findings if f.property == "block_becomes_free"]
    assert kept and set(kept) == {Verdict.HOLDS}


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("deferred_free", {"requests": 3, "blocks": 2}),
        ("deferred_free", {"requests": 2, "blocks": 3}),
        ("staged_handoff", {"requests": 3}),
    ],
)
def test_what_holds_at_the_default_sizes_holds_at_others(model: str, sizes: dict[str, int]) -> None:
    system = system_of(model, **sizes)
    for design in system.designs:
        if not design.expect.violations:
            assert violated(explore(system, design).answer) == {}, design.name
