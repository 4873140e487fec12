"""A host that spins on memory: the streams go on meanwhile, and what never ends is refused."""

from __future__ import annotations

import pytest

from fencepost.core.errors import InputError
from fencepost.streams import Device, polling, whole
from fencepost.streams.memory import SparseMemory
from fencepost.streams.policies import Eager, NewestFirst, Random

SPIN = """
import torch

flag = torch.zeros(2, dtype=torch.int32).pin_memory()
one = torch.ones(2, dtype=torch.int32, device="cuda")
s = torch.cuda.Stream()
s.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(s):
    for _ in range(3):
        one.mul_(1)
    {set}
while {spin}:
    pass
print("it is set")
torch.cuda.synchronize()
"""
SPINS = (
    "flag[0] == 0",
    "not flag.any()",
    "flag[1].item() == 0",
    "flag.tolist() == [0, 0]",
    "flag[0] == 0 or flag[1] == 0",
    "not bool(flag[0])",
    "torch.equal(flag, torch.zeros(2, dtype=torch.int32))",
)


@pytest.mark.parametrize("policy", ["in-order", "newest-first", "random"])
@pytest.mark.parametrize("spin", SPINS)
def test_a_flag_that_a_queued_copy_sets_ends(workshop, spin, policy):
    workshop.write("spin.py", SPIN.format(set="flag.copy_(one, non_blocking=True)", spin=spin))
    ran = workshop.run("audit", "--policy", policy, "spin.py")
    assert ran.code == 1
    assert ran.out == "it is set\n"
    assert "copy to host writes on stream 1, at spin.py:11" in ran.err


def test_a_flag_that_nothing_sets_is_refused(workshop, monkeypatch):
    monkeypatch.setattr(polling, "MOST_READS", 2_000)
    workshop.write("spin.py", SPIN.format(set="pass", spin="flag[0] == 0"))
    ran = workshop.run("audit", "spin.py")
    assert ran.code == 2
    assert ran.out == ""
    assert "error F240: the host reads int32[] again and again, and nothing will change" in ran.err
    assert "while flag[0] == 0" in ran.err


def flagged(policy) -> tuple[Device, int]:
    device = Device(policy, memory=SparseMemory())
    stream = device.stream("setter")
    flag = device.allocate_pinned(8, "flag")
    for _ in range(5):
        device.submit(stream, "work")
    write = lambda: device.memory.write(flag.start, b"\1")  # noqa: E731
    device.submit(stream, "set", writes=[whole(flag.start, 1)], run=write)
    return device, flag.start


@pytest.mark.parametrize("policy", [None, NewestFirst(), Eager(), Random(3)])
def test_reads_let_the_device_go_on_and_are_recorded_once(policy):
    device, flag = flagged(policy)
    count = 0
    while True:
        device.access("look", reads=[whole(flag, 1)])
        count += 1
        if device.memory.read(flag, 1) == b"\1":
            break
    assert count <= polling.PATIENCE + 6
    assert sum(op.name == "look" for op in device.trace.every_operation()) == 1
    assert len(device.audit().findings) == 1, "a read is no edge, however often it is made"


def test_a_call_in_between_is_a_new_read():
    device, flag = flagged(None)
    for _ in range(3):
        device.access("look", reads=[whole(flag, 1)])
        device.record(device.event(), device.default)
    assert sum(op.name == "look" for op in device.trace.every_operation()) == 3


def test_reading_other_bytes_is_no_spinning(monkeypatch):
    monkeypatch.setattr(polling, "MOST_READS", 10)
    device = Device()
    block = device.allocate_pinned(4096)

    def look(at: int) -> None:
        device.access("look", reads=[whole(block.start + at, 1)])

    for at in range(4096):
        look(at)
    for _ in range(polling.PATIENCE + 8):
        look(0)
    with pytest.raises(InputError, match="again and again") as raised:
        look(0)
    assert raised.value.code == "F240"
