"""Requests by the hundred: safe designs give the oracle's tokens, the others do not always."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from fencepost.streams import virtual_cuda
from reference_impl.adapters import load_handoff
from reference_impl.adapters.alone import tokens
from reference_impl.adapters.fused import on_host
from reference_impl.adapters.load_designs import find
from reference_impl.adapters.luck import Luck
from reference_impl.attention import SmallModel
from reference_impl.load.counting import End, Quality, Tally, quantile
from reference_impl.load.oracle import oracle
from reference_impl.load.running import NUMBERS
from reference_impl.load.workload import (
    INPUT_SCALE,
    LONGEST_INPUT,
    LONGEST_OUTPUT,
    Workload,
    input_length,
    output_length,
)
from reference_impl.load.writing import SCHEMA, Cases, Log
from tests.reference_impl.loads import INTERVAL, ON, run, served

BAD = Luck(late=0.2)
PUBLISHED, REPORTED = "slot_lifecycle/published_fix", "slot_lifecycle/as_reported"


def logged(design: str, requests: int, luck: Luck) -> tuple[Tally, list[dict[str, Any]]]:
    """What a run came to, and its log."""
    file = io.StringIO()
    made = run(design, requests, luck=luck, log=Log(file))
    made.serve()
    return made.tally, [json.loads(line) for line in file.getvalue().splitlines()]


def test_inputs_are_as_long_as_in_production():
    draw = random.Random(0)
    drawn = [input_length(draw) for _ in range(5000)]
    assert 70 < fmean(drawn) * INPUT_SCALE / 1024 < 75
    assert max(drawn) * INPUT_SCALE <= 128 * 1024
    assert max(drawn) == LONGEST_INPUT
    assert min(drawn) == 1
    assert max(output_length(draw) for _ in range(5000)) == LONGEST_OUTPUT


@pytest.mark.parametrize("target", [0.2, 0.6])
def test_prefixes_are_shared_as_much_as_is_asked(target: float):
    """The share of rows that some earlier prompt begins with, too."""
    rows = shared = 0
    seen = set()
    for asked in Workload(requests=2000, hit_rate=target).draw():
        ends = range(4, len(asked.prompt) + 1, 4)
        shared += max((end for end in ends if asked.prompt[:end] in seen), default=0)
        seen |= {asked.prompt[:end] for end in ends}
        rows += len(asked.prompt)
    assert abs(shared / rows - target) < 0.03


def test_a_workload_is_drawn_from_its_seed():
    first, again, other = (list(Workload(requests=50, seed=s).draw()) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert [asked.arrives for asked in first] == sorted(asked.arrives for asked in first)
    assert any(asked.leaves is not None for asked in first)


def test_the_quick_oracle_is_the_oracle():
    prompts = [tuple((7 * r + 3 * i * i + i) % 97 for i in range(5 + 6 * r)) for r in range(4)]
    with virtual_cuda() as virtual:
        model = SmallModel(load_handoff.SHAPE)
        host = on_host(virtual, model)
        for prompt in prompts:
            right = oracle(model, prompt, 12).tokens
            with virtual.runtime.quiet():
                assert tokens(host, prompt, 12) == right
                assert tokens(host, prompt, 12, right) == right
                assert tokens(host, prompt, 12, right[:5]) == right
                wrong = [*right[:4], (right[4] + 1) % 97, *right[5:]]
                assert tokens(host, prompt, 12, wrong) == right


@pytest.mark.parametrize(
    "design",
    [PUBLISHED, "slot_lifecycle/safe", "slot_lifecycle/lease", "rdma_write_completion/safe"],
)
def test_a_safe_design_gives_the_tokens_of_the_oracle(design: str):
    assert find(design).is_safe
    tally = served(design, luck=BAD)
    assert not tally.abnormal.total()
    assert not tally.attempts[End.STUCK]
    assert tally.delivered > 100
    assert tally.attempts[End.LEFT] > 10
    assert tally.retries > 0


@pytest.mark.parametrize(
    "design",
    [
        REPORTED,
        "slot_lifecycle/stops_new_chunks",
        "slot_lifecycle/answers_on_receipt",
        "rdma_write_completion/completion_at_the_sender",
    ],
)
def test_a_broken_design_gives_others_at_a_rate(design: str):
    assert not find(design).is_safe
    tally = served(design, luck=BAD)
    assert tally.abnormal_outputs > 0
    assert tally.per_ten_thousand == 1e4 * tally.abnormal_outputs / tally.delivered


def test_a_design_that_leaks_gets_stuck():
    tally = served("slot_lifecycle/abort_is_lost", luck=Luck(lost=0.5))
    assert tally.attempts[End.STUCK] > 0
    assert not tally.abnormal.total()


def test_a_rejected_handoff_is_reported_or_read():
    often = Luck(rejected=0.2)
    reported = served(PUBLISHED, 60, luck=often)
    assert reported.rejected > 5
    assert reported.attempts[End.FAILED] >= reported.rejected
    assert not reported.abnormal.total()
    assert not reported.attempts[End.STUCK]
    assert served("slot_lifecycle/hands_over_rejected", 60, luck=often).abnormal_outputs > 0


def test_a_node_that_is_lost_is_fenced_or_keeps_slots_for_ever():
    often = Luck(loses_node=0.1)
    fenced = served("slot_lifecycle/safe", 60, luck=often)
    assert fenced.lost_nodes > 1
    assert fenced.attempts[End.FAILED] > 0
    assert not fenced.abnormal.total()
    assert not fenced.attempts[End.STUCK]
    leaking = served("slot_lifecycle/asks_again", 60, luck=often)
    assert leaking.lost_nodes > 0
    assert leaking.attempts[End.STUCK] > 0
    assert not served(PUBLISHED, 60, luck=often).lost_nodes  # it takes for granted that none is


def test_the_log_says_which_node_and_whether_it_rejected():
    luck = Luck(loses_node=0.1, rejected=0.1)
    _, lines = logged("slot_lifecycle/hands_over_rejected", 40, luck)
    wrong = {line["request"] for line in lines if line["token"] != line["right"]}
    assert wrong
    assert wrong <= {line["request"] for line in lines if line["rejected"]}
    assert {line["node"] for line in lines} == {0}
    tally, lines = logged("slot_lifecycle/safe", 40, luck)
    assert max(line["node"] for line in lines) == tally.lost_nodes > 0
    states = [line["state"] for line in lines if line["state"]]
    assert max(state["lost_nodes"] for state in states) == tally.lost_nodes


def test_every_request_ends_in_one_way():
    tally = served(REPORTED, luck=BAD)
    assert tally.requests == 150
    assert tally.attempts.total() == tally.requests + tally.retries
    assert tally.input_lengths.total() == tally.output_lengths.total() == 150


def test_prefill_and_decode_are_measured_apart():
    tally = served(PUBLISHED, luck=BAD)
    assert tally.prefill_seconds > 0
    assert tally.decode_seconds > 0
    assert len(tally.first_token_ticks) >= tally.delivered
    assert quantile(tally.first_token_ticks, 0.5) <= quantile(tally.first_token_ticks, 0.95)
    # A step makes three tokens at most, and a tick has one step.
    assert min(tally.decode_ticks) >= 1 / 3
    assert 0.2 < tally.mean_occupancy < 1


def test_prefixes_are_reused_at_the_target_rate():
    """Nobody leaves: one who comes back brings the same prompt again."""
    for target in (0.0, 0.6):
        tally = served(PUBLISHED, hit_rate=target, cancelled=0.0)
        assert abs(tally.hit_rate - target) < 0.03


def test_reused_pages_are_the_ones_that_would_be_computed():
    """Few pages are kept, so that most give way to others and come back."""
    kept = load_handoff.KEPT_PAGES
    load_handoff.KEPT_PAGES = 8
    try:
        made = run(PUBLISHED, 100)
        made.serve()
    finally:
        load_handoff.KEPT_PAGES = kept
    assert 0 < made.tally.reused < served(PUBLISHED, hit_rate=0.6).hit_rate * made.tally.rows
    assert not made.tally.abnormal.total()


# The monitor.


def test_a_rule_judges_again_as_it_did():
    tally = served(REPORTED, luck=BAD)
    assert tally.replayed(NUMBERS, ON) == tally.noted()
    assert tally.noted().abnormal == tally.abnormal.total()


def test_more_is_aborted_at_looser_thresholds():
    tally = served(REPORTED, luck=BAD)
    lengths = [tally.replayed(replace(NUMBERS, low_length=at), ON) for at in (1.0, 1.4, 2.0, 3.1)]
    for tight, loose in pairwise(lengths):
        assert tight.false_aborts <= loose.false_aborts
        assert tight.detected <= loose.detected
    assert lengths[0].false_aborts < lengths[-1].false_aborts


def test_damage_lowers_what_is_accepted():
    """What makes a monitor possible: garbled attempts accept fewer drafts than sound ones."""
    tally = served(REPORTED, luck=BAD)

    def rate(abnormal: bool) -> float:
        steps = [s for a in tally.judged if a.is_abnormal is abnormal for s in a.history.steps]
        return sum(s.accepted for s in steps) / sum(s.drafted for s in steps)

    assert rate(True) < rate(False) - 0.05


def test_a_monitor_that_acts_aborts_and_retries():
    tally = served(REPORTED, luck=BAD, acts=True)
    aborted = tally.attempts[End.MONITOR]
    assert aborted > 0
    assert tally.retries > 0
    assert tally.given_up > 0  # a false abort is aborted again: it decodes the same tokens
    assert tally.attempts.total() == tally.requests + tally.retries
    noted = tally.noted()
    assert noted.detected + noted.false_aborts >= aborted
    assert not served(REPORTED, luck=BAD).attempts[End.MONITOR]


def test_rates_of_a_monitor():
    quality = Quality.of(
        [(True, True), (True, False), (False, False), (False, True), (False, False)]
    )
    assert quality == Quality(2, 1, 3, 1)
    assert quality.detection_rate == 0.5
    assert quality.false_abort_rate == 1 / 3
    assert Quality.of([]).detection_rate is None


# What is written.


def test_every_token_is_logged_with_the_serving_state():
    tally, lines = logged(REPORTED, 150, BAD)
    assert len(lines) == tally.tokens
    assert all(line.keys() == SCHEMA.keys() for line in lines)
    wrong = {(line["request"], line["attempt"]) for line in lines if line["token"] != line["right"]}
    assert len(wrong) == tally.abnormal.total() > 0
    answers: dict[tuple[int, int], list[dict[str, object]]] = {}
    for line in lines:
        answers.setdefault((line["request"], line["attempt"]), []).append(line)
    for answer in answers.values():
        assert [line["position"] for line in answer] == list(range(len(answer)))
        assert answer[0]["step"] is None
        assert all(line["state"]["used_pages"] <= line["state"]["pages"] for line in answer[1:])
        for step in {line["step"] for line in answer[1:]}:
            made_by = [line for line in answer if line["step"] == step]
            assert len(made_by) == made_by[0]["accepted"] + 1


def test_a_case_has_what_a_postmortem_asks_for(tmp_path):
    cases = Cases(tmp_path / "postmortem")
    made = run(PUBLISHED, 100, cases=cases, acts=True)
    made.serve()
    files = sorted((tmp_path / "postmortem").iterdir())
    noted = made.tally.noted()
    assert len(files) == cases.stored == noted.detected + noted.false_aborts
    # One that is suspected for its last step is delivered.
    assert 0 < made.tally.attempts[End.MONITOR] <= cases.stored
    asked = {one.number: one for one in Workload(requests=100, interval=INTERVAL).draw()}
    for file in files:
        case = json.loads(file.read_text())
        request = asked[case["request"]]
        assert tuple(case["prompt"]) == request.prompt
        assert len(case["tokens"]) == 1 + sum(step["accepted"] + 1 for step in case["steps"])
        assert case["state"]["decoding"] > 0
        shape = load_handoff.SHAPE
        assert len(case["pages"]) == shape.pages(len(request.prompt) + request.count)
        assert len(case["keys_values"]) == len(case["index_keys"]) == len(case["pages"])
        written = case["index_keys"][0][0][: min(4, len(request.prompt))]
        assert all(any(row) for row in written)


def test_the_documentation_has_the_schema():
    page = Path(__file__).parents[2] / "docs" / "how_to" / "serve_under_load.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    shown = [f"| `{name}` | {meaning} |" for name, meaning in SCHEMA.items()]
    first = lines.index(shown[0])
    assert lines[first : first + len(shown)] == shown


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("design", [PUBLISHED, REPORTED])
def test_many_more_requests(design: str):
    made = run(design, 500)
    made.serve()
    if find(design).is_safe:
        assert not made.tally.abnormal.total()
    else:
        assert 20 < made.tally.per_ten_thousand < 1000
