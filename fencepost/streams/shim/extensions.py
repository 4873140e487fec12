"""Functions of C++ extensions, which reach the memory of tensors past every operator of torch.

A module that is linked with torch may do anything to a tensor that it is given, so its functions
are kernels like those of other libraries: with an emulation they are queued, and without one they
are refused for tensors of the device. Memory of the host that they are given is handed out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from types import BuiltinFunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import torch

from fencepost.streams.shim.emulation import REGISTERED, EmulatedKernel
from fencepost.streams.shim.errors import unknown_kernel
from fencepost.streams.shim.shapes import tensors_in
from fencepost.streams.shim.sites import TORCH

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

_LIBRARIES = (b"libtorch", b"libc10")
_METHODS = ("instancemethod", "builtin_function_or_method", "method_descriptor")


@contextmanager
def guarded(runtime: Runtime) -> Iterator[None]:
    """Until the end of the context, extensions that are there or are imported are guarded."""
    before: list[tuple[Any, str, Any]] = []
    load: Any = ExtensionFileLoader.exec_module

    def exec_module(self: Any, module: ModuleType) -> None:
        load(self, module)
        _guard(module, runtime, before)

    for module in list(sys.modules.values()):
        _guard(module, runtime, before)
    ExtensionFileLoader.exec_module = exec_module  # type: ignore[method-assign]
    try:
        yield
    finally:
        ExtensionFileLoader.exec_module = load  # type: ignore[method-assign]
        for owner, name, value in before:
            setattr(owner, name, value)


@cache
def uses_torch(file: str) -> bool:
    """Whether an extension module of others is linked with torch's libraries."""
    if file.startswith(TORCH) or not file.endswith(tuple(EXTENSION_SUFFIXES)):
        return False
    try:
        data = Path(file).read_bytes()
    except OSError:
        return False
    return any(name in data for name in _LIBRARIES)


def _guard(module: ModuleType, runtime: Runtime, before: list[tuple[Any, str, Any]]) -> None:
    if not uses_torch(getattr(module, "__file__", None) or ""):
        return
    for owner in (module, *_parts(module)):
        prefix = module.__name__
        if owner is not module:
            prefix += f".{owner.__name__}"
        for name, value in list(vars(owner).items()):
            if _is_function(name, value):
                setattr(owner, name, _checked(f"{prefix}.{name}", value, runtime))
                before.append((owner, name, value))


def _parts(module: ModuleType) -> list[Any]:
    """The classes of an extension, and the modules that it made inside itself."""
    parts = [value for value in vars(module).values() if isinstance(value, type | ModuleType)]
    return [
        part for part in parts if getattr(part, "__module__", module.__name__) == module.__name__
    ]


def _is_function(name: str, value: Any) -> bool:
    if name.startswith("__") and name not in ("__init__", "__call__"):
        return False
    return isinstance(value, BuiltinFunctionType) or type(value).__name__ in _METHODS


def _checked(name: str, plain: Any, runtime: Runtime) -> Callable[..., Any]:
    """A function of an extension that looks at the tensors it is given first."""

    @wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not runtime.here.busy:
            tensors: list[torch.Tensor] = []
            tensors_in([*args, *kwargs.values()], tensors)
            if any(map(runtime.on_device, tensors)):
                emulation = REGISTERED.get(name)
                if emulation is None:
                    raise unknown_kernel(name)
                return EmulatedKernel(emulation, runtime)(*args, **kwargs)
            for tensor in tensors:
                runtime.handed_out.give(tensor, f"{name}()")
        return plain(*args, **kwargs)

    return call
