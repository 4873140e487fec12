"""Host threads: what Python orders between them is ordered for the detector too.

Where the turns of threads are tried (`fencepost.streams.turns`), whoever waits lets others go on.

Starting and joining a thread are edges, and so is handing a lock over. Conditions, events,
semaphores, queues and futures are made of locks, so they are edges by themselves. A value left in
a plain variable is none.
"""

from __future__ import annotations

import _thread
import queue
import sys
import threading
import time
from _thread import allocate_lock
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from fencepost.streams.shim.hosts import Hosts
from fencepost.streams.shim.locks import lock_names


def end_of_thread() -> None:
    """The calling thread goes no further; a daemon stops as it does when Python ends."""
    thread = threading.current_thread()
    if thread is threading.main_thread():
        return
    if not thread.daemon:
        raise SystemExit
    stop = allocate_lock()
    stop.acquire()
    stop.acquire()


def _host(
    hosts: Hosts,
    entered: Callable[[], AbstractContextManager[None]],
    name: str,
    run: Callable[[], object],
    ended: Callable[[Any], object] = lambda _: None,
) -> Callable[[], None]:
    """What a thread does that is started right after this, as a host of its own.

    `ended` is given what it knew at its end.
    """
    known, turns = hosts.send(), hosts.turns
    turn = nullcontext() if turns is None else turns.taking(turns.new(name))

    def as_host() -> None:
        with turn:
            hosts.begin(name, known)
            try:
                with entered():
                    run()
            finally:
                ended(hosts.end())

    return as_host


def thread_names(
    hosts: Hosts, entered: Callable[[], AbstractContextManager[None]]
) -> dict[Any, dict[str, Any]]:
    """By module or class, what replaces names of `threading` and `queue`."""
    plain_join = threading.Thread.join
    first_steps = threading.Thread._bootstrap  # type: ignore[attr-defined]

    def bootstrap(self: threading.Thread) -> Callable[[], None]:
        """What the new thread does, asked for at the moment when it is started.

        It is a host before Python's own first steps in it, which use locks. Before that moment it
        has no turn: nobody else would go on while it is given one and does not exist.
        """
        turns = hosts.turns

        def ended(known: Any) -> None:
            self._fencepost_end = known  # type: ignore[attr-defined]
            self._fencepost_runs = False  # type: ignore[attr-defined]

        self._fencepost_runs = True  # type: ignore[attr-defined]
        invoke_hook = self._invoke_excepthook  # type: ignore[attr-defined]

        def failed(thread: threading.Thread) -> None:
            error = sys.exc_info()[1]
            if turns is not None and turns.failed is not None:
                return  # the run is over, and this is how the thread ends
            if error is not None and not isinstance(error, SystemExit):
                hosts.failed(thread.name, error)
            invoke_hook(thread)

        self._invoke_excepthook = failed  # type: ignore[attr-defined]
        return _host(hosts, entered, self.name, partial(first_steps, self), ended)

    plain_start_new = _thread.start_new_thread

    def start_new_thread(function: Any, args: Any, kwargs: Any = None, /) -> int:
        """A thread without an object of `threading`."""
        run = partial(function, *args, **(kwargs or {}))
        return plain_start_new(_host(hosts, entered, "", run), ())

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        turns = hosts.turns
        if turns is not None and self is not threading.current_thread():
            ended = turns.wait_until(lambda: not getattr(self, "_fencepost_runs", False), timeout)
            if not ended:
                return
        plain_join(self, timeout)
        known = getattr(self, "_fencepost_end", None)
        if known is not None and not self.is_alive():
            hosts.receive(known)

    locks = lock_names(hosts)
    return {
        threading: locks[threading],
        threading.Thread: {"_bootstrap": property(bootstrap), "join": join},
        _thread: {
            "start_new_thread": start_new_thread,
            "start_new": start_new_thread,
            **locks[_thread],
        },
        time: {"sleep": hosts.sleep},
        queue: {"SimpleQueue": queue._PySimpleQueue},  # type: ignore[attr-defined]
    }
