"""What a device does with calls: CUDA's rules, schedules, memory, copies, and what it refuses."""

from __future__ import annotations

import threading

import pytest

from fencepost.core.errors import InputError
from fencepost.streams import (
    Bytes,
    Device,
    Eager,
    InOrder,
    NewestFirst,
    Priorities,
    Random,
    Script,
    intervals,
    whole,
)
from fencepost.streams.copies import copy
from fencepost.streams.memory import POISON, SparseMemory


class Ran:
    """A device whose kernels tell when they run."""

    def __init__(self, policy=None) -> None:
        self.device = Device(policy)
        self.a, self.b = self.device.stream("a"), self.device.stream("b")
        self.order: list[str] = []

    def kernel(self, stream, name: str) -> None:
        self.device.submit(stream, name, run=lambda: self.order.append(name))


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        (InOrder(), "a1 b1 a2 b2"),
        (Eager(), "a1 b1 a2 b2"),
        (NewestFirst(), "b1 b2 a1 a2"),
        (Priorities("b", "a"), "b1 b2 a1 a2"),
        (Priorities("a"), "a1 a2 b1 b2"),
        (Script("b", "a", "a"), "b1 a1 a2 b2"),
    ],
)
def test_a_policy_decides_which_stream_advances(policy, order: str):
    ran = Ran(policy)
    for name in ("a1", "b1", "a2", "b2"):
        ran.kernel(ran.a if name[0] == "a" else ran.b, name)
    assert ran.order == ([] if policy.lazy else order.split())
    ran.device.synchronize()
    assert ran.order == order.split()


def test_a_random_policy_repeats_with_its_seed_and_differs_without():
    def order(seed: int) -> list[str]:
        ran = Ran(Random(seed))
        for n in range(6):
            ran.kernel(ran.a if n % 2 else ran.b, str(n))
        ran.device.synchronize()
        return ran.order

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) > 5


def test_a_script_that_names_a_stream_that_waits():
    ran = Ran(Script("b"))
    ran.kernel(ran.a, "a1")
    ran.device.wait_stream(ran.b, ran.a)
    ran.kernel(ran.b, "b1")
    with pytest.raises(InputError, match="b runs next") as error:
        ran.device.synchronize()
    assert error.value.code == "F200"


class TestEvents:
    def test_a_wait_for_an_event_that_was_never_recorded_is_nothing(self):
        ran = Ran(Priorities("b", "a"))
        event = ran.device.event()
        ran.device.wait(ran.b, event)
        assert ran.device.query(event)
        ran.device.synchronize(event)
        ran.kernel(ran.a, "a1")
        ran.device.record(event, ran.a)
        ran.kernel(ran.b, "b1")
        ran.device.synchronize()
        assert ran.order == ["b1", "a1"]

    def test_a_wait_binds_to_the_newest_record_at_the_call(self):
        ran = Ran(Priorities("b", "a"))
        event = ran.device.event()
        ran.kernel(ran.a, "a1")
        ran.device.record(event, ran.a)
        ran.device.wait(ran.b, event)
        ran.kernel(ran.a, "a2")
        ran.device.record(event, ran.a)
        ran.kernel(ran.b, "b1")
        ran.device.synchronize()
        assert ran.order == ["a1", "b1", "a2"]

    def test_synchronising_with_an_event_runs_no_more_than_it_must(self):
        ran = Ran(InOrder())
        event = ran.device.event()
        ran.kernel(ran.a, "a1")
        ran.device.record(event, ran.a)
        ran.kernel(ran.a, "a2")
        ran.device.synchronize(event)
        assert ran.order == ["a1"]

    def test_elapsed_time_counts_operations(self):
        ran = Ran()
        start, end = ran.device.event("start"), ran.device.event("end")
        with pytest.raises(InputError) as error:
            ran.device.elapsed(start, end)
        assert error.value.code == "F203"
        ran.device.record(start, ran.a)
        for n in range(3):
            ran.kernel(ran.a, str(n))
        ran.device.record(end, ran.a)
        ran.device.synchronize(end)
        assert ran.device.elapsed(start, end) == 3.0

    def test_who_asks_again_and_again_is_answered(self):
        ran = Ran()
        for n in range(3):
            ran.kernel(ran.a, str(n))
        answers = [ran.device.query(ran.a) for _ in range(4)]
        assert answers == [False, False, False, True]


