"""Host threads: what Python orders between them is ordered for the detector too.

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
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Hosts(Protocol):
    """The host threads of the device below."""

    def several(self) -> bool:
        """Whether there is more than one host thread."""

    def send(self) -> Any:
        """What the calling thread knows, for another thread."""

    def receive(self, known: Any) -> None:
        """The calling thread comes after what another knew."""

    def begin(self, name: str, known: Any) -> None:
        """The calling thread is a new host, started by one that knew this."""

    def end(self) -> Any:
        """The calling thread ends; gives what it knew."""

    def failed(self, name: str, error: BaseException) -> None:
        """An exception ended a thread."""

    def sleep(self, seconds: float, /) -> None:
        """The calling thread sleeps."""


def end_of_thread() -> None:
    """The calling thread goes no further; a daemon stops as it does when Python ends."""
    thread = threading.current_thread()
    if thread is threading.main_thread():
        return
    if not thread.daemon:
        raise SystemExit
    stop = _thread.allocate_lock()
    stop.acquire()
    stop.acquire()


def thread_names(
    hosts: Hosts, entered: Callable[[], AbstractContextManager[None]]
) -> dict[Any, dict[str, Any]]:
    """By module or class, what replaces names of `threading` and `queue`."""

    class Lock:
        """A lock whose hand-over is an edge."""

        def __init__(self) -> None:
            self._inner: Any = self._make()
            self._known: list[Any] = []

        _make = staticmethod(_thread.allocate_lock)

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            taken = self._inner.acquire(blocking, timeout)
            if taken:
                self.follow()
            return taken

        def follow(self) -> None:
            """The calling thread comes after the last release."""
            if self._known:
                hosts.receive(self._known[0])

        def release(self) -> None:
            if hosts.several():
                self._known[:] = [hosts.send()]
            self._inner.release()

        def locked(self) -> bool:
            return self._inner.locked()

        def __enter__(self) -> bool:
            return self.acquire()

        def __exit__(self, *_: object) -> None:
            self.release()

        def _at_fork_reinit(self) -> None:
            self._inner._at_fork_reinit()

    class RLock(Lock):
        """A reentrant lock whose hand-over is an edge."""

        _make = staticmethod(threading._CRLock)  # type: ignore[attr-defined]

        def _is_owned(self) -> bool:
            return bool(self._inner._is_owned())

        def _release_save(self) -> Any:
            if hosts.several():
                self._known[:] = [hosts.send()]
            return self._inner._release_save()

        def _acquire_restore(self, state: Any) -> None:
            self._inner._acquire_restore(state)
            self.follow()

    class Event(threading.Event):
        """An event that is an edge also where it is only looked at."""

        def is_set(self) -> bool:
            found = super().is_set()
            lock = getattr(self._cond, "_lock", None)  # type: ignore[attr-defined]
            if found and isinstance(lock, Lock):
                lock.follow()
            return found

        isSet = is_set  # noqa: N815  # Python's older name

    plain_start, plain_join = threading.Thread.start, threading.Thread.join

    def start(self: threading.Thread) -> None:
        # Before Python's own first steps in the new thread: they use locks, and a host that uses
        # a lock must be known.
        known, first_steps = hosts.send(), self._bootstrap  # type: ignore[attr-defined]

        def as_host() -> None:
            hosts.begin(self.name, known)
            try:
                with entered():
                    first_steps()
            finally:
                self._fencepost_end = hosts.end()  # type: ignore[attr-defined]
                vars(self).pop("_bootstrap", None)

        invoke_hook = self._invoke_excepthook  # type: ignore[attr-defined]

        def failed(thread: threading.Thread) -> None:
            error = sys.exc_info()[1]
            if error is not None and not isinstance(error, SystemExit):
                hosts.failed(thread.name, error)
            invoke_hook(thread)

        self._invoke_excepthook = failed  # type: ignore[attr-defined]
        self._bootstrap = as_host  # type: ignore[attr-defined]
        try:
            plain_start(self)
        except BaseException:  # there is no new thread, or it was started before
            vars(self).pop("_bootstrap", None)
            raise

    plain_start_new = _thread.start_new_thread

    def start_new_thread(function: Any, args: Any, kwargs: Any = None, /) -> int:
        """A thread without an object of `threading`."""
        known = hosts.send()

        def as_host() -> None:
            hosts.begin("", known)
            try:
                with entered():
                    function(*args, **(kwargs or {}))
            finally:
                hosts.end()

        return plain_start_new(as_host, ())

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        plain_join(self, timeout)
        known = getattr(self, "_fencepost_end", None)
        if known is not None and not self.is_alive():
            hosts.receive(known)

    return {
        threading: {"Lock": Lock, "RLock": RLock, "Event": Event, "_allocate_lock": Lock},
        threading.Thread: {"start": start, "join": join},
        _thread: {"start_new_thread": start_new_thread, "start_new": start_new_thread},
        time: {"sleep": hosts.sleep},
        queue: {"SimpleQueue": queue._PySimpleQueue},  # type: ignore[attr-defined]
    }
