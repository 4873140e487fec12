"""What one queued operator costs, in calls of Python functions, which no other load changes."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
import torch

from fencepost.streams.virtual import virtual_cuda
from tests.benchmarks.queued_operators import operators

CALLS = 20
MOST = {
    "x + y": 58,
    "x.add_(y)": 28,
    "x @ y": 58,
    "x.copy_(y)": 28,
    "x[0]": 12,
    "torch.empty": 48,
    "x.index_copy_": 54,
}
"""Calls from the operator to the end of its kernel, the free of what it made among them."""


@pytest.mark.parametrize("name", MOST)
def test_a_queued_operator_makes_few_calls(name):
    calls: Counter[str] = Counter()

    def count(_frame: object, event: str, _of: object) -> None:
        calls[event] += 1

    with virtual_cuda():
        body = operators("cuda")[name]
        for _ in range(3):
            body()
        torch.cuda.synchronize()
        sys.setprofile(count)
        try:
            for _ in range(CALLS):
                body()
            torch.cuda.synchronize()
        finally:
            sys.setprofile(None)
    assert calls["call"] / CALLS <= MOST[name]
