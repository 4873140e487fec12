"""What waits for memory past torch ends: the streams go on, or the loop is refused where it is."""

from __future__ import annotations

import pytest

from fencepost.streams.shim import stalls

START = """
import ctypes, threading, time
import numpy as np
import torch

flag = torch.zeros(2, dtype=torch.int32).pin_memory()
one = torch.ones(2, dtype=torch.int32, device="cuda")
seen = flag.numpy()
pointer = ctypes.cast(flag.data_ptr(), ctypes.POINTER(ctypes.c_int32))


class Mailbox:
    def __init__(self):
        self.seen = seen

    def wait(self):
        while not self.seen[0]:
            time.sleep(0.001)


def is_set():
    found = seen[0]
    return found != 0


def in_a_thread():
    thread = threading.Thread(target=Mailbox().wait)
    thread.start()
    thread.join()

"""
SET = """
s = torch.cuda.Stream()
s.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(s):
    flag.copy_(one, non_blocking=True)
"""
END = "\nprint('it is set')\ntorch.cuda.synchronize()\n"
SPINS = {
    "numpy": "while not seen[0]: pass",
    "sleeping": "while not seen[0]: time.sleep(0.001)",
    "a method": "Mailbox().wait()",
    "a function that looks": "while not is_set(): pass",
    "numpy all": "while not seen.all(): pass",
    "pointer": "while not pointer[0]: pass",
    "a thread": "in_a_thread()",
}
LINE = len((START).splitlines()) + 1


@pytest.fixture
def audited(workshop, monkeypatch):
    monkeypatch.setattr(stalls, "STILL_LOOKS", 20)

    def audit(text: str, *options: str):
        workshop.write("program.py", text)
        return workshop.run("audit", *options, "program.py")

    return audit


@pytest.mark.parametrize("spin", SPINS)
def test_a_spin_past_torch_ends_where_a_queued_copy_sets_the_memory(audited, spin):
    ran = audited(START + SET + SPINS[spin] + END)
    assert ran.code == 0
    assert ran.out == "it is set\n"
    assert "the streams went on while the host made no call" in ran.err


@pytest.mark.parametrize("spin", SPINS)
def test_a_spin_past_torch_on_memory_that_nothing_sets_is_refused(audited, spin):
    ran = audited(START + SPINS[spin] + END)
    assert ran.code == 2
    assert spin == "a thread" or not ran.out
    assert "error F240: the host waits in a loop for memory, and nothing will change it" in ran.err
    inside = spin in ("a method", "a thread")
    places = ("program.py:17", "program.py:18") if inside else (f"program.py:{LINE}",)
    assert any(f"{place}: error F240" in ran.err for place in places)


GOES_ON = {
    "a loop that counts": "for i in range(10_000_000): seen[0]",
    "a sleep": "time.sleep(3)",
    "another thread that sets it": (
        "def set():\n    time.sleep(3)\n    seen[0] = 1\n"
        "threading.Thread(target=set).start()\nwhile not seen[0]: pass"
    ),
    "a list that grows": "made = []\nend = time.time() + 3\n"
    "while time.time() < end: made.append(seen[0])",
    "a loop about something else": (
        "def wait(end):\n    while time.time() < end: pass\nwait(time.time() + 3)"
    ),
}


@pytest.mark.parametrize("how", GOES_ON)
def test_a_host_that_is_merely_away_is_let_be(audited, how):
    ran = audited(START + GOES_ON[how] + "\nprint('done')\n")
    assert (ran.code, ran.out) == (0, "done\n")


EMULATION = """
from fencepost.streams.shim import emulates
import time


@emulates("kernels.wait", reads=["flag"], writes=[])
def wait(flag):
    {body}
"""
LAUNCH = """
import torch, kernels

flag = torch.zeros(2, dtype=torch.int32, device="cuda")
kernels.wait(flag)
{end}
"""


@pytest.mark.parametrize("end", ["torch.cuda.synchronize()", "print('end')"])
@pytest.mark.parametrize(
    "body",
    [
        "while not flag[0]: pass",
        "while flag.item.__self__[0].item() == 0: time.sleep(0.001)",
        "while True:\n        found = flag[1]\n        if found: break",
    ],
)
def test_an_emulation_that_spins_is_refused(audited, workshop, body, end):
    workshop.write("adapter.py", "STUBS = ('kernels',)\n" + EMULATION.format(body=body))
    ran = audited(LAUNCH.format(end=end), "--adapter", "adapter.py")
    assert ran.code == 2
    assert "error F241: the kernel kernels.wait waits while it runs (in a loop at adapter.py:" in (
        ran.err
    )


def test_an_emulation_that_takes_its_time_is_let_be(audited, workshop):
    body = "time.sleep(3)\n    for i in range(30_000_000): pass"
    workshop.write("adapter.py", "STUBS = ('kernels',)\n" + EMULATION.format(body=body))
    ran = audited(LAUNCH.format(end="print('end')"), "--adapter", "adapter.py")
    assert (ran.code, ran.out) == (0, "end\n")


def test_an_error_of_a_kernel_that_ran_meanwhile_is_raised_in_the_loop(audited):
    text = START + "rows = one[torch.tensor([7], device='cuda')]\n" + SPINS["numpy"] + END
    ran = audited(text)
    assert ran.code == 2
    assert "IndexError: index 7 is out of bounds" in ran.err
    assert f"in index.Tensor, queued at program.py:{LINE}" in ran.err


def test_a_kernel_that_fails_after_the_last_line_is_a_failure_of_the_program(audited):
    text = START.replace("\nseen =", "\nother = torch.cuda.Stream()\nseen =")
    ran = audited(
        text + "one[torch.tensor([7], device='cuda')]\n"
        "with torch.cuda.stream(other): one.fill_(2)\n"
    )
    assert ran.code == 2
    assert "IndexError: index 7 is out of bounds" in ran.err
    assert "a kernel failed that ran after the last line of the program" in ran.err
    assert "write after write" in ran.err or "write after read" in ran.err
