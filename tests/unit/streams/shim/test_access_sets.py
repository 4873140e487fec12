"""What a kernel is said to read and write is what it reads and writes, byte for byte.

Too few accesses would hide races, and too many would report what cannot happen: both are looked for
by perturbation (see `perturbing`), on the cases of the battery and on torch's own samples.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
import torch

from fencepost.streams.shim.launches import Launch
from fencepost.streams.virtual import virtual_cuda
from tests.unit.streams.shim.battery import Tensors, inputs
from tests.unit.streams.shim.perturbing import Argument, Audit
from tests.unit.streams.shim.shown_accesses import ALL_CASES

# Said once a process, of operators that are tried here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:index_reduce"),
    pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter"),
]


def audited(name: str, *, in_use: bool = False) -> Audit:
    """One case of the battery, with its kernels audited."""
    with virtual_cuda() as device:
        audit = Audit(device.runtime, in_use=in_use)
        device.runtime.bridge.submit = audit
        ALL_CASES[name](Tensors({n: t.to("cuda") for n, t in inputs().items()}))
        torch.cuda.synchronize()
    return audit


@pytest.mark.parametrize("name", ALL_CASES)
def test_access_set(name: str):
    assert audited(name).problems == []


@lru_cache(maxsize=1)
def battery() -> tuple[dict[Argument, bool], dict[Argument, bool]]:
    """Of every tensor that a kernel of the battery reads, and writes: whether any case shows it."""
    reads: dict[Argument, bool] = {}
    writes: dict[Argument, bool] = {}
    for name in ALL_CASES:
        audit = audited(name, in_use=True)
        for found, these in ((reads, audit.reads), (writes, audit.writes)):
            for argument, used in these.items():
                found[argument] = found.get(argument, False) or used
    return reads, writes


def unused(found: dict[Argument, bool]) -> set[Argument]:
    return {argument for argument, used in found.items() if not used}


# Reads that no case of the battery and no sample of torch shows, each with its reason.
BY_MODE = "used in one of the three modes, on one of the two devices"
NOT_SHOWN: dict[Argument, str] = {
    ("_embedding_bag_backward", 2): BY_MODE,
    ("_embedding_bag_backward", 3): BY_MODE,
    ("_embedding_bag_backward", 4): BY_MODE,
    ("_embedding_bag_per_sample_weights_backward", 3): BY_MODE,
    ("_embedding_bag_per_sample_weights_backward", 4): BY_MODE,
    ("_segment_reduce_backward", 1): "the sums and means of the samples need the lengths alone",
    ("_segment_reduce_backward", 3): "the same",
}


def test_everything_that_the_battery_reads_and_writes_makes_a_difference():
    reads, writes = battery()
    assert len(reads) > 400
    assert unused(reads) - NOT_SHOWN.keys() == set()
    assert unused(writes) == set()


# Operators of torch's database whose result is not that of the CPU, with the reason.
DRAWN = "drawn with another generator than the CPU's"
UNDEFINED = "memory that nobody has written"
DIFFERS = {
    "empty": UNDEFINED,
    "empty_like": UNDEFINED,
    "empty_permuted": UNDEFINED,
    "empty_strided": UNDEFINED,
    "new_empty": UNDEFINED,
    "new_empty_strided": UNDEFINED,
    "bernoulli": DRAWN,
    "multinomial": DRAWN,
    "normal": DRAWN,
    "nn.functional.rrelu": DRAWN,
    "nn.functional.rrelu_": DRAWN,
    "native_batch_norm": "the CPU leaves out statistics that only a GPU's backward pass needs",
    "_native_batch_norm_legit": "the same",
}
RAW = {"addbmm_": "a target that is too small, which the CPU's kernel alone lets through"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_torch_s_own_samples():
    ran = subprocess.run(
        [sys.executable, "-m", "tests.unit.streams.shim.samples_of_torch"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[4],
    )
    report = json.loads(ran.stdout.splitlines()[-1])
    assert report["runs"] > 1_900
    assert report["problems"] == []
    assert report["raw"].keys() <= RAW.keys(), report["raw"]
    assert all("a tensor of layout sparse" in what for what in report["refused"].values())
    assert report["differs"].keys() <= DIFFERS.keys(), report["differs"]
    for name, shown in zip(("of_no_use", "never_written"), battery(), strict=True):
        elsewhere = {argument for argument, used in shown.items() if used}
        left = {(kernel, number) for kernel, number in report[name]} - elsewhere
        assert left - NOT_SHOWN.keys() == set()


@pytest.mark.parametrize(
    ("reads", "writes", "problem"),
    [
        ([0], [1], "reads more"),
        ([0, 1], [], "writes more"),
    ],
)
def test_the_audit_finds_what_is_wrong(reads: list[int], writes: list[int], problem: str):
    audit = audit_of_a_sum(reads, writes=bool(writes))
    assert any(problem in found for found in audit.problems)


def test_the_audit_finds_what_makes_no_difference():
    audit = audit_of_a_sum([0, 1, 3], writes=True, in_use=True)
    assert audit.problems == []
    assert audit.of_no_use == {("sum", 2)}
    audit = audit_of_a_sum([0, 1, 3], writes=True, in_use=True, written=3)
    assert audit.never_written == {("sum", 1)}


def audit_of_a_sum(
    reads: list[int], *, writes: bool, in_use: bool = False, written: int | None = None
) -> Audit:
    """A kernel that adds two tensors into a third, and says that it touches some of four."""
    with virtual_cuda() as device:
        runtime = device.runtime
        audit = Audit(runtime, in_use=in_use)
        x, y, out, other = (torch.ones(4, device="cuda") for _ in range(4))
        raw = [runtime.alias(t) for t in (x, y, out)]
        spans = [runtime.bytes_of(t) for t in (x, y, out, other)]
        launch = Launch(
            "sum",
            [spans[i] for i in reads],
            [spans[2]] * writes + ([] if written is None else [spans[written]]),
            lambda: raw[2].copy_(raw[0] + raw[1]),
        )
        audit(launch)
        torch.cuda.synchronize()
    return audit
