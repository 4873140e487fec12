"""The programs of known kinds on a real GPU, where there is one.

A corrected program is right every time. A broken one that comes out wrong has shown its race; one
that comes out right every time has shown nothing, and is reported as inconclusive.
"""

from __future__ import annotations

import pytest
import torch

from tests.gpu.programs import PROGRAMS, Program

TRIES = 20
CYCLES = 20_000_000  # about ten milliseconds

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no GPU, so nothing is tried on one"
)


def widen() -> None:
    """Keep the current stream busy, so that what comes after it on that stream is late."""
    torch.cuda._sleep(CYCLES)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_a_corrected_program_is_right_every_time(program: Program):
    for _ in range(TRIES):
        assert program.body(True, widen) == program.right


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_a_broken_program_comes_out_wrong(program: Program):
    found = [program.body(False, widen) for _ in range(TRIES)]
    wrong = [value for value in found if value != program.right]
    if not wrong:
        pytest.skip(f"inconclusive: {program.name} came out right {TRIES} times on this GPU")
