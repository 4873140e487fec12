"""What goes on after the last line of an audited program: threads, and functions of atexit."""

from __future__ import annotations

import sys

import pytest

START = """
import atexit, concurrent.futures, threading, time
import torch

x = torch.zeros(8, device="cuda")
torch.cuda.synchronize()

def late():
    time.sleep(0.2)
    with torch.cuda.stream(torch.cuda.Stream()):
        x.fill_(1.0)
    x.sum()
    print("done", x.device)
"""
LATE = {
    "thread": "threading.Thread(target=late).start()",
    "thread of a thread": "threading.Timer(0, lambda: threading.Timer(0.1, late).start()).start()",
    "timer": "threading.Timer(0.1, late).start()",
    "executor": "concurrent.futures.ThreadPoolExecutor(1).submit(late)",
    "atexit": "atexit.register(late)",
    "after a failure": "threading.Thread(target=late).start(); raise SystemExit(0)",
    "without an object": "import _thread\n_thread.start_new_thread(late, ()); time.sleep(1)",
}


@pytest.fixture
def audited(workshop):
    def audit(text: str):
        workshop.write("program.py", text)
        return workshop.run("audit", "program.py")

    return audit


@pytest.mark.parametrize("how", LATE)
def test_what_comes_after_the_last_line_is_audited(audited, how):
    ran = audited(START + LATE[how])
    assert ran.out == "done cuda:0\n"
    assert ran.code == 1
    assert "fill_.Scalar writes on stream 1, at program.py:11" in ran.err


PICKLING = """
import atexit, pickle, sys, threading, time
import torch

class Mine:
    pass

def copied():
    print(type(pickle.loads(pickle.dumps(Mine()))) is Mine)

def later():
    time.sleep(0.2)
    copied()

threading.Thread(target=later).start()
atexit.register(copied)
"""


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "import runpy; runpy.run_path('other.py')"])
def test_a_class_of_the_program_is_found_in_main_to_the_end(audited, workshop, end):
    workshop.write("other.py", "import sys; print(sys.modules.get('<run_path>') is not None)")
    main = sys.modules["__main__"]
    ran = audited(PICKLING + end + "\n")
    assert ran.out.endswith("True\nTrue\n")
    assert ran.code == 0
    assert sys.modules["__main__"] is main
    assert "<run_path>" not in sys.modules


def test_executors_work_after_an_audit_in_the_same_process(audited):
    from concurrent.futures import ThreadPoolExecutor

    audited(START + LATE["executor"])
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: 3).result() == 3


def test_an_atexit_function_that_was_taken_back_does_not_run(audited):
    assert audited(START + "atexit.register(late); atexit.unregister(late)").out == ""


def test_a_daemon_thread_that_is_cut_off_is_told_of(audited):
    ran = audited(
        START + "threading.Thread(target=time.sleep, args=(5,), daemon=True, name='poller').start()"
    )
    assert ran.code == 0
    assert "everything that was seen and conflicts is ordered" in ran.err
    assert "the daemon thread poller was cut off at the end" in ran.err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_exception_that_ends_a_thread_is_a_failure(audited):
    ran = audited(
        START
        + "def fail():\n    late(); raise ValueError('of the thread')\n"
        + "threading.Thread(target=fail, name='worker').start()"
    )
    assert ran.code == 2
    assert "ValueError: of the thread" in ran.err
    assert "the thread worker ended with an exception" in ran.err
    assert "finding 1" in ran.err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_exits_is_no_failure(audited):
    assert (
        audited(START + "import sys; threading.Thread(target=sys.exit, args=(3,)).start()").code
        == 0
    )


def test_what_a_thread_must_not_use_is_told_with_the_programs_line(audited):
    ran = audited(START + "threading.Thread(target=torch.cuda.CUDAGraph).start()")
    assert ran.code == 2
    assert "error F220: a CUDA graph" in ran.err


def test_a_failing_atexit_function_is_a_failure_and_the_others_run(audited):
    ran = audited(
        START + "atexit.register(late)\n@atexit.register\ndef fail(): raise ValueError('late')"
    )
    assert ran.code == 2
    assert ran.out == "done cuda:0\n"
    assert "ValueError: late" in ran.err
    assert "the function fail, registered with atexit, ended with an exception" in ran.err


def test_the_number_of_host_threads(audited):
    program = """
import threading, torch
gate = threading.Event()
made = [threading.Thread(target=gate.wait) for _ in range(3)]
for thread in made: thread.start()
gate.set()
for thread in made: thread.join()
"""
    assert "4 host threads:" in audited(program).err
