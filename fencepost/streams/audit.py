"""A program run whole on the virtual device, as `fencepost audit` does."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fencepost.core.errors import InputError
from fencepost.streams.findings import Audit
from fencepost.streams.virtual import require_torch, virtual_cuda

ORDERED, FINDINGS, PROGRAM_FAILED = 0, 1, 2


@dataclass(frozen=True)
class Audited:
    """How a program ended, and what was found on the way.

    `problem` says how the program failed, and is empty if it did not.
    """

    problem: str
    audit: Audit

    @property
    def exit_code(self) -> int:
        """0 if everything that conflicts is ordered, 1 for findings, 2 if the program failed."""
        if self.problem:
            return PROGRAM_FAILED
        return ORDERED if self.audit.clean else FINDINGS


def audit_program(
    *,
    script: str | None,
    module: str | None = None,
    arguments: Sequence[str] = (),
    adapters: Sequence[str] = (),
    policy: str = "in-order",
    seed: int = 0,
) -> Audited:
    """Run a script or a module as the main program, and find what nothing orders.

    Raises `InputError` F224 without torch, F223 for an adapter and F225 for a script that is not
    there; errors of the program itself are part of what is returned.
    """
    require_torch()
    if script is not None and not Path(script).is_file():
        raise InputError(
            "F225",
            f"there is no script {script}",
            why="an audit runs a program",
            write="the path of a Python file, or `-m` and the name of a module",
        )
    kept = sys.argv[:], sys.path[:]
    name = script if script is not None else str(module)
    sys.argv[:] = [name, *arguments]
    sys.path[0:0] = [str(Path(script).resolve().parent) if script is not None else ""]
    try:
        with virtual_cuda(policy=policy, seed=seed, adapters=adapters) as device:
            problem = _run(script, module, device.end)
            audit = device.audit()
    finally:
        sys.argv[:], sys.path[:] = kept
    return Audited(problem, audit)


def _run(script: str | None, module: str | None, ended: Callable[[], object]) -> str:
    """Run the program, and say how it failed if it did.

    `ended` is called when it has, while its variables are still there.
    """
    try:
        try:
            if script is not None:
                kept = runpy.run_path(script, run_name="__main__")
            else:
                kept = runpy.run_module(str(module), run_name="__main__", alter_sys=True)
        finally:
            ended()
        del kept
    except SystemExit as stop:
        if stop.code in (None, 0):
            return ""
        if isinstance(stop.code, int):
            return f"the program ended with exit status {stop.code}\n"
        return f"{stop.code}\nthe program ended with exit status 1\n"
    except InputError as error:
        return f"{_last_frames(error)}{error}\nthe program ended there\n"
    except KeyboardInterrupt:
        return "the program was interrupted\n"
    except Exception as error:  # noqa: BLE001  # whatever the program raises is its own
        return f"{_last_frames(error)}the program ended with exit status 1\n"
    return ""


def _last_frames(error: BaseException) -> str:
    """The traceback of the program, without the frames of what ran it."""
    own = str(Path(__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith((own, "<frozen"))]
    told = "".join(traceback.format_list(theirs))
    said = "" if isinstance(error, InputError) else "".join(traceback.format_exception_only(error))
    return f"Traceback (most recent call last):\n{told}{said}" if theirs else said
