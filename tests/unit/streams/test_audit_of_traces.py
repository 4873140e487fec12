"""What an audit names: places, edges, groups, other hosts, paths not taken."""

from __future__ import annotations

import pytest

from fencepost.core.errors import Location
from fencepost.streams import Device, InOrder, whole
from fencepost.streams.assessment import assess
from fencepost.streams.calls import Synchronize
from fencepost.streams.detect import races
from fencepost.streams.edges import applied, propose
from tests.unit.streams.kinds import KINDS, device_with_memory


def layers(count: int, left_out: bool) -> Device:
    device = Device()
    load, compute = device.stream("load"), device.stream("compute")
    for layer in range(count):
        block = device.allocate(512, compute, f"layer {layer}")
        device.wait_stream(load, compute)
        device.submit(load, "copy", writes=[whole(block.start, 512, f"layer {layer}")])
        ready = device.event(f"loaded {layer}")
        device.record(ready, load)
        if not left_out:
            device.wait(compute, ready)
        device.submit(compute, "matmul", reads=[whole(block.start, 512, f"layer {layer}")])
    return device


def test_one_missing_wait_in_a_loop_is_one_finding():
    assert layers(60, left_out=False).audit().clean
    (finding,) = layers(60, left_out=True).audit().findings
    assert len(finding.occurrences) == 60
    assert finding.edge.kind == "wait_event"
    assert finding.edge.event == "loaded 0"
    assert finding.edge.text.startswith("compute.wait_event(loaded 0) before matmul (")
    assert finding.edge.checked
    assert finding.kind == "read after write"
    assert (finding.first.agent, finding.second.agent) == ("load", "compute")
    assert finding.first.site.file == finding.second.site.file == __file__
    assert finding.second.site.line > finding.first.site.line
    assert (finding.block, finding.start, finding.stop) == ("layer 0", 0, 512)


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_proposed_calls_the_trace_has_no_races(kind: str):
    device = device_with_memory(InOrder())
    KINDS[kind](device, False)
    device.run_all()
    found = races(device.trace)
    assert found
    assert not races(applied(device.trace, propose(device.trace, found)))


def test_an_edge_that_is_not_enough_is_not_called_checked(monkeypatch: pytest.MonkeyPatch):
    device = layers(2, left_out=True)
    device.run_all()
    monkeypatch.setattr("fencepost.streams.assessment.applied", lambda trace, _: trace)
    assert [f.edge.checked for f in assess(device.trace).findings] == [False]


def test_many_findings_are_tried_together_and_none_is_lost():
    device = Device()
    streams = [device.stream(f"stream {n}") for n in range(3)]
    for n in range(100):
        place = Location("program.py", n + 1)
        device.submit(streams[0], "write", writes=[whole(512 * n, 8)], site=place)
        device.record(device.event(f"written {n}"), streams[0])
    for n in range(100):
        place = Location("program.py", n + 1001)
        for stream in streams[1:]:
            device.submit(stream, "read", reads=[whole(512 * (99 - n), 8)], site=place)
    findings = device.audit().findings
    told = [f for finding in findings for f in (finding, *finding.consequences)]
    assert sorted(f.second.site.line for f in told) == list(range(1001, 1101))
    assert all(len(f.occurrences) == 2 for f in told)
    assert all(f.edge.checked for f in told)


class TestTwoHosts:
    def test_a_hand_off_without_a_message(self):
        device = Device()
        stream = device.stream("s")
        with device.acting(device.main):
            second = device.host("second")
        with device.acting(device.main):
            device.access("fill", writes=[whole(0, 8, "staging")])
        with device.acting(second):
            device.access("use", reads=[whole(0, 8, "staging")])
            device.submit(stream, "copy", reads=[whole(0, 8, "staging")])
        findings = device.audit().findings
        assert {f.edge.kind for f in findings} == {"message"}
        assert len(findings) == 1
        assert len(findings[0].consequences) == 1

    def test_a_stream_that_the_other_host_does_not_know_of(self):
        device = Device()
        one, other = device.stream("one"), device.stream("other")
        with device.acting(device.main):
            second = device.host("second")
        with device.acting(device.main):
            device.submit(one, "write", writes=[whole(0, 8, "cache")])
            ready = device.event("ready")
            device.record(ready, one)
        with device.acting(second):
            device.submit(other, "read", reads=[whole(0, 8, "cache")])
        (finding,) = device.audit().findings
        assert finding.edge.kind == "message"
        assert "second receives it" in finding.edge.text
        assert finding.edge.checked

    def test_a_token_is_an_edge_and_calls_without_one_are_counted(self):
        device = Device()
        stream = device.stream("s")
        known = device.send()
        with device.acting(device.main):
            second = device.host("second", known)
        device.access("fill", writes=[whole(0, 8)])
        device.submit(stream, "a")
        token = device.send()
        with device.acting(second):
            device.submit(stream, "b")
            device.receive(token)
            device.access("use", reads=[whole(0, 8)])
        audit = device.audit()
        assert audit.clean
        assert (audit.hosts, audit.unordered_calls) == (2, 1)


def test_a_message_that_arrives_with_a_write_orders_its_reader():
    for received in (False, True):
        device = Device()
        with device.acting(device.main):
            second = device.host("second")
        with device.acting(device.main):
            write = device.post(device.nic(), "put", writes=[whole(0, 8, "page")], notify=True)
        assert write.token is not None
        with device.acting(second):
            if received:
                device.receive(write.token)
            device.access("use", reads=[whole(0, 8, "page")])
        findings = device.audit().findings
        assert [f.edge.text.split(" put ")[0] for f in findings] == [
            "receive the message that arrives with"
        ] * (not received)


def test_paths_not_taken_are_counted():
    device = Device()
    event = device.event()
    device.record(event, device.default)
    device.query(event)
    device.query(device.default)
    assert device.audit().choices == 2


def test_a_query_that_says_false_orders_nothing_and_true_does():
    for _ in range(2):
        device = Device()
        stream = device.stream()
        device.submit(stream, "write", writes=[whole(0, 8)])
        answers = [device.query(stream)]
        if answers == [False] and _:
            answers.append(device.query(stream))
        device.access("read", reads=[whole(0, 8)])
        assert answers == [False, True][: len(answers)]
        assert device.audit().clean == answers[-1]


def test_late_accesses_count_as_others_do():
    device = Device()
    one, other = device.stream(), device.stream()
    device.submit(one, "scatter", late=lambda: ((), (whole(64, 8, "row"),)))
    device.submit(other, "read", reads=[whole(0, 128, "table")])
    (finding,) = device.audit().findings
    assert (finding.start, finding.stop, finding.first.label) == (64, 72, "row")


def test_a_sync_of_the_device_does_not_wait_for_one_sided_writes():
    device = Device()
    device.post(device.nic(), "put", writes=[whole(0, 8)])
    device.synchronize()
    device.access("read", reads=[whole(0, 8)])
    assert [f.edge.kind for f in device.audit().findings] == ["poll"]
    assert any(isinstance(call, Synchronize) for call in device.trace.calls)
