"""A program that ends inside of `virtual_cuda()` ends without a word."""

from __future__ import annotations

import subprocess
import sys

import pytest

ENTERED = """
import threading, torch
from fencepost.streams import virtual_cuda
"""
PROGRAMS = {
    "by hand": "context = virtual_cuda(); context.__enter__(); x = torch.ones(4, device='cuda')",
    "in a generator": """
def made():
    with virtual_cuda():
        yield torch.ones(4, device="cuda")
generator = made()
x = next(generator)
""",
    "in a thread that is gone": """
def run():
    global context, x
    context = virtual_cuda()
    context.__enter__()
    x = torch.ones(4, device="cuda")
thread = threading.Thread(target=run)
thread.start()
thread.join()
""",
    "tensors outlive the device": """
with virtual_cuda() as device:
    x = torch.ones(4, device="cuda")
    kept = threading.local()
    kept.x = x + 1
""",
}


@pytest.mark.parametrize("how", PROGRAMS)
def test_nothing_is_printed_and_nothing_left_behind(how, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", ENTERED + PROGRAMS[how]],
        env={"TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert not list(tmp_path.glob("fencepost-*"))
