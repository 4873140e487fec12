"""What NIXL does with a write, seen from both ends: asked of the library, and printed.

    python -m reference_impl.adapters.nixl_facts
    UCX_TLS=tcp python -m reference_impl.adapters.nixl_facts

A receiver, in a process of its own, offers a few megabytes; it is written to, stopped, made to take
its memory back, and killed. `docs/explanation/nixl.md` says what the answers mean for a cache.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from reference_impl.adapters.processes import SPAWN, end_after
from reference_impl.nixl_transport import Endpoint, NixlTransport, TransferError, Write
from reference_impl.transport import State

BYTES = 32_000_000
WRITES = 20
PATIENCE = 2.0
LIMIT = 120.0
"""Seconds after which both processes end, whichever call of NIXL does not return."""


@dataclass(frozen=True)
class Receiver:
    """The other process: its id, a question that it answers, and its end, waited for."""

    pid: int
    ask: Callable[[str], Any]
    kill: Callable[[], object]


def facts() -> Iterator[tuple[str, str]]:
    """Each question with its answer, in the order in which they are asked."""
    with _receiver() as (receiver, connection):
        endpoint = Endpoint("sender", "DRAM")
        sent = torch.full((BYTES,), 7, dtype=torch.uint8)
        stand_in = torch.empty(BYTES, dtype=torch.uint8)
        endpoint.register([sent])
        card = connection.recv()
        endpoint.meet(card)
        transport = NixlTransport(endpoint, card, [stand_in], PATIENCE)

        def post() -> Write:
            return transport.post([(sent, stand_in)])

        whole = sum(_is_whole_at_done(post, receiver) for _ in range(WRITES))
        yield "writes that are whole when the sender sees DONE", f"{whole} of {WRITES}"
        yield "a write to a receiver that is stopped", _to_a_stopped(post, receiver)
        yield "a write under way, released", _released(endpoint, sent, card.regions[0][0], receiver)
        receiver.ask("zero")
        receiver.ask("deregister")
        state = _end_of(post())
        yield (
            "a write into memory that is no longer registered",
            f"{state.name}, {receiver.ask('count')} of {BYTES} bytes there",
        )
        os.kill(receiver.pid, signal.SIGSTOP)
        under_way = post()
        receiver.kill()
        yield "a write under way when its receiver dies", _told(under_way)
        yield "a write to a receiver that has died", _told(post())


def _is_whole_at_done(post: Callable[[], Write], receiver: Receiver) -> bool:
    receiver.ask("zero")
    return _end_of(post()) is State.VISIBLE and receiver.ask("count") == BYTES


def _to_a_stopped(post: Callable[[], Write], receiver: Receiver) -> str:
    receiver.ask("zero")
    os.kill(receiver.pid, signal.SIGSTOP)
    write = post()
    told = _told(write)
    os.kill(receiver.pid, signal.SIGCONT)
    try:
        write.flush()
        later = f"{receiver.ask('count')} of {BYTES} bytes there once it goes on"
    except TransferError as error:
        later = str(error)
    return f"{told}, {later}"


def _released(endpoint: Endpoint, sent: Tensor, target: int, receiver: Receiver) -> str:
    """The receiver is stopped until the handle has been released."""
    receiver.ask("zero")
    receiver.ask("notifications")
    os.kill(receiver.pid, signal.SIGSTOP)
    agent = endpoint.agent
    own = agent.get_xfer_descs([(sent.data_ptr(), BYTES, 0)], "DRAM")
    theirs = agent.get_xfer_descs([(target, BYTES, 0)], "DRAM")
    handle = agent.initialize_xfer("WRITE", own, theirs, "receiver", b"written")
    state = agent.transfer(handle)
    try:
        handle.release()
        end = "released"
    except Exception as error:  # noqa: BLE001  # an answer like the others
        end = str(error)
    os.kill(receiver.pid, signal.SIGCONT)
    deadline = time.monotonic() + PATIENCE
    while (count := receiver.ask("count")) < BYTES and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    heard = "its notification came" if receiver.ask("notifications") else "no notification came"
    return f"{state} then {end}, {count} of {BYTES} bytes there later, {heard}"


def _end_of(write: Write) -> State:
    while write.state() is State.POSTED:
        pass
    return write.state()


def _told(write: Write) -> str:
    state = _end_of(write)
    return f"{state.name} ({write.error})" if write.error else state.name


@contextmanager
def _receiver() -> Iterator[tuple[Receiver, Connection]]:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_answer, args=(theirs,), daemon=True)
    process.start()
    theirs.close()

    def ask(question: str) -> Any:
        ours.send(question)
        return ours.recv()

    def kill() -> None:
        process.kill()
        process.join()

    try:
        assert process.pid is not None
        yield Receiver(process.pid, ask, kill), ours
    finally:
        kill()


def _answer(asker: Connection) -> None:
    """The receiver, until its asker is gone."""
    end_after(LIMIT)
    memory = torch.zeros(BYTES, dtype=torch.uint8)
    endpoint = Endpoint("receiver", "DRAM")
    endpoint.register([memory])
    asker.send(endpoint.card())
    while True:
        try:
            question = asker.recv()
        except EOFError:
            os._exit(0)
        answer: Any = None
        match question:
            case "zero":
                memory.zero_()
            case "count":
                answer = int((memory == 7).sum())
            case "notifications":
                answer = endpoint.agent.get_new_notifs().get("sender", [])
            case "deregister":
                place = (memory.data_ptr(), BYTES, 0, "")
                endpoint.agent.deregister_memory(endpoint.agent.get_reg_descs([place], "DRAM"))
        asker.send(answer)


def main() -> int:
    """Print every fact; the exit code."""
    end_after(LIMIT)
    try:
        for question, answer in facts():
            sys.stdout.write(f"{question}: {answer}\n")
            sys.stdout.flush()
    except TransferError as error:
        sys.stderr.write(f"nixl_facts: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
