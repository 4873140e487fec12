"""Slots used again while large writes are in flight between two real processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference_impl.test_two_nodes import nixl  # noqa: F401  # a fixture

ROOT = Path(__file__).parents[2]


def counts(design: str, seconds: int) -> tuple[int, int, list[int]]:
    """The exit code, how many requests saw foreign bytes, and what was done."""
    program = [sys.executable, "-m", "reference_impl.adapters.abort_and_reuse"]
    done = subprocess.run(
        [*program, "--design", design, "--seconds", str(seconds)],
        cwd=ROOT,
        env={**os.environ, "UCX_TLS": "tcp"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    foreign = re.search(r"seen by (\d+) requests", done.stdout)
    assert foreign is not None, done.stderr
    counted = re.findall(r"(\d+) (?:writes|aborts|reuses)", done.stdout)
    return done.returncode, int(foreign[1]), [int(count) for count in counted]


@pytest.mark.slow
def test_a_slot_that_is_free_at_the_abort_is_read_with_foreign_bytes(nixl):  # noqa: F811
    code, foreign, counted = counts("as_reported", 60)
    assert code == 1
    assert foreign > 0
    assert min(counted) > 0


@pytest.mark.slow
def test_a_slot_that_is_held_until_the_answer_never_is(nixl):  # noqa: F811
    code, foreign, counted = counts("published_fix", 15)
    assert (code, foreign) == (0, 0)
    assert min(counted) > 0
