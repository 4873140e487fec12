"""The loop that a thread is in is found, though what it calls stands at one address each time."""

from __future__ import annotations

import threading

from fencepost.streams.shim.loops import Loop


def test_a_call_that_comes_again_is_not_taken_for_one_that_lasts():
    inside, go_on = threading.Semaphore(0), threading.Semaphore(0)
    flag = [0]

    def pause():
        inside.release()
        go_on.acquire()

    def wait():
        while not flag[0]:
            pause()

    thread = threading.Thread(target=wait)
    thread.start()
    loop = Loop(thread.ident, lambda value: value is flag)
    for _ in range(5):
        inside.acquire()
        loop.look()
        go_on.release()
    flag[0] = 1
    go_on.release()
    thread.join()
    assert loop.spins
    assert loop.waits_for_memory
    assert loop.place.line in range(
        wait.__code__.co_firstlineno + 1, wait.__code__.co_firstlineno + 3
    )


def test_a_call_that_lasts_is_no_loop():
    inside, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def wait():
        inside.release()
        go_on.acquire()

    thread = threading.Thread(target=wait)
    thread.start()
    inside.acquire()
    while True:  # until it stands in the lock, and not somewhere on the way
        loop = Loop(thread.ident, lambda value: False)
        for _ in range(5):
            loop.look()
        if loop.waits_for_thread:
            break
    go_on.release()
    thread.join()
    assert not loop.spins
