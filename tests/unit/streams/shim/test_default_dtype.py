"""A kernel is replayed with the default dtype of the call that queued it."""

from __future__ import annotations

import struct
from operator import attrgetter

import pytest
import torch

from fencepost.streams.virtual import virtual_cuda


@pytest.fixture
def device():
    with virtual_cuda(policy="newest-first") as made:
        yield made
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "change",
    [
        "set_default_dtype",  # which lets the streams go on before
        "_C._set_default_dtype",
    ],
    ids=["before", "after"],
)
def test_whether_it_runs_before_the_change_or_after(device, change):
    x = torch.ones(4, dtype=torch.int64, device="cuda")
    torch.cuda.synchronize()
    torch.set_default_dtype(torch.float64)
    third = x / 3
    attrgetter(change)(torch)(torch.float32)
    assert third.tolist() == [1 / 3] * 4


def test_when_it_is_replayed(device):
    x = torch.ones(4, dtype=torch.int64, device="cuda")
    torch.set_default_dtype(torch.float64)
    target = torch.zeros(4, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.div(x, 3, out=target)
    target.sum()
    torch.cuda.synchronize()
    torch.set_default_dtype(torch.float32)
    (finding,) = device.audit().findings
    assert finding.severity == "confirmed"
    assert f"reads {struct.pack('<d', 1 / 3)[:4].hex(' ')} as submitted" in finding.evidence
    assert torch.get_default_dtype() is torch.float32
