"""The monitor aborts what is corrupt within a bound, and nothing sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fencepost import build
from fencepost.loading import load_model
from reference_impl.adapters import load_handoff
from reference_impl.adapters.absent import ABSENT_FROM_THE_MONITOR
from reference_impl.adapters.designs import design, handoff
from reference_impl.adapters.luck import Luck
from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.decode import Request
from reference_impl.load.counting import End, Tally
from reference_impl.load.drafting import Step
from reference_impl.load.serving import Pace, Suspected, Watch
from reference_impl.load.workload import Asked
from reference_impl.speculation import Monitor, Rule, Verdict

ROOT = Path(__file__).parents[2]
ALL = Switches.on(Switches.names())
RULE = Rule(guard=6, window=2)
PROMPT = (3, 1, 4, 15, 9, 26, 5, 35)


def judged(steps: list[int], on: Switches = ALL, rule: Rule = RULE) -> list[Verdict]:
    """Verdicts on one attempt whose steps have so many of two drafts accepted."""
    monitor = Monitor(rule, on)
    monitor.begin(0)
    found = []
    for accepted in steps:
        found.append(monitor.see(0, 2, accepted))
        if found[-1] is Verdict.ABORT:
            break
    return found


@pytest.mark.parametrize("accepted", [0, 2])
def test_a_sustained_pattern_is_aborted_within_the_window_after_the_guard(accepted: int):
    found = judged([accepted] * 20)
    opening = RULE.guard // (accepted + 1)
    assert found[-1] is Verdict.ABORT
    assert len(found) <= opening + RULE.window


def test_one_extreme_step_is_no_abort():
    assert Verdict.ABORT not in judged([1] * 6 + [0, 1, 2, 1, 0, 1])


@pytest.mark.parametrize(
    ("switch", "steps"),
    [
        ("guard_covers_length", [0, 0, 1, 1]),
        ("guard_covers_rate", [2, 2]),
        ("low_length_persists", [1] * 6 + [0]),
        ("high_rate_persists", [1] * 6 + [2]),
    ],
)
def test_what_keeps_sound_requests_is_needed(switch: str, steps: list[int]):
    assert judged(steps)[-1] is not Verdict.ABORT
    assert judged(steps, replace(ALL, **{switch: False}))[-1] is Verdict.ABORT


@pytest.mark.parametrize(
    ("switch", "steps"),
    [
        ("low_length_aborts", [1] * 6 + [0] * 4),
        ("high_rate_aborts", [1] * 6 + [2] * 4),
        ("counts_start_over", [2] * 2 + [1] * 6 + [0] * 4),
    ],
)
def test_what_catches_corrupt_requests_is_needed(switch: str, steps: list[int]):
    assert judged(steps)[-1] is Verdict.ABORT
    assert judged(steps, replace(ALL, **{switch: False}))[-1] is not Verdict.ABORT


def test_an_attempt_counts_anew():
    for on, expected in (
        (ALL, Verdict.PASS),
        (replace(ALL, attempt_counts_anew=False), Verdict.ABORT),
    ):
        monitor = Monitor(RULE, on)
        monitor.begin(0)
        while monitor.see(0, 2, 0) is not Verdict.ABORT:
            pass
        monitor.begin(0)
        assert monitor.see(0, 2, 0) is expected


def test_retries_are_bounded():
    monitor = Monitor(RULE, ALL)
    monitor.begin(0)
    assert monitor.may_retry(0)
    monitor.begin(0)
    assert not monitor.may_retry(0)
    assert Monitor(RULE, replace(ALL, retries_are_counted=False)).may_retry(0)


def decoded(*, corrupt: bool) -> tuple[Tally, list[Suspected]]:
    """A long answer, whose cache is overwritten after a few steps or not; and what is suspected."""
    made = handoff("slot_lifecycle", design("slot_lifecycle", "published_fix"))
    never = Luck(late=0.0, fails=0.0, lost=0.0, rejected=0.0)
    tally, cases = Tally(), []
    with load_handoff.nodes(made, never, 0) as nodes:
        decode = nodes.decode
        watch = Watch(Monitor(replace(RULE, guard=8, window=4), ALL), acts=True)
        server = nodes.server([Asked(0, 0, PROMPT, 40, None, False)], tally, watch, Pace())
        server.suspected = cases.append
        judge = decode.after_step

        def overwrite(request: Request, step: Step) -> None:
            judge(request, step)
            if corrupt and request.slot and len(decode.histories[request.number].steps) == 4:
                pages = list(request.slot.pages)
                with torch.cuda.stream(decode.stream):
                    decode.pool.keys_values[pages] = decode.pool.keys_values[pages].flip(1) * -3

        decode.after_step = overwrite
        server.serve()
        assert decode.pool.free == len(decode.pool.owner)
    return tally, cases


def test_a_sound_cache_is_never_aborted():
    tally, cases = decoded(corrupt=False)
    assert tally.delivered == 1
    assert not cases
    assert not tally.abnormal.total()


def test_a_corrupt_cache_is_aborted_tried_again_and_kept_for_postmortem():
    tally, cases = decoded(corrupt=True)
    assert tally.attempts[End.MONITOR] == RULE.retries + 1
    assert tally.retries == tally.given_up == 1
    assert tally.abnormal[End.MONITOR] == len(cases) == 2
    for case in cases:
        assert case.live.asked.prompt == PROMPT
        assert len(case.history.steps) <= 8 + 4  # a token a step until the guard is past, a window
        assert len(case.tokens) == 1 + sum(s.accepted + 1 for s in case.history.steps)
        assert len(case.live.pages) == load_handoff.SHAPE.pages(len(PROMPT) + 40)


def test_every_barrier_of_the_model_is_a_switch_or_absent_for_a_reason():
    if not (ROOT / "models" / "speculation_monitor.py").exists():
        pytest.skip("there is no model of the monitor")
    source = load_model("speculation_monitor", ROOT)
    barriers = {barrier.name for barrier in build(source.model, source.properties).barriers}
    assert barriers == {*Switches.names(), *ABSENT_FROM_THE_MONITOR}
