"""Slots used again while large writes are in flight between two real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from reference_impl.adapters import abort_and_reuse, abort_and_reuse_runs
from reference_impl.adapters.designs import design
from reference_impl.adapters.processes import together
from tests.reference_impl.test_processes import assert_end
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


def test_a_process_that_never_answers_ends_the_command_with_what_was_counted(monkeypatch, capfd):
    """Its processes count three writes, and then one stops."""
    pids, limits = {}, []

    def run(on, seconds, counts, *, timeout, seed, meanwhile):
        counts.writes = 3
        stops = partial(signal.raise_signal, signal.SIGSTOP)
        together({"prefill": stops}, timeout, pids.update, meanwhile)

    monkeypatch.setattr(abort_and_reuse_runs, "run", run)
    monkeypatch.setattr(abort_and_reuse, "end_after", limits.append)
    monkeypatch.setattr(abort_and_reuse, "EVERY", 0.0)
    design("slot_lifecycle", "published_fix")  # is kept, and loads in no time then
    start = time.monotonic()
    assert abort_and_reuse.main(["--seconds", "0.5", "--grace", "0.5"]) == 2
    assert time.monotonic() - start < limits.pop()
    said = capfd.readouterr()
    assert re.match(r"published_fix, ended after \d+ s of 0.5 s: 3 writes, 0 aborts", said.out)
    assert re.search(r"^abort_and_reuse: not done after .* s: prefill$", said.err, re.MULTILINE)
    assert re.search(r"^\d+ s: 3 writes, 0 aborts", said.err, re.MULTILINE)
    assert_end(pids.values())


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