class TestTheDefaultStream:
    def test_blocking_streams_wait_for_it_and_it_for_them(self):
        device = Device(Priorities("blocking", "default", "pool"))
        order: list[str] = []
        blocking, pool = device.stream("blocking", blocking=True), device.stream("pool")
        for number, stream in enumerate((pool, device.default, blocking, device.default)):
            name = f"{stream.name} {number}"
            device.submit(
                stream, name, writes=[whole(0, 8)], run=lambda name=name: order.append(name)
            )
        device.synchronize()
        assert order == ["default 1", "blocking 2", "default 3", "pool 0"]
        pairs = {(f.first.agent, f.second.agent) for f in device.audit().findings}
        assert pairs == {("pool", "default")}

    def test_pool_streams_do_not(self):
        device = Device()
        device.submit(device.default, "a", writes=[whole(0, 8)])
        device.submit(device.stream(), "b", writes=[whole(0, 8)])
        assert not device.audit().clean


class TestMemory:
    def test_a_block_is_used_again_by_its_stream_at_once_and_by_others_never(self):
        device = Device()
        one, other = device.stream(), device.stream()
        block = device.allocate(1000, one)
        device.free(block)
        assert device.allocate(1000, other).start != block.start
        assert device.allocate(1000, one).start == block.start

    def test_a_recorded_block_rests_until_the_work_is_done(self):
        device = Device()
        one, other = device.stream(), device.stream()
        block = device.allocate(1000, one)
        device.submit(other, "read")
        device.record_stream(block, other)
        device.free(block)
        assert device.allocate(1000, one).start != block.start
        device.synchronize(other)
        assert device.allocate(1000, one).start == block.start

    def test_blocks_are_split_and_merged(self):
        device = Device()
        stream = device.stream()
        blocks = [device.allocate(512, stream) for _ in range(4)]
        assert device.allocator.used == device.allocator.peak == 4 * 512
        for number in (0, 2, 1):
            device.free(blocks[number])
        whole_again = device.allocate(3 * 512, stream)
        assert whole_again.start == blocks[0].start
        device.free(whole_again)
        assert device.allocate(512, stream).start == blocks[0].start
        assert device.allocate(1024, stream).start == blocks[1].start
        assert device.allocator.used == 4 * 512

    def test_freed_bytes_are_poisoned_when_their_stream_comes_there(self):
        memory = SparseMemory()
        device = Device(memory=memory)
        stream = device.stream()
        block = device.allocate(8, stream)
        device.submit(stream, "write", run=lambda: memory.write(block.start, b"12345678"))
        device.free(block)
        assert memory.read(block.start, 8) == bytes(8)
        device.synchronize()
        assert memory.read(block.start, 8) == bytes([POISON]) * 8

    def test_poison_does_not_fall_on_what_a_recorded_stream_still_reads(self):
        memory = SparseMemory()
        device = Device(memory=memory)
        one, other = device.stream(), device.stream()
        seen = []
        block = device.allocate(8, one)
        device.submit(one, "write", run=lambda: memory.write(block.start, b"12345678"))
        device.wait_stream(other, one)
        device.submit(other, "read", run=lambda: seen.append(memory.read(block.start, 8)))
        device.record_stream(block, other)
        device.free(block)
        device.synchronize(one)
        device.synchronize()
        assert seen == [b"12345678"]
        assert memory.read(block.start, 8) == bytes([POISON]) * 8

    def test_a_pinned_block_that_a_copy_uses_is_not_lent_again(self):
        device = Device()
        stream = device.stream()
        target, block = device.allocate(512, stream), device.allocate_pinned(512, "staging")
        copy(
            device,
            stream,
            whole(target.start, 512),
            whole(block.start, 512),
            to="device",
            from_="pinned",
            non_blocking=True,
            pinned=block,
        )
        device.free(block)
        assert device.allocate_pinned(512).start != block.start
        device.synchronize()
        assert device.allocate_pinned(512).start == block.start
        assert device.audit().clean

    def test_what_is_refused(self):
        device = Device(device=(0, 1024))
        stream = device.stream("s")
        block = device.allocate(1024, stream, "weights")
        with pytest.raises(InputError, match="no room") as full:
            device.allocate(1, stream)
        device.free(block)
        with pytest.raises(InputError, match="weights is free already") as twice:
            device.free(block)
        with pytest.raises(InputError, match="no stream of this device") as foreign:
            device.submit(Device().stream(), "op")
        with pytest.raises(InputError):
            device.submit(device.nic(), "op")
        assert [e.value.code for e in (full, twice, foreign)] == ["F201", "F202", "F204"]


