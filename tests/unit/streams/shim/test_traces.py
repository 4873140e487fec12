"""The trace of a torch program is one like any other: replayed, mutated, drawn, explored."""

from __future__ import annotations

import threading

import pytest
import torch

from fencepost.streams import explore_cuda
from fencepost.streams.explore import interleavings, outcomes
from fencepost.streams.graph import happens_before
from fencepost.streams.mutate import mutate
from fencepost.streams.virtual import virtual_cuda
from tests.gpu.programs import PROGRAMS, Program


def window() -> None:
    torch.cuda._sleep(1000)


@pytest.mark.parametrize("policy", ["in-order", "eager", "random", "newest-first"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_a_replay_of_both_orders_shows_wrong_bytes(program: Program, policy: str):
    with virtual_cuda(policy=policy, seed=7) as device:
        program.body(False, window)
    (finding,) = device.audit().findings
    assert finding.severity == "confirmed"
    assert finding.edge.checked
    before, after = finding.evidence.split(" as submitted, ")
    assert before.split()[-4:] != after.split()[:4]


def test_an_audit_leaves_every_byte_as_it_was():
    with virtual_cuda() as device:
        pinned, x = torch.zeros(4).pin_memory(), torch.arange(4.0, device="cuda")
        pageable = torch.zeros(4)
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            pinned.copy_(x, non_blocking=True)
            pageable.copy_(x, non_blocking=True)
        pageable += 1
        waited = x.cpu()
        waited += 5
        x += 1
        torch.cuda.synchronize()
        found = [t.tolist() for t in (pinned, x, pageable, waited)]
        first = device.audit()
        assert {f.severity for f in first.findings} == {"confirmed"}
        assert device.audit() == first
        assert [t.tolist() for t in (pinned, x, pageable, waited)] == found
    assert found[3] == [5.0, 6.0, 7.0, 8.0]


def test_what_the_host_wrote_is_there_in_a_replay():
    with virtual_cuda() as device:
        staging = torch.zeros(2).pin_memory()
        x = torch.zeros(2, device="cuda")
        torch.cuda.synchronize()
        staging.fill_(3.0)
        x.copy_(staging, non_blocking=True)
        with torch.cuda.stream(torch.cuda.Stream()):
            x.sum()
    (finding,) = device.audit().findings
    assert finding.evidence == "sum reads 00 00 40 40 as submitted, 00 00 00 00 the other way"


def test_registered_memory_is_what_it_was_in_a_replay():
    with virtual_cuda() as device:
        host, x = torch.full((2,), 5.0), torch.zeros(2, device="cuda")
        runtime = torch.cuda.cudart()
        assert runtime.cudaHostRegister(host.data_ptr(), host.nbytes, 0) == 0
        assert host.is_pinned()
        x.copy_(host, non_blocking=True)
        host.fill_(9.0)
        torch.cuda.synchronize()
        audit = device.audit()
        assert host.tolist() == [9.0, 9.0]
        assert runtime.cudaHostUnregister(host.data_ptr()) == 0
        assert not host.is_pinned()
    (finding,) = audit.findings
    assert (finding.kind, finding.edge.kind) == ("write after read", "synchronize")
    assert finding.evidence.endswith("reads 00 00 a0 40 as submitted, 00 00 10 41 the other way")


def test_memory_that_numpy_shares_is_told():
    with virtual_cuda() as device:
        torch.ones(4).pin_memory().numpy()[:] = 3
    (told,) = device.audit().unseen
    assert "memory of float32[4] was handed out at" in told
    assert "by numpy(); what is done through it is not seen" in told


def test_an_order_in_which_a_kernel_fails_is_confirmed():
    with virtual_cuda() as device:
        rows, x = torch.tensor([1], device="cuda"), torch.ones(2, 2, device="cuda")
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            x.index_select(0, rows)
        del rows
        torch.cuda.synchronize()
    (finding,) = device.audit().findings
    assert finding.edge.kind == "record_stream"
    assert finding.evidence == "index_select raises IndexError the other way"


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("MOST_REPLAYED", 3, "more than 3 operations"),
        ("MOST_HELD", 1, "too many values of the host"),
        ("MOST_SAVED", 1, "too much memory"),
    ],
)
def test_what_is_too_large_is_found_and_not_replayed(monkeypatch, limit: str, value: int, why: str):
    monkeypatch.setattr(f"fencepost.streams.shim.bridge.{limit}", value)
    (program,) = [p for p in PROGRAMS if p.name == "read_after_write"]
    with virtual_cuda() as device:
        torch.ones(4).to("cuda")
        program.body(False, window)
    audit = device.audit()
    assert [f.severity for f in audit.findings] == ["latent"]
    assert any(why in note for note in audit.notes)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_each_call_left_out_is_detected_or_redundant(program: Program):
    with virtual_cuda() as device:
        program.body(True, window)
    device.audit()
    mutants = mutate(device.trace)
    assert all(m.detected or m.verdict.startswith("redundant") for m in mutants)
    rows_differ = program.name == "rows_overlap"  # its twin uses other rows, and no call orders it
    assert rows_differ or any(m.detected for m in mutants)


def test_outcomes_interleavings_and_graph():
    def layers(*, waits: bool) -> None:
        load, compute = torch.cuda.Stream(), torch.cuda.Stream()
        buffers = [torch.empty(4, device="cuda") for _ in range(2)]
        torch.cuda.synchronize()
        for value, buffer in enumerate(buffers):
            with torch.cuda.stream(load):
                buffer.fill_(value + 1.0)
                loaded = load.record_event()
            with torch.cuda.stream(compute):
                if waits:
                    compute.wait_event(loaded)
                buffer.mul_(2.0)
        torch.cuda.synchronize()

    found = {}
    for waits in (True, False):
        with virtual_cuda() as device:
            layers(waits=waits)
        device.audit()
        trace = device.trace
        found[waits] = len(outcomes(trace).outcomes), interleavings(trace)
        graph = happens_before(trace)
        assert len(graph) >= trace.operations
    assert found == {True: (1, 2), False: (4, 6)}


def test_other_answers_of_queries_are_explored():
    def program() -> None:
        x = torch.zeros(4, device="cuda")
        side = torch.cuda.Stream()
        torch.cuda.synchronize()
        with torch.cuda.stream(side):
            x.fill_(1.0)
        if not side.query():
            x.sum()  # the shortcut that forgets to wait

    with virtual_cuda(policy="eager") as device:
        program()
    assert device.audit().clean
    explored = explore_cuda(program)
    assert (explored.paths, explored.complete) == (2, True)
    ((finding, path),) = explored.findings
    assert finding.second.name == "sum"
    assert [taken for _, taken, _ in path.choices] == [1]


def test_a_path_that_raises_is_told():
    def program() -> None:
        torch.ones(2, device="cuda")
        if not torch.cuda.current_stream().query():
            raise ValueError("not ready")

    explored = explore_cuda(program)
    assert [message for message, _ in explored.failures] == ["ValueError: not ready"]


def test_a_thread_that_python_did_not_start_is_a_host():
    import _thread

    done = threading.Event()
    with virtual_cuda() as device:

        def body() -> None:
            torch.cuda.current_stream().record_event()
            done.set()

        _thread.start_new_thread(body, ())
        done.wait()
        assert device.audit().hosts == 2
