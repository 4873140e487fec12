"""On the virtual device, what the cache does in plain loops is a run of its design. What a broken
one does, in which somebody reads what is not their own, is no run of the safe one."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from fencepost.core.results import Verdict
from fencepost.streams import virtual_cuda
from tests.reference_impl.program_logs import BROKEN, FAULTY, LOGS, SAFE, fault, held_against
from tests.reference_impl.programs import Window


def late() -> None:
    """What comes next on the current stream is late: the device gets on with each poll."""
    for _ in range(60):
        torch.cuda._sleep(0)


def window(model: str) -> Window:
    """Writes between nodes are polled for; other programs are late with the newest first."""
    return late if model in ("slot_lifecycle", "rdma_write_completion") else nullcontext


def log(path: Path, model: str, name: str) -> Path:
    with virtual_cuda(policy="newest-first"):
        LOGS[model](path, name, window(model))
    return path


@pytest.mark.parametrize(("model", "name"), SAFE)
def test_what_a_safe_design_does_is_a_run_of_it(tmp_path: Path, model: str, name: str):
    found = held_against(log(tmp_path / "log", model, name), model, name)
    assert found.unexplained is None
    assert found.verdict is Verdict.HOLDS


@pytest.mark.parametrize(("model", "name", "safe"), BROKEN)
def test_what_a_broken_design_does_is_a_run_of_it_alone(
    tmp_path: Path, model: str, name: str, safe: str
):
    written = log(tmp_path / "log", model, name)
    own = held_against(written, model, name)
    assert own.unexplained is None
    assert own.verdict is not Verdict.HOLDS
    assert held_against(written, model, safe).unexplained is not None


@pytest.mark.parametrize(("model", "name", "what"), FAULTY)
def test_what_a_seeded_fault_does_is_no_run(tmp_path: Path, model: str, name: str, what: str):
    with fault(what)():
        written = log(tmp_path / "log", model, name)
    assert held_against(written, model, name).unexplained is not None
