"""The monitor aborts what is corrupt within a bound, and nothing sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fencepost import build
from fencepost.loading import load_model
from fencepost.streams import virtual_cuda
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import ABSENT_FROM_THE_MONITOR
from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.slot_pool import SlotPool
from reference_impl.speculation import Monitor, Rule, Speculation, Verdict

ROOT = Path(__file__).parents[2]
ALL = Switches.on(Switches.names())
RULE = Rule(guard=6, window=2)
PROMPT = (3, 1, 4, 15, 9, 26, 5, 35)
ROUNDS = 12


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


def decoded(*, corrupt: bool) -> tuple[list[Verdict], Speculation]:
    with virtual_cuda(policy="eager") as device:
        shape = Shape(positions=96)
        target = SmallModel(shape)
        pools = SlotPool(shape, 20), SlotPool(shape, 20)
        monitor = Monitor(replace(RULE, window=4), ALL)
        draft = target.reading(shape.chosen + 1)
        made = Speculation(target, draft, pools, monitor, drafts=3)
        decoding = made.begin(0, PROMPT, 60)
        assert decoding is not None
        found = []
        for round_ in range(ROUNDS):
            if corrupt and round_ == 4:
                first = pools[0].keys_values[decoding.slot.pages[0]]
                pools[0].keys_values[list(decoding.slot.pages[:8])] = first.flip(0) * -3
            found.append(made.step(decoding))
            if found[-1] is Verdict.ABORT:
                break
        assert device.audit().clean
        return found, made


def test_a_sound_cache_is_never_aborted():
    found, made = decoded(corrupt=False)
    assert len(found) == ROUNDS
    assert not made.cases


def test_a_corrupt_cache_is_aborted_and_kept_for_postmortem():
    found, made = decoded(corrupt=True)
    assert found[-1] is Verdict.ABORT
    assert len(made.cases) == 1
    case = made.cases[0]
    assert case.prompt == PROMPT
    assert len(case.history) == len(found)
    assert case.keys_values.shape[0] == len(case.slot.pages)
    assert made.pool.free == len(made.pool.owner)


def test_every_barrier_of_the_model_is_a_switch_or_absent_for_a_reason():
    if not (ROOT / "models" / "speculation_monitor.py").exists():
        pytest.skip("there is no model of the monitor")
    source = load_model("speculation_monitor", ROOT)
    barriers = {barrier.name for barrier in build(source.model, source.properties).barriers}
    assert barriers == {*Switches.names(), *ABSENT_FROM_THE_MONITOR}