@pytest.mark.parametrize(
    ("to", "from_", "non_blocking", "findings"),
    [
        # what the host does afterwards: overwrite the source and read the target
        ("device", "pageable", True, []),
        ("device", "pinned", True, ["write after read"]),
        ("device", "pinned", False, []),
        ("pageable", "device", True, ["read after write"]),
        ("pinned", "device", True, ["read after write"]),
        ("pinned", "device", False, []),
    ],
)
def test_copies_follow_the_rules(to: str, from_: str, non_blocking: bool, findings: list[str]):
    device = Device()
    stream = device.stream()
    target, source = whole(0, 64, "target"), whole(1 << 41, 64, "source")
    copy(device, stream, target, source, to=to, from_=from_, non_blocking=non_blocking)
    if from_ != "device":
        device.access("host writes the source", writes=[source])
    if to != "device":
        device.access("host reads the target", reads=[target])
    assert [f.kind for f in device.audit().findings] == findings


def test_a_thread_is_a_host_of_its_own():
    device = Device()
    stream = device.stream("s")
    known = device.send()
    tokens = []

    def work() -> None:
        device.host("worker", known)
        device.access("fill", writes=[whole(0, 8)])
        device.submit(stream, "read", reads=[whole(0, 8)])
        tokens.append(device.send())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    device.access("overwrite", writes=[whole(0, 8)])
    findings = device.audit().findings
    assert {f.second.host for f in findings} == {"main"}
    assert findings
    device.receive(tokens[0])
    count = sum(len(f.occurrences) for f in device.audit().findings)
    device.synchronize()
    device.access("overwrite again", writes=[whole(0, 8)])
    assert sum(len(f.occurrences) for f in device.audit().findings) == count


def test_a_queue_does_not_grow_without_end():
    device = Device(most_queued=10)
    stream = device.stream()
    done = []
    for n in range(100):
        device.submit(stream, "op", run=lambda n=n: done.append(n))
    assert done == list(range(90))


def test_kernels_are_let_go_unless_a_replay_may_need_them():
    for memory in (None, SparseMemory()):
        device = Device(memory=memory)
        device.submit(device.stream(), "kernel", run=list)
        device.access("host", run=list)
        device.run_all()
        kept = [operation.run is not None for operation in device.trace.every_operation()]
        assert kept == [memory is not None] * 2


def test_rows_by_intervals():
    device = Device()
    one, other = device.stream(), device.stream()
    device.submit(one, "scatter", writes=[Bytes(intervals(0, [(0, 4), (8, 12)]), "rows")])
    device.submit(other, "read", reads=[Bytes(intervals(0, [(4, 8), (12, 16)]), "other rows")])
    assert device.audit().clean
    device.submit(other, "read", reads=[Bytes(intervals(0, [(10, 11)]), "a byte")])
    assert not device.audit().clean


def test_a_posted_one_sided_write_cannot_be_recalled():
    """It lands whatever the host does after the post: a synchronisation, a free, a new tenant."""
    memory = SparseMemory()
    device = Device(NewestFirst(), memory=memory)
    stream, nic = device.stream("s"), device.nic("nic")
    block = device.allocate(512, stream, "target")

    def fill(value: int):
        return lambda: memory.fill(block.start, 8, value)

    write = device.post(nic, "write", writes=[whole(block.start, 8)], run=fill(7))
    device.synchronize()
    device.free(block)
    tenant = device.allocate(512, stream, "tenant")
    assert tenant.start == block.start
    device.submit(stream, "own", writes=[whole(tenant.start, 8)], run=fill(1))
    device.synchronize()
    assert memory.read(tenant.start, 8) == b"\1" * 8, "nothing has waited for it"
    device.complete(write)
    assert memory.read(tenant.start, 8) == b"\7" * 8, "it landed in the memory of the next tenant"
    found = {(f.first.name, f.second.name) for f in device.audit().findings}
    assert found == {("write", "free")}


def test_memory_that_the_program_brought_is_lent_to_nobody_once_it_is_given_back():
    device = Device()
    brought = device.register(device.pinned.start, 512)
    device.free(brought)
    assert (device.pinned.used, device.pinned.given_back) == (0, 0)
