"""Child processes of an audited program: what they did on CUDA, and which nobody looked into.

Each child appends what it has to tell to one file: a forked one by itself, a new Python by the
`sitecustomize` that its environment makes it run. A child that does not use CUDA tells only that it
is there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import weakref
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from fencepost.core.errors import InputError, Location
from fencepost.streams.in_child.sitecustomize import RECORDS, tell
from fencepost.streams.shim.sites import site

IN_CHILD = str(Path(__file__).parents[1] / "in_child")
USES = "a child process uses CUDA"
_AUDITED: weakref.WeakSet[Children] = weakref.WeakSet()


class Children:
    """The child processes of one session.

    `here` is whether this process is such a child, made by a fork.
    """

    def __init__(self) -> None:
        handle, self._path = tempfile.mkstemp(prefix="fencepost-")
        os.close(handle)
        self.here = False
        self._programs: list[tuple[int | None, str, Location]] = []
        self._forked: set[int] = set()
        self._said: list[dict[str, Any]] | None = None
        _AUDITED.add(self)

    def environment(self, given: Any) -> dict[str, str]:
        """An environment in which a Python tells of itself."""
        path = given.get("PYTHONPATH", "")
        folders = [IN_CHILD, *(f for f in path.split(os.pathsep) if f and f != IN_CHILD)]
        return {**given, RECORDS: self._path, "PYTHONPATH": os.pathsep.join(folders)}

    def started(self, pid: int | None, program: str, place: Location) -> None:
        """The program started another, which may be no Python; None for a pid nobody knows."""
        self._programs.append((pid, Path(program).name, place))

    def forked(self, pid: int) -> None:
        """A fork made a child, which may not have come to tell of itself yet."""
        self._forked.add(pid)

    @property
    def any(self) -> bool:
        """Whether there is or was a child process."""
        return bool(self._forked or self._programs)

    def becomes(self, program: str) -> None:
        """A program takes the place of this process, which was forked."""
        place = site()
        self.tell(kind="becomes", program=Path(program).name, file=place.file, line=place.line)

    def tell(self, **said: Any) -> None:
        """Append a record; nothing happens once the audit is over."""
        tell(self._path, **said)

    def refuse(self, what: str = USES, at: Location | None = None) -> NoReturn:
        """Tell the audit of a use of CUDA by a child, and raise `InputError` F230."""
        place = at or site()
        self.tell(kind="cuda", what=what, file=place.file, line=place.line)
        raise used_cuda(place, what)

    def uses(self) -> list[InputError]:
        """An error for each place at which a child used CUDA."""
        used = {
            (Location(said["file"], said["line"]), said.get("what", USES))
            for said in self._records()
            if said["kind"] == "cuda"
        }
        return [used_cuda(place, what) for place, what in sorted(used)]

    def unseen(self) -> list[str]:
        """What children did that nobody saw, as sentences."""
        pythons = {said["pid"] for said in self._records() if said["kind"] == "started"}
        programs = self._programs + [
            (said["pid"], said["program"], Location(said["file"], said["line"]))
            for said in self._records()
            if said["kind"] == "becomes"
        ]
        unknown = Counter((name, at) for pid, name, at in programs if pid not in pythons)
        told = [
            f"the program {name} was started at {place}; what it does on CUDA is not seen"
            for name, place in unknown
        ]
        left = sum(_is_running(pid) for pid in self._watched())
        if left:
            several = f"{left} child processes were" if left > 1 else "a child process was"
            told.append(f"{several} still running at the end; what came then is not seen")
        return told

    def close(self) -> None:
        """Nobody is listened to any more."""
        if self.here:
            return
        self._said = self._records()
        _AUDITED.discard(self)
        Path(self._path).unlink(missing_ok=True)

    def _watched(self) -> set[int]:
        told = [s for s in self._records() if s["kind"] in ("forked", "started")]
        helping = {said["pid"] for said in told if said.get("helps")}
        return self._forked | {said["pid"] for said in told} - helping

    def _records(self) -> list[dict[str, Any]]:
        if self._said is not None:
            return self._said
        text = Path(self._path).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def used_cuda(place: Location, what: str = USES) -> InputError:
    """A child process used CUDA, or is given what it may only use with CUDA."""
    return InputError(
        "F230",
        what,
        why="what it does is not seen by the process that is audited",
        write="its work in the audited process, or an audit of the child's own program",
        at=place,
    )


def _is_running(pid: int) -> bool:
    try:
        if sys.platform != "darwin":
            how = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, pid, how) is None
    except ChildProcessError:  # nobody's any more, or the child of a child
        pass
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _after_fork() -> None:
    for children in list(_AUDITED):
        children.here = True
        children.tell(kind="forked")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
