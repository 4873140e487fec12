"""In a Python that an audited program started: CUDA is refused, and the refusal is told the audit.

Python imports `sitecustomize` by itself when it starts. The Python may be another one than that of
the audit, without fencepost, so this file needs the standard library only. As on the machine that
the audit plays, torch says that there is a device; using it raises.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import Any, NoReturn

RECORDS = "FENCEPOST_AUDIT_RECORDS"
"""The variable that names the file to which children append what they tell, a line of JSON each."""
TORCH = ("torch.cuda", "torch.accelerator")
MESSAGE = """{place}: error F230: a child process uses CUDA
  why:   what it does is not seen by the process that is audited
  write: its work in the audited process, or an audit of the child's own program"""

_path = os.environ.get(RECORDS, "")


def tell(path: str, **said: Any) -> None:
    """Append a record to the file of the audit; nothing happens once the audit is over."""
    import json

    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return
    try:
        os.write(file, (json.dumps(dict(said, pid=os.getpid())) + "\n").encode())
    finally:
        os.close(file)


def is_library(file: str) -> bool:
    """Whether a source file is Python's or torch's own."""
    torch, python = (str(sys.modules[name].__file__) for name in ("torch", "os"))
    if file.startswith((os.path.dirname(torch), "<", __file__)):
        return True
    return file.startswith(os.path.dirname(python)) and "site-packages" not in file


def place_of_use() -> tuple[str, int]:
    """The nearest line of the program: neither of torch nor of Python."""
    frame = nearest = sys._getframe(2)
    while is_library(frame.f_code.co_filename):
        if frame.f_back is None:
            frame = nearest
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def refuse(*_args: Any, **_options: Any) -> NoReturn:
    """Stands for whatever begins to use the device."""
    file, line = place_of_use()
    whole = file if file.startswith("<") else os.path.abspath(file)
    tell(_path, kind="cuda", file=whole, line=line)
    raise RuntimeError(MESSAGE.format(place=f"{file}:{line}"))


def answered(module: Any) -> None:
    """Give a module of torch the answers of a machine with one device, which may not be used."""
    module.is_available = lambda *_: True
    module.device_count = lambda *_: 1
    if module.__name__ == "torch.accelerator":
        torch: Any = sys.modules["torch"]
        module.current_accelerator = lambda *_args, **_options: torch.device("cuda")
        return
    parts: list[Any] = [part for name, part in sys.modules.items() if name.startswith("torch.cuda")]
    for part in parts:
        if hasattr(part, "_lazy_init"):
            part._lazy_init = refuse
    for made in (module.Stream, module.Event):
        made.__new__ = refuse


class Finder:
    """Finds those modules of torch as they would be found, and changes them once they are there."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The spec of another finder, with a loader that changes the module afterwards."""
        if fullname not in TORCH:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        loader: Any = spec.loader
        load = loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            answered(module)

        loader.exec_module = exec_module
        return spec


def run_next() -> None:
    """Leave the path, and run the `sitecustomize` that this one stands before."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    if _path:
        helps = any("multiprocessing.resource_tracker" in word for word in sys.orig_argv)
        tell(_path, kind="started", helps=helps)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: tell(_path, kind="forked"))
        sys.meta_path.insert(0, Finder())
    run_next()
