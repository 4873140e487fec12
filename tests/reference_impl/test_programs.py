"""The cache served by plain loops on the virtual device: every safe design has the oracle's tokens,
no access that nothing orders, and no hang, whenever a request is cancelled."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from fencepost.streams import virtual_cuda
from reference_impl.attention import Shape, SmallModel
from reference_impl.hierarchical import HostTier, Request, TwoTierCache
from reference_impl.slot_pool import SlotPool
from tests.reference_impl.programs import (
    PROMPTS,
    handing_over,
    safe_handoff,
    safe_layer_split,
    safe_two_tiers,
    split_by_layers,
    two_tiers,
)


def right(compared) -> bool:
    return all(tokens == expected for tokens, expected in compared)


@pytest.mark.parametrize("cancel", range(-1, 21))
def test_a_handoff_is_right_wherever_it_is_cancelled(cancel: int):
    with virtual_cuda(policy=("eager", "newest-first")[cancel % 2]) as device:
        assert right(handing_over(safe_handoff(), cancel=cancel))
        assert device.audit().clean


@pytest.mark.parametrize("name", ["by_acknowledgement", "by_streams", "offload_connector"])
@pytest.mark.parametrize(
    "cancel",
    [-1, *(pytest.param(step, marks=() if step == 1 else pytest.mark.slow) for step in range(8))],
)
def test_two_tiers_are_right_wherever_a_request_is_cancelled(name: str, cancel: int):
    with virtual_cuda(policy="newest-first") as device:
        assert right(two_tiers(safe_two_tiers(name), cancel=cancel))
        assert device.audit().clean


@pytest.mark.parametrize("name", ["agreed_rounds", "by_streams", "one_transient_slot"])
def test_ranks_are_right(name: str):
    with virtual_cuda(policy="newest-first") as device:
        assert right(split_by_layers(safe_layer_split(name)))
        assert device.audit().clean


@pytest.mark.parametrize("refuse", range(12))
def test_ranks_are_right_whichever_turn_is_refused(refuse: int):
    with virtual_cuda(policy="newest-first") as device:
        found = split_by_layers(safe_layer_split(), refuse=refuse)
        assert len(found) == 2  # the other prompt, by each rank
        assert right(found)
        assert device.audit().clean


def test_a_missing_wait_is_a_finding_though_the_tokens_are_right():
    on = replace(safe_two_tiers("by_acknowledgement"), indexer_waits_for_load=False)
    with virtual_cuda(policy="eager") as device:
        assert right(two_tiers(on))
        found = device.audit().findings
    assert {finding.edge.kind for finding in found} == {"wait_event"}


def test_a_missing_wait_changes_tokens_on_another_schedule():
    on = replace(safe_two_tiers("by_acknowledgement"), indexer_waits_for_load=False)
    with virtual_cuda(policy="newest-first"):
        assert not right(two_tiers(on))


@pytest.mark.parametrize("on", [True, False])
def test_an_event_that_a_load_records_again_names_earlier_work(on: bool):
    switches = replace(safe_two_tiers("by_acknowledgement"), event_of_one_stream=on)
    with virtual_cuda() as device:
        shape = Shape(page_rows=10)
        cache = TwoTierCache(SmallModel(shape), SlotPool(shape, 2), HostTier(shape, 2), switches)
        rows = torch.zeros(shape.layers, 6, shape.index_dim)
        torch.cuda.synchronize()
        cache.submit(Request(0, PROMPTS[0][:6], 5, 1))
        cache.submit(Request(1, PROMPTS[1][:6], 5, 1))
        assert cache.admit()
        assert cache.launch()
        heads = torch.zeros(shape.layers, 6, 2, shape.heads, shape.head_dim)
        assert cache.prefetch(PROMPTS[1][:6], rows, heads)
        assert cache.admit()
        assert cache.back_up(cache.requests[0])
        torch.cuda.synchronize()
        assert device.audit().clean == on
