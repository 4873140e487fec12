"""Pages have one owner, generations that grow, and rest until what they wait for is done."""

from __future__ import annotations

import pytest
import torch

from fencepost.streams import virtual_cuda
from reference_impl.adapters.heads import with_heads_reversed
from reference_impl.attention import Shape, SmallModel
from reference_impl.load.oracle import oracle
from reference_impl.slot_pool import Paged, SlotPool


def test_reuse_is_last_in_first_out_or_first_in_first_out():
    with virtual_cuda():
        for reuse, comes_again in (("lifo", True), ("fifo", False)):
            pool = SlotPool(Shape(), 3, reuse)
            first = pool.take(0, 1)
            assert first is not None
            pool.give_back(first)
            taken = pool.take(1, 1)
            assert taken is not None
            assert (taken.pages == first.pages) == comes_again
            assert taken.generation == (2 if comes_again else 1)


def test_there_are_no_more_pages_than_there_are():
    with virtual_cuda():
        pool = SlotPool(Shape(), 2)
        assert pool.take(0, 3) is None
        assert pool.free == 2


def test_a_slot_is_given_back_once():
    with virtual_cuda():
        pool = SlotPool(Shape(), 1)
        slot = pool.take(0, 1)
        assert slot is not None
        pool.give_back(slot)
        with pytest.raises(ValueError, match="has another owner by now"):
            pool.give_back(slot)


def test_a_deferred_slot_is_free_when_its_events_are_done():
    with virtual_cuda(policy="in-order"):
        pool, stream = SlotPool(Shape(), 1), torch.cuda.Stream()
        torch.cuda.synchronize()
        slot = pool.take(0, 1)
        assert slot is not None
        with torch.cuda.stream(stream):
            pool.keys_values.add_(1)
        pool.give_back(slot, after=[stream.record_event()])
        assert pool.free == 0
        stream.synchronize()
        pool.collect()
        assert pool.free == 1


def test_a_paged_cache_has_the_tokens_of_the_oracle():
    with virtual_cuda():
        shape = Shape()
        model, prompt = SmallModel(shape), (3, 1, 4, 15, 9, 26)
        right = oracle(model, prompt, 3, chunk=6)
        pool = SlotPool(shape, 4)
        slot = pool.take(0, 3)
        assert slot is not None
        cache = Paged(pool, slot)
        tokens = [model.forward(torch.tensor(prompt, device="cuda"), 0, cache)]
        for start in (6, 7):
            tokens.append(model.forward(tokens[-1].reshape(1), start, cache))
        assert tuple(map(int, tokens)) == right.tokens


def test_heads_in_another_order_give_the_same_tokens():
    with virtual_cuda():
        model = SmallModel(Shape())
        prompt = (3, 1, 4, 15, 9, 26)
        assert (
            oracle(model, prompt, 4).tokens == oracle(with_heads_reversed(model), prompt, 4).tokens
        )
