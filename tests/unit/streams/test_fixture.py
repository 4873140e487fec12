"""The pytest fixture `virtual_cuda`, as a project that installed fencepost finds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import multiprocessing
import torch

def test_ordered(virtual_cuda):
    assert torch.ones(4, device="cuda").sum().item() == 4

def test_unordered(virtual_cuda):
    x = torch.zeros(4, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        x.fill_(1.0)
    x.sum()
    torch.cuda.synchronize()

def test_child(virtual_cuda):
    child = multiprocessing.get_context("fork").Process(target=torch.cuda.synchronize)
    child.start()
    child.join()
"""


def test_a_test_that_leaves_something_unordered_fails(tmp_path: Path):
    (tmp_path / "test_streams.py").write_text(TESTS)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_streams.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "3 passed, 2 errors" in ran.stdout
    assert "fill_.Scalar writes on stream 1, at test_streams.py:12" in ran.stdout
    assert "error F230: a child process uses CUDA" in ran.stdout


HELD = """
import torch
from fencepost.streams import virtual_cuda

with virtual_cuda() as device:
    x = torch.ones(4, device="cuda")
"""


def test_tensors_that_are_held_to_the_end_of_python_die_in_silence():
    ran = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
