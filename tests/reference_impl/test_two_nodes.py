"""A handoff between two real processes, and what NIXL shows of its writes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reference_impl.adapters import nixl_facts
from reference_impl.adapters.designs import design, handoff
from reference_impl.adapters.processes import ProcessError
from reference_impl.adapters.two_nodes import Plan, run
from reference_impl.messages import Abort, Answer, Arrived, Failure, Success, Transfer
from reference_impl.nixl_transport import (
    Card,
    Endpoint,
    NixlTransport,
    TransferError,
    decode,
    encode,
)
from reference_impl.slot_pool import Slot
from reference_impl.transport import State

ROOT = Path(__file__).parents[2]
ON = handoff("slot_lifecycle", design("slot_lifecycle", "published_fix")).on


@pytest.fixture
def nixl():
    try:
        import nixl_cu12
    except ImportError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs the extra nixl: {missing}")
    return nixl_cu12


def assert_none_left(pids):
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(
    "message",
    [
        Transfer(3, (1, 2, 3), Slot(3, (0, 4), 7)),
        *(kind(5) for kind in (Abort, Answer, Arrived, Failure, Success)),
    ],
)
def test_messages_come_back_from_their_text(message):
    assert decode(encode(message)) == message


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nixl_cu12", None)
    with pytest.raises(TransferError, match=r"pip install 'fencepost\[nixl\]'"):
        Endpoint("alone", "DRAM")


def test_requests_get_their_tokens_and_an_aborted_one_gets_them_when_tried_again(nixl):
    pids = {}
    report = run(Plan(ON, requests=4, aborts=(1,)), started=pids.update)
    assert {r.request: r.phase for r in report.requests} == {
        **dict.fromkeys((0, 2, 3, 5), "finished"),
        1: "aborted",
    }
    assert [r for r in report.requests if r.phase == "finished" and r.tokens != r.right] == []
    assert report.free == report.pages
    assert_none_left(pids)


def test_a_prefill_node_that_dies_is_named(nixl):
    pids = {}
    with pytest.raises(ProcessError, match="prefill died of SIGKILL"):
        run(Plan(ON, fault=signal.SIGKILL), started=pids.update)
    assert_none_left(pids)


def test_a_prefill_node_that_hangs_is_not_waited_for_for_ever(nixl):
    pids = {}
    with pytest.raises(ProcessError, match="no word from the prefill node for 1 s: request"):
        run(Plan(ON, patience=1.0, fault=signal.SIGSTOP), started=pids.update)
    assert_none_left(pids)


def test_memory_cannot_be_taken_away_from_a_peer_and_the_transport_says_so(nixl):
    transport = NixlTransport(Endpoint("alone", "DRAM"), Card("peer", b"", ()), [])
    with pytest.raises(TransferError, match="end its process instead"):
        transport.fence()


def test_a_write_outside_what_the_peer_registered_is_refused(nixl):
    source, stand_in = torch.zeros(8), torch.zeros(8)
    peer = Card("peer", b"", ((4096, 32),))
    transport = NixlTransport(Endpoint("alone", "DRAM"), peer, [stand_in])
    with pytest.raises(TransferError, match="memory that the peer has not registered"):
        transport.post([(source, torch.zeros(8))])
    assert transport.post([(source, stand_in)]).state() is State.FAILED  # nobody of that name


def test_the_questions_to_nixl_end_even_if_it_does_not_return(monkeypatch):
    limits = []
    monkeypatch.setattr(nixl_facts, "end_after", limits.append)
    monkeypatch.setattr(nixl_facts, "facts", lambda: iter([("asked", limits[0] > 0)]))
    assert nixl_facts.main() == 0


@pytest.mark.parametrize("tls", [None, "tcp"])
def test_what_nixl_does_with_a_write(nixl, tls):
    """The facts that `docs/explanation/nixl.md` builds on, over shared memory and over TCP."""
    environment = {**os.environ, **({"UCX_TLS": tls} if tls else {})}
    done = subprocess.run(
        [sys.executable, "-m", "reference_impl.adapters.nixl_facts"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    facts = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    all_there = "32000000 of 32000000 bytes there"
    assert facts["writes that are whole when the sender sees DONE"] == "20 of 20"
    assert all_there in facts["a write under way, released"]
    assert all_there in facts["a write into memory that is no longer registered"]
    assert "DISCONNECT" in facts["a write to a receiver that has died"]
    if tls:
        assert facts["a write under way, released"].startswith("PROC then released")
        assert "no notification came" in facts["a write under way, released"]
        stopped = facts["a write to a receiver that is stopped"]
        # What the system's buffers take is done without the receiver, and is visible at once.
        assert stopped.startswith(("FAILED (still under way after 2 s)", "VISIBLE"))
        assert stopped.endswith(f"{all_there} once it goes on")
        assert "DISCONNECT" in facts["a write under way when its receiver dies"]
