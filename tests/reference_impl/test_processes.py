"""Processes of one command: what fails is said, and nothing is left."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from reference_impl.adapters.processes import ProcessError, together

ROOT = Path(__file__).parents[2]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_end(pids, within=10.0):
    deadline = time.monotonic() + within
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [pid for pid in pids if is_alive(pid)]
    assert not left, f"processes are left: {left}"


def test_each_returns_what_it_found():
    assert together({"a": os.getpid, "b": partial(sum, (1, 2))}, timeout=20)["b"] == 3


def test_one_that_raises_ends_all_and_says_why():
    pids = {}
    with pytest.raises(ProcessError, match=r"a failed: ValueError: .*'x'"):
        together(
            {"a": partial(int, "x"), "b": partial(time.sleep, 60)}, timeout=30, started=pids.update
        )
    assert len(pids) == 2
    assert_end(pids.values())


def test_one_that_is_killed_is_named_before_those_it_took_with_it():
    pids = {}

    def kill(started):
        pids.update(started)
        os.kill(started["b"], signal.SIGKILL)

    with pytest.raises(ProcessError, match=r"^b died of SIGKILL"):
        together(
            {"a": partial(time.sleep, 60), "b": partial(time.sleep, 60)}, timeout=30, started=kill
        )
    assert_end(pids.values())


def test_one_that_hangs_is_ended_when_time_is_up():
    pids = {}

    def stop(started):
        pids.update(started)
        os.kill(started["b"], signal.SIGSTOP)

    with pytest.raises(ProcessError, match="not done after 3 s: b"):
        together({"a": os.getpid, "b": os.getpid}, timeout=3, started=stop)
    assert_end(pids.values())


def test_no_process_outlives_a_command_that_is_killed():
    program = (
        "import time; from functools import partial\n"
        "from reference_impl.adapters.processes import together\n"
        "if __name__ == '__main__':\n"
        "    together({'a': partial(time.sleep, 60)}, 60,"
        " lambda pids: print(*pids.values(), flush=True))\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with command:
        pid = int(command.stdout.readline())
        time.sleep(1.0)
        command.kill()
    assert_end([pid])
