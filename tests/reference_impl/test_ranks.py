"""The layer split by real processes: tokens, refusals, and ranks that die or hang."""

import os
import signal

import pytest

from reference_impl.adapters.absent import ABSENT
from reference_impl.adapters.designs import design
from reference_impl.adapters.processes import ProcessError
from reference_impl.adapters.ranks import Plan, run
from reference_impl.barriers import LayerSplit


def switches(name):
    return LayerSplit.on(design("layer_split", name) - set(ABSENT))


def assert_none_left(pids):
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("name", ["agreed_rounds", "by_streams", "one_transient_slot"])
def test_a_safe_design_has_the_tokens_of_the_oracle(name):
    ranks = 3 if name == "one_transient_slot" else 2
    report = run(Plan(switches(name), ranks))
    assert report.tokens == (report.right,) * ranks


def test_a_refused_turn_drops_its_prompt_at_every_rank():
    report = run(Plan(switches("agreed_rounds"), ranks=2, refuses=(1, 5)))
    assert report.tokens == ((None, report.right[1]),) * 2


def test_attention_that_does_not_wait_has_other_tokens():
    report = run(Plan(switches("attention_ahead"), ranks=2, prompts=1))
    assert not report.is_right


def test_a_rank_that_dies_is_named():
    pids = {}
    with pytest.raises(ProcessError, match=r"^rank 1 died of SIGKILL"):
        run(Plan(switches("agreed_rounds"), ranks=2, fault=signal.SIGKILL), started=pids.update)
    assert_none_left(pids)


def test_a_rank_that_hangs_is_not_waited_for_for_ever():
    pids = {}
    plan = Plan(switches("agreed_rounds"), ranks=2, patience=2.0, fault=signal.SIGSTOP)
    with pytest.raises(ProcessError, match=r"rank 0 failed: GroupError: .* late \(2 s\)"):
        run(plan, started=pids.update)
    assert_none_left(pids)


def test_a_rank_that_never_comes_is_not_waited_for_for_ever():
    pids = {}

    def stop_the_second(started):
        pids.update(started)
        os.kill(started["rank 1"], signal.SIGSTOP)

    plan = Plan(switches("agreed_rounds"), ranks=2, patience=1.0)
    with pytest.raises(ProcessError, match="rank 0 failed: GroupError: meeting the other ranks"):
        run(plan, started=stop_the_second)
    assert_none_left(pids)
