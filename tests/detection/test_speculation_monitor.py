"""What each reading of the monitor's rule misses is found, and each barrier is needed."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from fencepost import ANY, Range, Var, build
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.analyses.proofs import prove
from fencepost.analyses.vacuity import unused
from fencepost.core.results import Answer, Verdict
from fencepost.core.semantics import Successor, initial_states, perform
from fencepost.core.system import Design, State, System
from fencepost.core.traces import Trace
from fencepost.engines.explore import explore
from fencepost.loading import load_model

SOURCE = load_model("speculation_monitor", Path(__file__).parents[2])
SYSTEM = build(SOURCE.model, SOURCE.properties)
DESIGNS = [design.name for design in SYSTEM.designs]

REPORTED = {"VLLM-45357", "VLLM-32255"}

FALSE_ALARM = "sound_request_is_not_aborted"
READINGS = {
    "guard_on_length_only": {FALSE_ALARM, "opening_is_passed_over"},
    "guard_on_rate_only": {FALSE_ALARM, "opening_is_passed_over"},
    "low_at_once": {FALSE_ALARM},
    "high_at_once": {FALSE_ALARM},
    "counts_whole_answer": {FALSE_ALARM, "garbled_request_is_caught", "looping_request_is_caught"},
    "as_published": {FALSE_ALARM, "garbled_request_is_caught", "looping_request_is_caught"},
    "length_only": {"looping_request_is_caught"},
    "rate_only": {"garbled_request_is_caught"},
}
"""Readings of the rule other than `safe`, with what each of them misses or aborts in vain."""

NEEDED_BY = {"launch_waits_for_verdict": "waits_for_verdict"}
"""The barrier that `safe` does without, with a design in which it makes a difference."""


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


@pytest.mark.parametrize("name", READINGS)
def test_what_a_reading_misses(name: str) -> None:
    safety = {p.name for p in SYSTEM.properties if p.kind == "always"}
    assert set(violated(answer(name))) & safety == READINGS[name]


def trace_to(name: str, broken: str) -> Trace:
    [first, *_] = [f.trace for f in answer(name).findings if f.property == broken and f.trace]
    return first


def test_an_abort_frees_the_slot_under_a_step_that_was_launched_ahead() -> None:
    told = [step.action for step in trace_to("frees_at_abort", "writes_into_own_slot").steps]
    assert told[-1] in ("suspect_garbling", "suspect_looping")
    assert "launch" in told[len(told) - told[::-1].index("verify") :]


def test_a_request_that_is_corrupt_in_each_attempt_goes_round() -> None:
    trace = trace_to("retries_for_ever", "request_ends")
    assert trace.loop is not None
    round_about = {step.action for step in trace.steps[trace.loop :]}
    assert {"admit", "corrupt", "retry"} <= round_about
    assert "finish" not in round_about


def test_every_barrier_of_the_safe_design_is_needed() -> None:
    safe = SYSTEM.design("safe")
    for barrier in SYSTEM.barriers:
        if barrier.name in safe.barriers:
            assert broken_without(safe, barrier.name) >= set(barrier.buys), barrier.name


def test_every_other_barrier_makes_a_difference_somewhere() -> None:
    safe = SYSTEM.design("safe")
    assert {b.name for b in SYSTEM.barriers} - safe.barriers == set(NEEDED_BY)
    for barrier in SYSTEM.barriers:
        if barrier.name in NEEDED_BY:
            bought = broken_without(SYSTEM.design(NEEDED_BY[barrier.name]), barrier.name)
            assert bought & set(barrier.buys), barrier.name


def test_every_property_is_broken_by_some_design() -> None:
    broken = {name for design in DESIGNS for name in violated(answer(design))}
    assert broken >= {p.name for p in SYSTEM.properties if p.kind != "reachable"}


def test_no_step_and_no_branch_is_vacuous() -> None:
    left = unused(SYSTEM, [answer(name) for name in DESIGNS])
    assert not left, left


def test_the_model_can_be_read_for_any_size() -> None:
    assert SYSTEM.finite_only == ()


def test_designs_stay_small_at_the_default_sizes() -> None:
    assert max(answer(name).states for name in DESIGNS) < 25_000
    assert answer("safe").states < 4_000


@pytest.mark.parametrize("sizes", [{"guard": 1}, {"guard": 6, "window": 3}, {"retries": 2}])
def test_what_holds_at_the_default_numbers_holds_at_others(sizes: dict[str, int]) -> None:
    system = build(SOURCE.model, SOURCE.properties, sizes)
    for design in system.designs:
        if not design.expect.violations:
            assert violated(explore(system, design).answer) == {}, design.name


def test_a_verdict_goes_by_the_published_thresholds() -> None:
    """In every state, of whatever counts: by 1.4 tokens a step and 96 of 100 drafts."""
    system = build(SOURCE.model, (), {"requests": 1})
    whole = system.design("counts_whole_answer")
    met = set()
    for state in states_of(system, whole):
        cells = dict(zip((f.name for f, _ in system.cells), state, strict=True))
        if cells["judged"] or cells["tokens"] <= cells["guard_tokens"]:
            continue
        drafted, accepted = cells["drafted"], cells["accepted"]
        steps = drafted // 2
        low = Fraction(accepted + steps, steps) < Fraction("1.4")
        high = Fraction(accepted, drafted) > Fraction("0.96")
        expected = "suspect_garbling" if low else "suspect_looping" if high else "pass_over"
        enabled = {
            step.action
            for step in system.steps
            if isinstance(perform(system, whole.barriers, state, step), Successor)
        }
        assert enabled & {"suspect_garbling", "suspect_looping", "pass_over"} == {expected}, cells
        met.add((drafted, accepted, expected))
    assert {verdict for _, _, verdict in met} == {
        "suspect_garbling",
        "suspect_looping",
        "pass_over",
    }
    assert len(met) > 25


def states_of(system: System, design: Design) -> Iterator[State]:
    seen = set(initial_states(system, design.barriers))
    left = list(seen)
    while left:
        state = left.pop()
        yield state
        for step in system.steps:
            outcome = perform(system, design.barriers, state, step)
            if isinstance(outcome, Successor) and outcome.state not in seen:
                seen.add(outcome.state)
                left.append(outcome.state)


@pytest.mark.parametrize("name", ["safe", "waits_for_verdict"])
def test_the_proof_is_about_every_guard_window_and_number_of_retries(name: str) -> None:
    class AnyRule(SOURCE.model):  # type: ignore[misc, name-defined]  # found by path
        guard_tokens = Var(Range(1, 7), initial=ANY)
        window_verdicts = Var(Range(2, 4), initial=ANY)
        most_retries = Var(Range(1, 3), initial=ANY)

    system = build(AnyRule, SOURCE.properties, {"requests": 1})
    findings = prove(system, system.design(name)).answer.findings
    assert len(findings) == 7
    assert {f.verdict for f in findings} == {Verdict.HOLDS}
