"""What the trace of a long program takes grows with its operations, by so much and no more."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest
import torch

from fencepost.streams.shim import bridge
from fencepost.streams.virtual import virtual_cuda

COUNT = 2_000


@pytest.mark.parametrize(
    ("body", "most"),
    [
        (lambda x: x.add_(1), 600),
        (lambda x: x + 1, 1_600),
        (lambda x: torch.cuda.current_stream().record_event(), 800),
    ],
    ids=["in place", "new result, freed", "record"],
)
def test_bytes_for_each_operation(monkeypatch, body: Callable[[torch.Tensor], object], most: int):
    monkeypatch.setattr(bridge, "MOST_REPLAYED", 10)

    def work() -> None:
        for _ in range(COUNT):
            body(x)
        torch.cuda.synchronize()

    with virtual_cuda():
        x = torch.zeros(16, device="cuda")
        work()
        gc.collect()
        tracemalloc.start()
        try:
            work()
            gc.collect()
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert 50 < taken / COUNT < most
