"""The end of an audited program, as Python makes it, but before the audit ends.

Threads that are no daemons are waited for, then child processes of `multiprocessing`, then what the
program registered with `atexit` runs. Daemon threads are cut off, and told of.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fencepost.core.standard_library import is_standard_library

_OWN = str(Path(__file__).parent)
_NOT_PYTHONS = threading._DummyThread  # noqa: SLF001  # has no end that could be waited for
_SERVING = ("multiprocessing.", "concurrent.", "asyncio.", "logging.")
"""Modules of daemon threads of Python's own, which only pass on what others made."""


class Ending:
    """The threads and the `atexit` functions of one program.

    `left` is called with the status where the program leaves by `os._exit`.
    """

    def __init__(self, left: Callable[[int], object] | None = None) -> None:
        self.cut_off: list[str] = []
        """The names of the daemon threads that were running at the end."""
        self.failed: list[str] = []
        """The names of the functions of `atexit` that an exception ended."""
        self._left = left
        self._process = os.getpid()
        self._before = set(threading.enumerate())
        self._registered: list[tuple[Callable[..., object], Any, Any]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Functions that the program registers are kept for `finish`."""
        plain = atexit.register, atexit.unregister, os._exit

        def register(function: Any, /, *args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)  # noqa: SLF001  # the only way to a caller
            if _is_library(caller.f_code.co_filename):
                return plain[0](function, *args, **kwargs)
            self._registered.append((function, args, kwargs))
            return function

        def unregister(function: Any, /) -> None:
            self._registered[:] = [kept for kept in self._registered if kept[0] != function]
            plain[1](function)

        def leave(status: int) -> None:
            if self._left is not None and os.getpid() == self._process:
                self._left(status)
            plain[2](status)

        atexit.register, atexit.unregister = register, unregister
        os._exit = leave  # type: ignore[assignment]
        try:
            yield
        finally:
            atexit.register, atexit.unregister, os._exit = plain

    def finish(self) -> None:
        """Wait for what Python waits for, and run what it runs."""
        _end_executors()
        while waited := [thread for thread in self._threads() if not thread.daemon]:
            for thread in waited:
                thread.join()
        _end_processes()
        while self._registered:
            function, args, kwargs = self._registered.pop()
            try:
                function(*args, **kwargs)
            except Exception:  # noqa: BLE001  # as Python does, the others run
                name = getattr(function, "__qualname__", repr(function))
                self.failed.append(name)
                sys.stderr.write(f"Exception ignored in atexit callback {name}:\n")
                traceback.print_exc()
        self.cut_off = sorted(thread.name for thread in self._threads() if not _is_serving(thread))

    def _threads(self) -> list[threading.Thread]:
        """The threads of the program, without the calling one and those nobody can wait for."""
        known = {*self._before, threading.current_thread()}
        return [
            thread
            for thread in threading.enumerate()
            if thread not in known and not isinstance(thread, _NOT_PYTHONS)
        ]


def _end_executors() -> None:
    """Executors that nobody shut down perform what they were given, and end.

    What they do at the end of Python is undone, because Python goes on here.
    """
    exits: Any = getattr(threading, "_threading_atexits", [])
    for each in reversed(exits):
        each()
    for module, name in (("thread", "_shutdown"), ("process", "_global_shutdown")):
        executors = sys.modules.get(f"concurrent.futures.{module}")
        if executors is not None:
            setattr(executors, name, False)


def _end_processes() -> None:
    """Child processes of `multiprocessing` are waited for, and daemons among them ended."""
    processes = sys.modules.get("multiprocessing.process")
    if processes is None:
        return
    children = processes.active_children()
    for child in children:
        if child.daemon:
            child.terminate()
    for child in children:
        child.join()


def _is_serving(thread: threading.Thread) -> bool:
    target = getattr(thread, "_target", None)
    return str(getattr(target, "__module__", "")).startswith(_SERVING)


def _is_library(file: str) -> bool:
    """Whether functions registered by this source file are Python's own, or of this package."""
    return file.startswith((_OWN, "<frozen")) or is_standard_library(file)
