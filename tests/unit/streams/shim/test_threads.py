"""What Python orders between threads is ordered on the device, beside what it does not order."""

from __future__ import annotations

import _thread
import importlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
import torch

from fencepost.streams.virtual import virtual_cuda

Ends = tuple[Callable[[], object], Callable[[], object]]


def event() -> Ends:
    made = threading.Event()
    return made.set, made.wait


def looked_at_event() -> Ends:
    made = threading.Event()

    def wait() -> None:
        while not made.is_set():
            pass

    return made.set, wait


def condition() -> Ends:
    made, ready = threading.Condition(), []

    def notify() -> None:
        with made:
            ready.append(True)
            made.notify()

    def wait() -> None:
        with made:
            made.wait_for(lambda: ready)

    return notify, wait


def semaphore() -> Ends:
    made = threading.Semaphore(0)
    return made.release, made.acquire


def lock() -> Ends:
    made = threading.Lock()
    made.acquire()
    return made.release, made.acquire


def lock_of_the_interpreter() -> Ends:
    made = _thread.allocate_lock()
    made.acquire()
    return made.release, made.acquire


def reentrant_lock() -> Ends:
    return _reentrant(threading.RLock())


def reentrant_lock_of_the_interpreter() -> Ends:
    return _reentrant(_thread.RLock())


def _reentrant(made: Any) -> Ends:
    ready: list[bool] = []

    def release() -> None:
        with made:
            ready.append(True)

    def acquire() -> None:
        while True:
            with made:
                if ready:
                    return

    return release, acquire


def barrier() -> Ends:
    made = threading.Barrier(2)
    return made.wait, made.wait


def future() -> Ends:
    made: Future[None] = Future()
    return lambda: made.set_result(None), made.result


def channel() -> Ends:
    made: queue.Queue[None] = queue.Queue()
    return lambda: made.put(None), made.get


def plain_variable() -> Ends:
    ready: list[bool] = []

    def wait() -> None:
        while not ready:
            pass

    return lambda: ready.append(True), wait


ORDERING = [
    event,
    looked_at_event,
    condition,
    semaphore,
    lock,
    lock_of_the_interpreter,
    reentrant_lock,
    reentrant_lock_of_the_interpreter,
    barrier,
    future,
    channel,
]


@pytest.mark.parametrize("policy", ["in-order", "random"])
@pytest.mark.parametrize("hand_over", [*ORDERING, plain_variable], ids=lambda f: f.__name__)
def test_a_hand_over(hand_over: Callable[[], Ends], policy: str):
    with virtual_cuda(policy=policy) as device:
        give, take = hand_over()
        x = torch.zeros(4, device="cuda")
        torch.cuda.synchronize()

        def fill() -> None:
            with torch.cuda.stream(torch.cuda.Stream()):
                x.fill_(1.0)
                torch.cuda.current_stream().synchronize()
            give()

        thread = threading.Thread(target=fill)
        thread.start()
        take()
        x.sum()
        audit = device.audit()
        thread.join()
    assert audit.clean == (hand_over in ORDERING)
    if not audit.clean:
        assert audit.findings[0].edge.kind == "message"


def test_start_and_join_order():
    with virtual_cuda() as device:
        x = torch.zeros(4, device="cuda")
        x.fill_(1.0)
        torch.cuda.synchronize()
        thread = threading.Thread(target=lambda: (x.add_(1), torch.cuda.synchronize()))
        thread.start()
        thread.join()
        assert x.tolist() == [2.0] * 4
    assert device.audit().clean


def test_a_thread_has_streams_of_its_own():
    found = []
    with virtual_cuda(), torch.cuda.stream(torch.cuda.Stream()):
        thread = threading.Thread(target=lambda: found.append(torch.cuda.current_stream()))
        thread.start()
        thread.join()
        assert found == [torch.cuda.default_stream()]
        assert torch.cuda.current_stream() != torch.cuda.default_stream()


def test_importing_a_module_is_no_hand_over():
    """Whoever waits for an import waits by chance; a program that relies on it is not ordered."""
    plain = type(_thread.allocate_lock()), type(_thread.RLock())
    with virtual_cuda():
        of_an_import = importlib._bootstrap._ModuleLock("some_module").lock
        assert isinstance(of_an_import, plain)
        assert not isinstance(_thread.allocate_lock(), plain)


def dying() -> None:
    """The last reference is a variable of the thread's function."""


def kept_by_the_thread() -> threading.local:
    """The last reference goes with the thread itself, when no frame of Python is there."""
    return threading.local()


@pytest.mark.parametrize("kept", [dying, kept_by_the_thread], ids=lambda f: f.__name__)
def test_a_free_is_a_call_of_the_thread_that_let_go(kept: Callable[[], Any]):
    """Another comes to perform it first, and knows less of what the block was used for."""
    gone, over = [], []
    with virtual_cuda() as device:
        keeper, side = kept(), torch.cuda.Stream()

        def work() -> None:
            x = torch.ones(4, device="cuda")
            torch.cuda.synchronize()
            with torch.cuda.stream(side):
                _ = x * 2
                side.synchronize()
            if keeper is not None:
                keeper.x = x
                return
            del x
            gone.append(True)
            while not over:
                pass

        thread = threading.Thread(target=work)
        thread.start()
        while not gone and thread.is_alive():
            pass
        torch.ones(2, device="cuda")
        over.append(True)
        audit = device.audit()
        thread.join()
    assert "free" in [poison.name for poison in device.trace.every_operation()]
    assert audit.clean
