"""The event logs of the programs, on the virtual device and on a GPU: whose run are they?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from fencepost.conforming_logs import check_log
from fencepost.engines.conform.logs import Followed
from fencepost.loading import load_model
from reference_impl.adapters.absent import ABSENT
from reference_impl.adapters.designs import design, handoff
from reference_impl.adapters.faults.fault import Patch
from reference_impl.adapters.faults.table import FAULTS
from reference_impl.adapters.load_events import Observer, logged
from reference_impl.adapters.logs.layer_split import LayerSplitSteps
from reference_impl.adapters.logs.transfers import TransferSteps
from reference_impl.adapters.logs.two_tiers import TwoTierSteps
from reference_impl.attention import Shape
from reference_impl.barriers import AsyncCacheLoad, LayerSplit
from reference_impl.load.oracle import oracle
from tests.reference_impl.programs import (
    COUNT,
    PROMPTS,
    Window,
    handing_over,
    split_by_layers,
    two_tiers,
)

Log = Callable[[Path, str, Window], None]
"""Runs a program in a design, and writes what it did."""


def slot_lifecycle(path: Path, name: str, window: Window = nullcontext) -> None:
    """The first request is cancelled while it is written."""
    on = handoff("slot_lifecycle", design("slot_lifecycle", name)).on
    chunks = Shape().pages(len(PROMPTS[0]))
    with logged(path, name, chunks, unlogged=["land"]) as events:
        handing_over(on, window, cancel=1, watch=partial(Observer, events))


def rdma_write_completion(path: Path, name: str, window: Window = nullcontext) -> None:
    """The first request is cancelled while it is written."""
    on = handoff("rdma_write_completion", design("rdma_write_completion", name)).on
    made: list[TransferSteps] = []

    def watch(decode: Any, prefill: Any, _: object) -> None:
        right = [oracle(prefill.model, prompt, COUNT) for prompt in PROMPTS]
        made.append(TransferSteps(decode, prefill, right))

    handing_over(on, window, cancel=1, watch=watch)
    made[0].write(path, name)


def async_cache_load(path: Path, name: str, window: Window = nullcontext) -> None:
    """Four requests for two prompts, with a page on the device and one on the host."""
    made: list[TwoTierSteps] = []

    def watch(cache: Any, known: Any) -> None:
        right = {
            prefix: (found.index_keys[:, :6], found.keys_values[:, :6])
            for prefix, found in known.items()
        }
        made.append(TwoTierSteps(cache, right))

    on = AsyncCacheLoad.on(design("async_cache_load", name))
    two_tiers(on, window, requests=4, prompts=2, pages=1, count=1, watch=watch)
    made[0].write(path, name)


def layer_split(path: Path, name: str, window: Window = nullcontext) -> None:
    """Two prompts of one token on two ranks."""
    made: list[LayerSplitSteps] = []
    on = LayerSplit.on(design("layer_split", name) - ABSENT.keys())
    split_by_layers(on, window, count=1, watch=lambda *of: made.append(LayerSplitSteps(*of)))
    made[0].write(path, name)


LOGS: dict[str, Log] = {
    "slot_lifecycle": slot_lifecycle,
    "rdma_write_completion": rdma_write_completion,
    "async_cache_load": async_cache_load,
    "layer_split": layer_split,
}


SAFE = (
    ("slot_lifecycle", "published_fix"),
    ("slot_lifecycle", "safe"),
    ("rdma_write_completion", "safe"),
    ("async_cache_load", "by_acknowledgement"),
    ("async_cache_load", "by_streams"),
    ("async_cache_load", "offload_connector"),
    ("layer_split", "agreed_rounds"),
    ("layer_split", "by_streams"),
)
BROKEN = (
    ("slot_lifecycle", "as_reported", "published_fix"),
    ("rdma_write_completion", "completion_at_the_sender", "safe"),
    ("rdma_write_completion", "reformat_after_first_part", "safe"),
    ("async_cache_load", "indexer_without_wait", "by_acknowledgement"),
    ("async_cache_load", "load_over_launched_forward", "by_streams"),
    ("layer_split", "attention_ahead", "agreed_rounds"),
)
"""Designs that are broken, each with the safe one that it is without a barrier of."""

FAULTY = (
    ("rdma_write_completion", "safe", "slot_is_free_twice"),
    ("rdma_write_completion", "safe", "last_layer_is_not_sent"),
    ("rdma_write_completion", "safe", "heads_keep_their_order"),
    ("rdma_write_completion", "safe", "chunk_goes_one_page_on"),
    ("async_cache_load", "by_acknowledgement", "index_keys_go_elsewhere"),
    ("async_cache_load", "by_acknowledgement", "wait_for_the_layer_before"),
    ("async_cache_load", "by_streams", "last_forward_is_the_first"),
    ("async_cache_load", "by_acknowledgement", "published_for_another_prefix"),
    ("layer_split", "agreed_rounds", "received_into_the_other_buffer"),
    ("layer_split", "agreed_rounds", "values_are_loaded_for_keys"),
    ("layer_split", "agreed_rounds", "round_ends_without_the_last"),
    ("layer_split", "agreed_rounds", "event_before_the_copy"),
)
"""Safe designs, each with a seeded fault that its log shows."""


def fault(name: str) -> Patch:
    """What puts a seeded fault in."""
    return next(one.apply for one in FAULTS if one.name == name)


def held_against(path: Path, model: str, name: str) -> Followed:
    """How far a log is a run of a design."""
    found = check_log(load_model(model, Path(__file__).parents[2]), path, design=name).followed
    assert not found.stopped
    return found
