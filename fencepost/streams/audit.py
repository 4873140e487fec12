"""A program run whole on the virtual device, as `fencepost audit` does."""

from __future__ import annotations

import os
import runpy
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fencepost.core.errors import InputError
from fencepost.streams.ending import Ending
from fencepost.streams.findings import Audit
from fencepost.streams.virtual import require_torch, virtual_cuda

if TYPE_CHECKING:
    from fencepost.streams.shim.session import VirtualDevice

ORDERED, FINDINGS, PROGRAM_FAILED = 0, 1, 2
INTERRUPTED = 130


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


@dataclass(frozen=True)
class _Ended:
    """The exit status that Python would give a program, and what is to be said of it."""

    status: int = 0
    text: str = ""
    problem: str = ""


def audit_program(
    *,
    script: str | None,
    module: str | None = None,
    arguments: Sequence[str] = (),
    adapters: Sequence[str] = (),
    policy: str = "in-order",
    seed: int = 0,
    leaving: Callable[[Audited], object] | None = None,
) -> Audited:
    """Run a script or a module as the main program, and find what nothing orders.

    Its threads are waited for, and what it registered with `atexit` runs, before the audit ends. A
    child process that a fork made of it ends here, with the exit status that Python would give it.
    `leaving` is told what was found where the program ends the process by `os._exit`, which then
    ends with the exit code of the audit.
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
    process = os.getpid()
    kept = sys.argv[:], sys.path[:]
    name = script if script is not None else str(module)
    sys.argv[:] = [name, *arguments]
    sys.path[0:0] = [str(Path(script).resolve().parent) if script is not None else ""]
    try:
        with virtual_cuda(policy=policy, seed=seed, adapters=adapters) as device:

            def left(status: int) -> None:
                ended = _Ended(status, problem=_exit_status(status))
                device.close()
                audited = _audited(device, ended, ending)
                if leaving is not None:
                    leaving(audited)
                    real_exit(audited.exit_code)

            real_exit, ending = os._exit, Ending(left)
            with ending.watching(), _hooks():
                ended = _ended(device, script, module, ending)
            if os.getpid() != process:
                _leave(ended)
            return _audited(device, ended, ending)
    finally:
        sys.argv[:], sys.path[:] = kept


def _audited(device: VirtualDevice, ended: _Ended, ending: Ending) -> Audited:
    """What was found, once nothing more can happen on the device."""
    for name in ending.cut_off:
        device.note_unseen(
            f"the daemon thread {name} was cut off at the end; what it had yet to do was not seen"
        )
    problem = ended.text + ended.problem
    for name, error in device.failures:
        problem += (
            f"{_told(error)}the thread {name} ended with an exception; what it had yet to do was "
            "not seen\n"
        )
    for name in ending.failed:
        problem += f"the function {name}, registered with atexit, ended with an exception\n"
    problem += "".join(f"{error}\n" for error in device.refused)
    problem += "".join(
        f"{_told(error)}a kernel failed that ran after the last line of the program\n"
        for error in _failures_of_kernels(device)
    )
    return Audited(problem, device.audit())


def _failures_of_kernels(device: VirtualDevice) -> Iterator[Exception]:
    """What kernels raise that the program left in the queues."""
    while True:
        try:
            device.run_all()
        except Exception as error:  # noqa: BLE001  # the others run
            yield error
        else:
            return


def _ended(device: VirtualDevice, script: str | None, module: str | None, ending: Ending) -> _Ended:
    """Run the program to its end, and say how it ended.

    Its variables are there until nothing of it runs any more; what is then still alive is not
    freed.
    """
    kept: list[object] = []
    with _main_of_program():
        ended = _run(script, module, kept)
        try:
            ending.finish()
        except KeyboardInterrupt:
            return _Ended(INTERRUPTED, ended.text, "the program was interrupted\n")
        finally:
            device.close()
    return ended


@contextmanager
def _main_of_program() -> Iterator[None]:
    """The program that is run in it is `__main__` to its end.

    What runs after its last line may look up its classes there, as `pickle` does.
    """
    running: Any = runpy
    plain, before = running._TempModule, sys.modules["__main__"]  # noqa: SLF001  # puts it there

    def staying(name: str) -> Any:
        running._TempModule = plain  # noqa: SLF001  # what the program itself runs is another
        made = plain(name)
        made._saved_module.append(made.module)  # noqa: SLF001  # what is put back in the end
        return made

    running._TempModule = staying  # noqa: SLF001
    try:
        yield
    finally:
        running._TempModule = plain  # noqa: SLF001
        sys.modules["__main__"] = before


def _run(script: str | None, module: str | None, kept: list[object]) -> _Ended:
    """Run the program up to the end of its main thread, and say how it failed if it did.

    `kept` is given what holds its variables.
    """
    try:
        if script is not None:
            kept.append(runpy.run_path(script, run_name="__main__"))
        else:
            kept.append(runpy.run_module(str(module), run_name="__main__", alter_sys=True))
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  # the program's own
        kept.append(error)
        return _failed(error)
    return _Ended()


def _failed(error: BaseException) -> _Ended:
    """How a program ended that an exception ended."""
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return _Ended(error.code or 0, problem=_exit_status(error.code or 0))
        return _Ended(1, f"{error.code}\n", _exit_status(1))
    if isinstance(error, InputError):
        return _Ended(1, _told(error), "the program ended there\n")
    if isinstance(error, KeyboardInterrupt):
        return _Ended(INTERRUPTED, problem="the program was interrupted\n")
    return _Ended(1, _told(error), _exit_status(1))


def _exit_status(status: int) -> str:
    return f"the program ended with exit status {status}\n" if status else ""


def _leave(ended: _Ended) -> None:
    """End a child process that came to the end of the program; the report is its parent's."""
    sys.stderr.write(ended.text)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # nobody may be left to read it
            stream.flush()
    os._exit(ended.status & 0xFF)


@contextmanager
def _hooks() -> Iterator[None]:
    """Errors of fencepost that end a thread are told once, with the report."""
    plain = threading.excepthook

    def hook(args: Any) -> None:
        if not isinstance(args.exc_value, InputError):
            plain(args)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = plain


def _told(error: BaseException) -> str:
    """The traceback of the program, without the frames of what ran it.

    An error of fencepost is about a line of the program, so torch's frames on the way to it are
    left out, too.
    """
    torch = find_spec("torch")
    libraries = tuple(torch.submodule_search_locations or ()) if torch is not None else ()
    own = isinstance(error, InputError)
    left_out = (str(Path(__file__).parent), "<frozen", *(libraries if own else ()))
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith(left_out)]
    shown = "".join(traceback.format_list(theirs))
    said = f"{error}\n" if own else "".join(traceback.format_exception_only(error))
    return f"Traceback (most recent call last):\n{shown}{said}" if theirs else said
