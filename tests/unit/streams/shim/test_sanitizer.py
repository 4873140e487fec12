"""Beside torch's own CUDA sanitizer: for each program the truth, its answer and ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from fencepost.streams.virtual import virtual_cuda
from tests.gpu.programs import PROGRAMS, Program
from tests.unit.streams.shim.sanitizer import Sanitizer

PAGE = Path(__file__).parents[4] / "docs/explanation/beside_the_cuda_sanitizer.md"
ANSWERS = {True: "race", False: "ordered"}


def answers(program: Program, *, fixed: bool) -> tuple[bool, bool]:
    """Whether the sanitizer and whether fencepost finds something."""
    with virtual_cuda() as device:
        sanitizer = Sanitizer(device.runtime.bridge)
        program.body(fixed, lambda: torch.cuda._sleep(1000))
    return bool(sanitizer.errors), bool(device.audit().findings)


def rows() -> list[tuple[str, ...]]:
    found = []
    for program in PROGRAMS:
        for fixed in (False, True):
            theirs, ours = answers(program, fixed=fixed)
            kind = program.kind + (", put right" if fixed else "")
            found.append((kind, ANSWERS[not fixed], ANSWERS[theirs], ANSWERS[ours]))
    return found


def test_the_table_of_the_documentation():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    written = [
        tuple(re.split(r" *\| *", line.strip("| "))) for line in lines if line.startswith("| ")
    ]
    assert written[1:] == rows(), (
        "if this is right: python -m tests.unit.streams.shim.test_sanitizer"
    )


def test_ours_is_the_truth_and_theirs_is_not():
    table = rows()
    assert len(table) >= 20
    assert all(truth == ours for _, truth, _, ours in table)
    assert {truth for _, truth, theirs, _ in table if theirs != truth} == {"race", "ordered"}


@pytest.mark.parametrize("name", ["read_after_write", "write_after_read", "write_after_write"])
def test_the_sanitizer_is_driven_well(name: str):
    """Where a whole tensor is used by two streams, it finds what is there and nothing else."""
    (program,) = [p for p in PROGRAMS if p.name == name]
    assert answers(program, fixed=False)[0]
    assert not answers(program, fixed=True)[0]


if __name__ == "__main__":
    for row in rows():
        print("| " + " | ".join(row) + " |")
