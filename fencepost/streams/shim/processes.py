"""The calls that start other programs: each gets an environment in which a Python tells of itself.

A program that replaces the audited process would take the report with it, and is refused.
"""

from __future__ import annotations

import multiprocessing.util
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fencepost.core.errors import Location
from fencepost.core.standard_library import is_standard_library
from fencepost.streams.shim.children import Children
from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.sites import TORCH

_PASSED_ON = ("subprocess.py", "os.py", "asyncio", "multiprocessing", "concurrent", "pty.py")
_STARTERS = tuple(str(Path(sysconfig.get_path("stdlib")) / name) for name in _PASSED_ON)
_OWN = str(Path(__file__).parents[1])


def process_names(children: Children) -> dict[Any, dict[str, Any]]:
    """By module or class, what replaces the names that start programs."""
    plain_popen: Any = subprocess.Popen.__init__
    plain_spawn: Any = multiprocessing.util.spawnv_passfds
    plain_system = os.system

    def popen(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        if options.get("env") is not None:
            options["env"] = children.environment(options["env"])
        plain_popen(self, args, *rest, **options)
        _note(children, self.pid, _program(args))

    def spawn(path: Any, args: Any, passed: Any) -> int:
        pid: int = plain_spawn(path, args, passed)
        _note(children, pid, os.fsdecode(path))
        return pid

    def system(command: Any) -> int:
        _note(children, None, _program(command))
        return plain_system(command)

    def posix_spawn(plain: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, argv: Any, env: Any, **options: Any) -> int:
            pid = plain(path, argv, children.environment(env), **options)
            _note(children, pid, os.fsdecode(path))
            return pid

        return call

    def replace(name: str) -> Callable[..., Any]:
        plain = getattr(os, name)

        def call(path: Any, argv: Any, *env: Any) -> Any:
            if not children.here:
                raise unsupported(
                    f"os.{name}",
                    "another program takes the place of the audited one, and there is no report",
                    "subprocess.run, or an audit of that program",
                )
            children.becomes(os.fsdecode(path))
            return plain(path, argv, *map(children.environment, env))

        return call

    plain_fork = os.fork

    def fork() -> int:
        pid = plain_fork()
        if pid:
            children.forked(pid)
        return pid

    changed: dict[str, Any] = {"fork": fork} | {name: replace(name) for name in ("execv", "execve")}
    for name in ("posix_spawn", "posix_spawnp"):
        if hasattr(os, name):
            changed[name] = posix_spawn(getattr(os, name))
    return {
        subprocess.Popen: {"__init__": popen},
        multiprocessing.util: {"spawnv_passfds": spawn},
        os: {"system": system, **changed},
    }


@contextmanager
def telling(children: Children) -> Iterator[None]:
    """Until the end of the context, new processes tell of themselves."""
    before = dict(os.environ)
    told = children.environment(before)
    changed = {name: value for name, value in told.items() if before.get(name) != value}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name in changed:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)
        children.close()


def _program(args: Any) -> str:
    """The program of an argument list, or of a shell's command line."""
    if isinstance(args, str | bytes | os.PathLike):
        words = os.fsdecode(args).split()
        return words[0] if words else ""
    return os.fsdecode(next(iter(args), ""))


def asker() -> Location:
    """The line that asks for what Python's modules about processes do."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*_STARTERS, _OWN)):
        frame = frame.f_back
    return Location(frame.f_code.co_filename, frame.f_lineno)


def _note(children: Children, pid: int | None, program: str) -> None:
    """Remember a program, unless Python or torch asks for it on its own behalf."""
    place = asker()
    if not (place.file.startswith(TORCH) or is_standard_library(place.file)):
        children.started(pid, program, place)
