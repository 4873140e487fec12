"""Operators on the device give what they give on the CPU, in any order, and nothing is reported."""

from __future__ import annotations

import pytest
import torch

from fencepost.report.audits import audit_text
from fencepost.streams.virtual import virtual_cuda
from tests.unit.streams.shim.battery import Tensors, inputs
from tests.unit.streams.shim.comparing import assert_equal, on_host, places
from tests.unit.streams.shim.shown_accesses import ALL_CASES

# Said once a process, of operators that are tried here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:index_reduce"),
    pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter"),
]


def test_there_are_enough():
    assert len(ALL_CASES) >= 150


@pytest.mark.parametrize("policy", ["random", "newest-first"])
@pytest.mark.parametrize("name", ALL_CASES)
def test_operator(name: str, policy: str):
    case = ALL_CASES[name]
    expected = on_host(case(Tensors(inputs())))
    with virtual_cuda(policy=policy, seed=len(name)) as device:
        side = torch.cuda.Stream()
        tensors = Tensors({n: t.to("cuda") for n, t in inputs().items()})
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for tensor in tensors.values():
                tensor.record_stream(side)
            result = case(tensors)
        assert places(result) <= {"cuda"} or name == "numpy"
        torch.cuda.current_stream().wait_stream(side)
        found = on_host(result)
        torch.cuda.synchronize()
        del tensors, result
        audit = device.audit()
    assert_equal(found, expected)
    assert audit.findings == (), audit_text(audit)
