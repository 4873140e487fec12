"""Processes of one command: each ends when the command does, and one that fails ends them all."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

SPAWN = multiprocessing.get_context("spawn")
GRACE = 1.0
"""Seconds in which the others may say what they saw of the first failure, and in which a process
that is ended may say where it was."""
TICK = 1.0


class ProcessError(RuntimeError):
    """A process died, raised or was late; all others have been ended."""


def together(
    tasks: Mapping[str, Callable[[], Any]],
    timeout: float,
    started: Callable[[Mapping[str, int]], object] = lambda _: None,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Perform each task in a process of its own, and give what each returned.

    Tasks and what they return are pickled. `started` is told the process id of each; `meanwhile` is
    called at least once a second. Raises `ProcessError` if a process ends without returning, or
    not all have returned after `timeout` seconds; those that still run then say on stderr where
    they were, also one that is stopped or in a native call. However this ends, no process is left,
    but one that the system does not let die.
    """
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")  # SIGABRT then says where a process is
    lifeline, held = SPAWN.Pipe(duplex=False)
    processes: dict[str, SpawnProcess] = {}
    ends: dict[Connection, str] = {}
    try:
        for name, task in tasks.items():
            end, theirs = SPAWN.Pipe(duplex=False)
            limit = timeout + 2 * GRACE * (1 + len(tasks))  # the command comes first
            process = SPAWN.Process(
                target=_perform, args=(task, theirs, lifeline, limit), name=name
            )
            process.start()
            theirs.close()
            processes[name], ends[end] = process, name
        started({name: process.pid or 0 for name, process in processes.items()})
        return _collect(processes, ends, timeout, meanwhile)
    finally:
        for process in processes.values():
            process.kill()
        for process in processes.values():
            process.join(GRACE)
        for connection in (*ends, lifeline, held):
            connection.close()


def end_after(seconds: float) -> None:
    """End this process after so many seconds, whatever it waits for then.

    It says on stderr where it was and dies of SIGALRM. No Python code runs for that, so that a
    native call that never returns is ended too.
    """
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _collect(
    processes: Mapping[str, SpawnProcess],
    ends: Mapping[Connection, str],
    timeout: float,
    meanwhile: Callable[[], object],
) -> dict[str, Any]:
    deadline = time.monotonic() + timeout
    returned: dict[str, Any] = {}
    failures: dict[str, str] = {}
    open_ends = set(ends)
    while open_ends and (left := deadline - time.monotonic()) > 0:
        meanwhile()
        for end in wait(list(open_ends), min(left, TICK)):
            assert isinstance(end, Connection)
            name = ends[end]
            open_ends.discard(end)
            try:
                succeeded, value = end.recv()
            except EOFError:
                succeeded, value = False, _how_it_ended(processes[name])
            if succeeded:
                returned[name] = value
                continue
            if not failures:
                deadline = min(deadline, time.monotonic() + GRACE)
            failures[name] = value
    late = sorted(ends[end] for end in open_ends)
    for name in late:
        _end_and_say_where(name, processes[name])
    if failures:
        died = sorted(failures, key=lambda name: not failures[name].startswith("died"))
        raise ProcessError("; ".join(f"{name} {failures[name]}" for name in died))
    if late:
        raise ProcessError(f"not done after {timeout:g} s: {', '.join(late)}")
    return returned


def _how_it_ended(process: SpawnProcess) -> str:
    process.join(GRACE)
    code = process.exitcode
    if code is not None and code < 0:
        return f"died of {signal.Signals(-code).name}"
    return f"died with exit code {code}"


def _end_and_say_where(name: str, process: SpawnProcess) -> None:
    """End a process by SIGABRT, at which it prints where each of its threads is."""
    pid = process.pid
    if pid is None or not process.is_alive():
        return
    sys.stderr.write(f"{name} (process {pid}) still runs, and is ended here:\n")
    sys.stderr.flush()
    if sys.platform == "linux":
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))  # its memory tells nobody anything
    os.kill(pid, signal.SIGABRT)
    os.kill(pid, signal.SIGCONT)  # a stopped process dies of nothing but SIGKILL
    process.join(GRACE)


def _perform(
    task: Callable[[], Any], result: Connection, lifeline: Connection, limit: float
) -> None:
    """The whole life of a child; it does not outlive the command, however that ends."""

    def end_with_the_command() -> None:
        wait([lifeline])
        os._exit(1)

    end_after(limit)
    threading.Thread(target=end_with_the_command, daemon=True).start()
    try:
        result.send((True, task()))
    except Exception as error:  # noqa: BLE001  # whatever it is, the command says it
        result.send((False, f"failed: {type(error).__name__}: {error}"))
    result.close()
    os._exit(0)  # transfer libraries have threads of their own, which nothing here waits for
