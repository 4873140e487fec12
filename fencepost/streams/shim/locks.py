"""Locks whose hand-over is an edge, and which let others go on where turns are tried."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from typing import Any

from fencepost.streams.shim.hosts import Hosts
from fencepost.streams.turns import Threads

_IMPORTING = "<frozen importlib._bootstrap>"


def _made_by_program(locks: Callable[[], Any], plain: Callable[[], Any]) -> Callable[[], Any]:
    """What makes a lock for the program, and a plain one for Python while it imports a module."""

    def make() -> Any:
        importing = sys._getframe(1).f_code.co_filename == _IMPORTING
        return plain() if importing else locks()

    return make


def lock_names(hosts: Hosts) -> dict[Any, dict[str, Any]]:
    """What replaces names of `threading` and of `_thread`, which it is made of."""

    class Lock:
        """A lock whose hand-over is an edge."""

        def __init__(self) -> None:
            self._inner: Any = self._make()
            self._known: list[Any] = []

        _make = staticmethod(_thread.allocate_lock)

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            turns = hosts.turns
            if turns is None:
                taken = self._inner.acquire(blocking, timeout)
            else:
                taken = self._wait(turns, blocking, timeout)
            if taken:
                self.follow()
            return taken

        def _wait(self, turns: Threads, blocking: bool, timeout: float) -> bool:
            """Take the lock when it is this thread's turn and the lock is free."""
            turns.switch()
            limit = None if timeout < 0 else timeout
            while not self._inner.acquire(False):
                if not blocking:
                    turns.switch()
                    return False
                if not turns.wait_until(self._is_free, limit):
                    return False
            return True

        def _is_free(self) -> bool:
            """Whether another thread than the one that asks could take it, if that holds it."""
            return not self._inner.locked()

        def follow(self) -> None:
            """The calling thread comes after the last release."""
            if self._known:
                hosts.receive(self._known[0])

        def release(self) -> None:
            if hosts.several():
                self._known[:] = [hosts.send()]
            self._inner.release()
            turns = hosts.turns
            if turns is not None and turns.is_awaited(self._is_free):
                turns.switch()

        def locked(self) -> bool:
            return self._inner.locked()

        # Python's older names of its plain locks.
        acquire_lock, release_lock, locked_lock = acquire, release, locked

        def __enter__(self) -> bool:
            return self.acquire()

        def __exit__(self, *_: object) -> None:
            self.release()

        def _at_fork_reinit(self) -> None:
            self._inner._at_fork_reinit()

    class RLock(Lock):
        """A reentrant lock whose hand-over is an edge."""

        _make = staticmethod(threading._CRLock)  # type: ignore[attr-defined]

        def _is_free(self) -> bool:
            if self._inner._is_owned() or not self._inner.acquire(False):
                return False
            self._inner.release()
            return True

        def _is_owned(self) -> bool:
            return bool(self._inner._is_owned())

        def _release_save(self) -> Any:
            if hosts.several():
                self._known[:] = [hosts.send()]
            return self._inner._release_save()

        def _acquire_restore(self, state: Any) -> None:
            turns = hosts.turns
            if turns is not None:
                turns.wait_until(self._is_free)
            self._inner._acquire_restore(state)
            self.follow()

    class Event(threading.Event):
        """An event that is an edge also where it is only looked at."""

        _known: Any = None

        def set(self) -> None:
            if hosts.several():
                self._known = hosts.send()
            super().set()

        def is_set(self) -> bool:
            turns = hosts.turns
            if turns is not None:
                turns.switch()
            found = super().is_set()
            if found and self._known is not None:
                hosts.receive(self._known)
            return found

        isSet = is_set  # noqa: N815  # Python's older name

    allocate = _made_by_program(Lock, _thread.allocate_lock)
    return {
        threading: {"Lock": Lock, "RLock": RLock, "Event": Event, "_allocate_lock": Lock},
        _thread: {
            "allocate_lock": allocate,
            "allocate": allocate,
            "RLock": _made_by_program(RLock, _thread.RLock),
        },
    }
