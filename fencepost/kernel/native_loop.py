"""The search loop as machine code: from the cache, or compiled by numba.

Only the object file is kept, so a run that finds it needs llvmlite and not numba, which takes a
quarter of a second to import.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from fencepost.kernel import code_cache
from fencepost.kernel.machine_code import Code, load_object, object_code

SOURCES = (
    "control.py",
    "edges.py",
    "loop.py",
    "machine_code.py",
    "native_loop.py",
    "raw_memory.py",
    "slots.py",
    "sweeps.py",
    "table.py",
)
ENTRY = "fencepost_run"


class LoopFailed(Exception):
    """The compiled loop reports an exception, which it never raises: an error in this package."""


@cache
def native_loop() -> Callable[[int], int]:
    """The function that does what the control block at an address asks for."""
    return bind(machine_code_of_loop())


def bind(code: Code) -> Callable[[int], int]:
    """The loop as a function of the address of its control block."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    function = kind(code.address(ENTRY))
    result = ctypes.c_int64()
    problem = ctypes.c_void_p()

    def run(block: int, _alive: Code = code) -> int:
        if function(ctypes.byref(result), ctypes.byref(problem), block) != 0:
            raise LoopFailed
        return result.value

    return run


def machine_code_of_loop() -> Code:
    """The loaded loop."""
    return kept_or_made(cache_key(), loop_as_text)


def kept_or_made(key: str, text: Callable[[], str]) -> Code:
    """Loaded machine code; what the cache holds is used if it is sound."""
    kept = code_cache.fetch(key)
    if kept is None:
        kept = object_code(text())
        code_cache.store(key, kept)
    return load_object(kept)


def cache_key(kind: str = "loop", sources: tuple[str, ...] = SOURCES) -> str:
    """A name that changes with everything the machine code depends on."""
    digest = hashlib.sha256()
    for name in sources:
        digest.update(Path(__file__).with_name(name).read_bytes())
    for part in (
        importlib.metadata.version("numba"),
        llvmlite.__version__,
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    ):
        digest.update(part.encode() + b"\0")
    return f"{kind}-{digest.hexdigest()[:32]}.o"


def loop_as_text() -> str:
    """The loop as an LLVM module."""
    from fencepost.kernel import loop

    return as_text(loop.run)


def as_text(function: Callable[[int], int]) -> str:
    """A function `run` as an LLVM module, optimised by numba; it is named `ENTRY` there."""
    from numba import njit

    module = function.__module__.rpartition(".")[2]
    compiled = njit(
        "int64(int64)", error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)
    text: str = compiled.inspect_llvm(compiled.signatures[0])
    name = rf"^define [^@\n]*@(\"?[\w.$]*{module}3run[\w.$]*\"?)\("
    found = re.search(name, text, re.MULTILINE)
    if found is None:
        raise AssertionError("numba names its functions in a new way")
    return text.replace(found[1], ENTRY)
