"""The cache in two tiers and the layer split under load: safe designs give the oracle's tokens."""

from __future__ import annotations

import io
import json

import pytest
import torch

from fencepost.streams import virtual_cuda
from reference_impl.adapters.fused import on_host
from reference_impl.adapters.fused_layers import FusedLayers
from reference_impl.adapters.load_designs import find
from reference_impl.adapters.luck import Luck
from reference_impl.attention import Component, Shape, SmallModel
from reference_impl.load.counting import End
from reference_impl.load.oracle import Dense
from reference_impl.load.workload import LONGEST_ANSWER, LONGEST_INPUT, Workload
from reference_impl.load.writing import SCHEMA, Log
from tests.reference_impl.loads import run, served

BAD = Luck(late=0.5)
REQUESTS = 40


def test_tensors_of_a_test_are_left_to_one_thread():
    assert torch.get_num_threads() == 1


def test_a_model_of_few_kernels_is_the_model():
    tokens, shape = [3, 1, 4, 15, 9, 26, 5], Shape()
    with virtual_cuda(policy="random") as virtual:
        model = SmallModel(shape)
        found = []
        for made in (model, FusedLayers(virtual, on_host(virtual, model))):
            cache = Dense(shape.layers)
            ids = torch.tensor(tokens, device="cuda")
            found.append(
                (int(made.forward(ids[:4], 0, cache)), int(made.forward(ids[4:], 4, cache)))
            )
            found[-1] += (cache.stacked()[Component.KEYS_VALUES].cpu(),)
    assert found[0][:2] == found[1][:2]
    assert torch.allclose(found[0][2], found[1][2], atol=1e-5)


@pytest.mark.parametrize("target", [0.0, 0.6])
def test_whole_prefixes_are_shared_as_much_as_is_asked(target: float):
    seen, shared, rows = set(), 0, 0
    for asked in Workload(
        requests=2000, hit_rate=target, shares_whole=True, output_scale=128
    ).draw():
        prefix = asked.prompt[:-1]
        shared += len(prefix) * (prefix in seen)
        rows += len(asked.prompt)
        seen.add(prefix)
        assert 2 <= len(asked.prompt) <= LONGEST_INPUT
        assert 2 <= asked.count <= LONGEST_ANSWER // 128
    assert abs(shared / rows - target) < 0.03


def test_prefixes_are_restored_at_the_target_rate():
    tally = served("async_cache_load/by_streams", 150, interval=4.5)
    assert abs(tally.hit_rate - 0.6) < 0.03


def test_the_load_of_a_protocol_keeps_it_busy():
    tally = served("async_cache_load/by_streams", 40, interval=None)
    assert 0.4 < tally.mean_occupancy < 0.95
    assert not tally.attempts[End.STUCK]


@pytest.mark.parametrize(
    "design",
    [
        "async_cache_load/by_acknowledgement",
        "async_cache_load/by_streams",
        "async_cache_load/offload_connector",
        "layer_split/agreed_rounds",
        "layer_split/by_streams",
        "layer_split/one_transient_slot",
    ],
)
def test_a_safe_design_gives_the_tokens_of_the_oracle(design: str):
    assert find(design).is_safe
    tally = served(design, REQUESTS, luck=BAD, cancelled=0.4)
    assert not tally.abnormal.total()
    assert not tally.attempts[End.STUCK]
    assert tally.delivered > REQUESTS / 2
    assert tally.attempts[End.LEFT] > 0
    assert tally.attempts.total() == tally.requests + tally.retries
    assert tally.reused > 0
    assert 0 < tally.mean_occupancy < 1
    assert tally.decode_seconds > 0


@pytest.mark.parametrize(
    "design",
    [
        "async_cache_load/load_over_launched_forward",
        "async_cache_load/page_given_away_early",
        "async_cache_load/copy_published_early",
        "layer_split/attention_ahead",
        "layer_split/one_staging_buffer",
    ],
)
def test_a_broken_design_gives_others_at_a_rate(design: str):
    assert not find(design).is_safe
    tally = served(design, REQUESTS, luck=BAD, interval=2.0, seed=2)
    assert tally.abnormal_outputs > 0
    assert tally.per_ten_thousand == 1e4 * tally.abnormal_outputs / tally.delivered


def test_a_batch_whose_ranks_do_not_meet_is_stuck():
    tally = served("layer_split/full_rank_stops_early", REQUESTS, luck=BAD, cancelled=0.8, seed=1)
    assert tally.attempts[End.STUCK] > 0
    assert tally.delivered > 0
    assert not tally.abnormal.total()


def test_a_lost_copy_of_a_layer_is_tried_again():
    tally = served("layer_split/agreed_rounds", REQUESTS, luck=Luck(fails=0.1), cancelled=0.0)
    assert tally.attempts[End.FAILED] > 0
    assert tally.retries + tally.given_up == tally.attempts[End.FAILED]
    assert not tally.abnormal.total()


def test_every_token_has_the_state_at_its_launch():
    file = io.StringIO()
    made = run("async_cache_load/by_acknowledgement", 20, log=Log(file))
    made.serve()
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert len(lines) == made.tally.tokens > 0
    for line in lines:
        assert line.keys() == SCHEMA.keys()
        assert line["step"] is None
        assert 0 < line["state"]["used_pages"] <= line["state"]["pages"]
        assert len(line["pages"]) in (1, 2)
