"""Processes of one command: each ends when the command does, and one that fails ends them all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

SPAWN = multiprocessing.get_context("spawn")
GRACE = 1.0
"""Seconds in which the others may say what they saw of the first failure."""


class ProcessError(RuntimeError):
    """A process died, raised or was late; all others have been ended."""


def together(
    tasks: Mapping[str, Callable[[], Any]],
    timeout: float,
    started: Callable[[Mapping[str, int]], object] = lambda _: None,
) -> dict[str, Any]:
    """Perform each task in a process of its own, and give what each returned.

    Tasks and what they return are pickled. `started` is told the process id of each. Raises
    `ProcessError` if a process ends without returning, or not all have returned after `timeout`
    seconds; however this ends, no process is left.
    """
    lifeline, held = SPAWN.Pipe(duplex=False)
    processes: dict[str, SpawnProcess] = {}
    ends: dict[Connection, str] = {}
    try:
        for name, task in tasks.items():
            end, theirs = SPAWN.Pipe(duplex=False)
            process = SPAWN.Process(target=_perform, args=(task, theirs, lifeline), name=name)
            process.start()
            theirs.close()
            processes[name], ends[end] = process, name
        started({name: process.pid or 0 for name, process in processes.items()})
        return _collect(processes, ends, time.monotonic() + timeout, timeout)
    finally:
        for process in processes.values():
            process.kill()
            process.join()
        for connection in (*ends, lifeline, held):
            connection.close()


def _collect(
    processes: Mapping[str, SpawnProcess],
    ends: Mapping[Connection, str],
    deadline: float,
    timeout: float,
) -> dict[str, Any]:
    returned: dict[str, Any] = {}
    failures: dict[str, str] = {}
    open_ends = set(ends)
    while open_ends and (left := deadline - time.monotonic()) > 0:
        for end in wait(list(open_ends), left):
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
    if failures:
        died = sorted(failures, key=lambda name: not failures[name].startswith("died"))
        raise ProcessError("; ".join(f"{name} {failures[name]}" for name in died))
    if open_ends:
        late = ", ".join(sorted(ends[end] for end in open_ends))
        raise ProcessError(f"not done after {timeout:g} s: {late}")
    return returned


def _how_it_ended(process: SpawnProcess) -> str:
    process.join(GRACE)
    code = process.exitcode
    if code is not None and code < 0:
        return f"died of {signal.Signals(-code).name}"
    return f"died with exit code {code}"


def _perform(task: Callable[[], Any], result: Connection, lifeline: Connection) -> None:
    """The whole life of a child; it does not outlive the command, however that ends."""

    def end_with_the_command() -> None:
        wait([lifeline])
        os._exit(1)

    threading.Thread(target=end_with_the_command, daemon=True).start()
    try:
        result.send((True, task()))
    except Exception as error:  # noqa: BLE001  # whatever it is, the command says it
        result.send((False, f"failed: {type(error).__name__}: {error}"))
    result.close()
    os._exit(0)  # transfer libraries have threads of their own, which nothing here waits for
