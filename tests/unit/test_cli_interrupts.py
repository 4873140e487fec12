"""A long search in a process of its own: progress, Ctrl-C, time and memory limits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LARGE = '''from fencepost import *


class Counters(Model):
    """So many states that no search ends."""

    counters = Parameter(10)
    Counter = Index(counters)
    value = Array(Counter, of=Range(0, 9), initial=0)

    @action(counter=Counter)
    def turn(self, counter):
        self.value[counter] = choose(self.value[counter] < 9, self.value[counter] + 1, 0)

    only = Design(expect=holds)
    other = Design(expect=holds)


@always(Counters)
def in_range(m, counter: Counters.Counter):
    """A counter has a value."""
    return m.value[counter] >= 0
'''


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "counters.py").write_text(LARGE)
    return subprocess.Popen(
        [sys.executable, "-m", "fencepost", "check", "counters.py", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_ctrl_c_prints_what_was_covered_and_starts_no_other_search(tmp_path: Path):
    running = start(tmp_path, "--json", "report.json")
    assert running.stderr is not None
    progress = running.stderr.readline()
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    assert progress.startswith("counters only: ")
    assert "states" in progress
    assert running.returncode == 3
    assert "UNDECIDED: interrupted" in out
    report = json.loads((tmp_path / "report.json").read_text())
    (design,) = report["models"][0]["designs"]
    assert design["design"] == "only"
    assert design["states"] > 100_000
    assert not design["complete"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "limit", "shown"),
    [
        ("--timeout", "0.5", "UNDECIDED: time limit reached"),
        ("--max-memory", "64M", "UNDECIDED: memory limit reached"),
        ("--max-states", "300_000", "UNDECIDED: limit of states reached"),
    ],
)
def test_a_limit_ends_a_search_with_what_was_covered(tmp_path: Path, option, limit, shown):
    out, _ = start(tmp_path, option, limit).communicate(timeout=120)
    assert out.count(shown) == 2
    assert "2 undecided" in out
