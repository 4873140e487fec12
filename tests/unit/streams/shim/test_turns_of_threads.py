"""The turns of threads of torch programs are tried: errors that one order alone shows are found."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from fencepost.streams import explore_cuda, turns


def started(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def published_late(*, locked: bool):
    """The consumer waits for the event if the producer has published it, and else reads as it is.

    The lock is an edge, but on the host alone: who comes first finds nothing to wait for.
    """
    x = torch.zeros(4, device="cuda")
    torch.cuda.synchronize()
    lock, published = threading.Lock(), {}

    def produce():
        with torch.cuda.stream(torch.cuda.Stream()):
            if not locked:
                x.fill_(1)
            with lock:
                if locked:
                    x.fill_(1)
                published["event"] = torch.cuda.current_stream().record_event()

    def consume():
        with torch.cuda.stream(torch.cuda.Stream()) as _, lock:
            if "event" in published:
                published["event"].wait()
                x.sum()
            elif not locked:
                x.sum()

    started(produce, consume)
    torch.cuda.synchronize()


def test_a_race_of_one_order_is_found_and_its_twin_is_clean():
    first = explore_cuda(lambda: published_late(locked=False), most_paths=1)
    assert not first.findings, "who starts first publishes first, and nothing is missing"
    found = explore_cuda(lambda: published_late(locked=False), preemptions=1)
    assert found.complete
    assert not found.failures
    assert {(f.first.name, f.second.name) for f, _ in found.findings} == {
        ("fill_.Scalar", "sum"),
        ("sum", "fill_.Scalar"),
    }
    clean = explore_cuda(lambda: published_late(locked=True), preemptions=1)
    assert clean.complete
    assert clean.paths > 5
    assert not clean.findings
    assert not clean.failures


def test_the_path_of_a_finding_tells_whose_turn_it_was():
    found = explore_cuda(lambda: published_late(locked=False), preemptions=1)
    (_, path), *_ = found.findings
    assert all(what == "who goes on" or what.endswith(" goes on") for what, _, _ in path.choices)


def meets(make):
    """A program in which a thread gives and another takes, by one of Python's primitives."""

    def program():
        give, take = make()
        x = torch.zeros(4, device="cuda")
        torch.cuda.synchronize()

        def fill():
            with torch.cuda.stream(torch.cuda.Stream()):
                x.fill_(1.0)
                torch.cuda.current_stream().synchronize()
            give()

        thread = threading.Thread(target=fill)
        thread.start()
        take()
        assert x.tolist() == [1.0] * 4
        thread.join()

    return program


def condition():
    made, ready = threading.Condition(), []

    def notify():
        with made:
            ready.append(True)
            made.notify()

    def wait():
        with made:
            made.wait_for(lambda: ready)

    return notify, wait


def event():
    made = threading.Event()
    return made.set, made.wait


def looked_at_event():
    made = threading.Event()

    def wait():
        while not made.is_set():
            pass

    return made.set, wait


def timed_event():
    made = threading.Event()

    def wait():
        while not made.wait(0.01):
            pass

    return made.set, wait


def semaphore():
    made = threading.Semaphore(0)
    return made.release, made.acquire


def channel():
    made = queue.Queue()
    return lambda: made.put(None), made.get


def simple_channel():
    made = queue.SimpleQueue()
    return lambda: made.put(None), made.get


def polled_channel():
    made = queue.Queue()

    def wait():
        while True:
            try:
                return made.get_nowait()
            except queue.Empty:
                time.sleep(0.01)

    return lambda: made.put(None), wait


def barrier():
    made = threading.Barrier(2)
    return made.wait, made.wait


def lock_attempts():
    made = threading.Lock()
    made.acquire()

    def wait():
        while not made.acquire(blocking=False):
            pass

    return made.release, wait


def reentrant_lock():
    made, ready = threading.RLock(), []

    def give():
        with made, made:
            ready.append(True)

    def take():
        while True:
            with made:
                if ready:
                    return

    return give, take


ORDERING = (
    condition,
    event,
    looked_at_event,
    timed_event,
    semaphore,
    channel,
    simple_channel,
    polled_channel,
    barrier,
    lock_attempts,
    reentrant_lock,
)


@pytest.mark.parametrize("make", ORDERING, ids=lambda f: f.__name__)
def test_what_blocks_lets_others_go_on(make):
    found = explore_cuda(meets(make), most_paths=60, preemptions=1)
    assert found.paths > 1
    assert not found.failures
    assert not found.findings


@pytest.mark.parametrize("nap", [True, False])
def test_a_plain_variable_is_no_edge_and_no_end(nap):
    def plain_variable():
        ready = []

        def wait():
            while not ready:
                if nap:
                    time.sleep(0.001)

        return lambda: ready.append(True), wait

    found = explore_cuda(meets(plain_variable), most_paths=3)
    assert not found.failures
    assert found.findings[0][0].edge.kind == "message"


def test_executors_and_daemons_end():
    def program():
        made = queue.Queue()
        threading.Thread(target=made.get, daemon=True).start()
        executor = ThreadPoolExecutor(2)
        done = [executor.submit(torch.ones, 2, device="cuda") for _ in range(2)]
        assert [d.result().is_cuda for d in done] == [True, True]

    before = threading.active_count()
    found = explore_cuda(program, most_paths=10)
    assert not found.failures
    assert not found.findings
    assert threading.active_count() == before


def test_a_deadlock_of_one_order_is_a_failure():
    def program():
        a, b = threading.Lock(), threading.Lock()

        def one(first, second):
            with first:
                torch.cuda.current_stream().query()
                with second:
                    pass

        started(lambda: one(a, b), lambda: one(b, a))

    found = explore_cuda(program, preemptions=1)
    assert found.complete
    assert ["F205" in failure for failure, _ in found.failures] == [True]


def test_nobody_waits_for_a_thread_that_is_not_started_yet(monkeypatch):
    passed_over, plain = [], turns.Threads._pass_over
    monkeypatch.setattr(
        turns.Threads, "_pass_over", lambda *args: (passed_over.append(1), plain(*args))
    )

    def program():
        started(torch.cuda.synchronize, torch.cuda.synchronize)

    assert explore_cuda(program, preemptions=1, most_paths=40).paths
    assert not passed_over


def test_a_thread_that_was_never_started_is_not_waited_for():
    found = explore_cuda(lambda: threading.Thread().join(), most_paths=1)
    assert "cannot join thread before it is started" in found.failures[0][0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_a_thread_is_a_failure():
    def program():
        torch.cuda.synchronize()
        started(lambda: 1 / 0)

    found = explore_cuda(program, most_paths=3)
    assert "the thread Thread-1 (<lambda>) ended with ZeroDivisionError" in found.failures[0][0]


def test_a_thread_that_waits_unseen_is_passed_over():
    """It holds a lock of before the device, which nobody sees it wait for."""
    unseen = threading.Lock()

    def program():
        def use():
            with unseen:
                torch.zeros(2, device="cuda")
                torch.cuda.synchronize()

        started(use, use)

    found = explore_cuda(program, most_paths=4)
    assert not found.failures
    assert not found.findings


def test_one_path_where_nothing_is_open():
    found = explore_cuda(lambda: torch.zeros(2, device="cuda").sum().item())
    assert (found.paths, found.complete, found.findings, found.failures) == (1, True, (), ())
