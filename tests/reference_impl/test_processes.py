"""Processes of one command: what fails is said, and nothing is left."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from reference_impl.adapters.processes import ProcessError, end_after, together

ROOT = Path(__file__).parents[2]
NATIVE = "import ctypes; ctypes.PyDLL(None).sleep(60)"
"""A native call that does not return, and lets no other thread run Python meanwhile."""


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


@pytest.mark.parametrize("hang", ["import signal; signal.raise_signal(signal.SIGSTOP)", NATIVE])
def test_one_that_hangs_says_where_it_was(hang, tmp_path, capfd):
    pids, runs = {}, tmp_path / "runs"

    def wait_for_it(started):
        pids.update(started)
        while not runs.exists():
            time.sleep(0.01)

    task = partial(exec, f"open({str(runs)!r}, 'x'); {hang}")
    with pytest.raises(ProcessError, match=r"not done after 0.2 s: a"):
        together({"a": task}, timeout=0.2, started=wait_for_it)
    said = capfd.readouterr().err
    assert f"a (process {pids['a']}) still runs, and is ended here:\n" in said
    assert re.search(r'processes\.py", line \d+ in _perform$', said, re.MULTILINE)
    assert_end(pids.values())


def test_where_a_native_call_hangs_is_said_by_a_process_that_ends_itself():
    program = f"from {end_after.__module__} import end_after; end_after(0.1); {NATIVE}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGALRM
    assert 'File "<string>", line 1 in <module>' in done.stderr


def test_each_ends_itself_should_the_command_not_end_it():
    left, _ = together({"a": partial(signal.getitimer, signal.ITIMER_REAL)}, timeout=20)["a"]
    assert 20 < left < 30


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
