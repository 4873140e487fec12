"""Modules that cannot be imported without a GPU, replaced by stubs: classes exist, functions raise.

An *adapter* is a Python file that says which modules those are, for one package under audit:

```python
STUBS = ("triton", "sgl_kernel")                      # with everything below them
KEPT = ("package.layers.accessor",)                   # real modules inside stubbed packages
DECORATORS = ("triton.jit", "triton.autotune")        # what makes a kernel of a function
PROVIDED = {"triton.cdiv": lambda a, b: -(-a // b)}   # host functions that are really needed

@emulates("sgl_kernel.kvcacheio.transfer_kv_per_layer", reads=[...], writes=[...])
def transfer(...): ...
```
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from fencepost.core.errors import InputError
from fencepost.streams.shim.emulation import REGISTERED, EmulatedKernel
from fencepost.streams.shim.in_kernel import refusal, text_of

ADAPTERS = Path(__file__).parents[1] / "adapters"


@dataclass(frozen=True)
class Adapter:
    """What one package under audit needs."""

    stubs: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    provided: dict[str, Any] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def covers(self, module: str) -> bool:
        """Whether a module is to be a stub."""
        if module in self.kept:
            return False
        return any(module == name or module.startswith(f"{name}.") for name in self.stubs)


def load_adapter(named: str) -> Adapter:
    """The adapter of a file, or of the name of one that comes with fencepost.

    Raises `InputError` F223 where there is none.
    """
    file = Path(named)
    if not named.endswith(".py"):
        file = ADAPTERS / f"{named}.py"
    if not file.is_file():
        known = sorted(f.stem for f in ADAPTERS.glob("*.py") if f.stem != "__init__")
        raise InputError(
            "F223",
            f"there is no adapter {named!r}",
            why="an adapter is a Python file, or one of fencepost's own by name",
            write=f"the path of a file, or one of {', '.join(known)}",
        )
    said = runpy.run_path(str(file))
    return Adapter(
        tuple(said.get("STUBS", ())),
        tuple(said.get("DECORATORS", ())),
        dict(said.get("PROVIDED", {})),
        tuple(said.get("KEPT", ())),
    )


class StubClass(type):
    """The class of stub classes: any attribute of one is another stub."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StubFunction(f"{cls.__module__}.{cls.__name__}.{name}")

    def __getitem__(cls, _item: Any) -> Any:
        return cls


class StubFunction:
    """A function, constant or kernel of a stubbed module: it may be named, and raises if called."""

    def __init__(self, name: str, function: Callable[..., Any] | None = None) -> None:
        self._name = name
        self._function = function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StubFunction(f"{self._name}.{name}")

    def __getitem__(self, _item: Any) -> Any:
        return self

    def __or__(self, _other: Any) -> Any:
        return self

    __ror__ = __or__

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise refusal(self._name, text_of(self._function))

    def __mro_entries__(self, _bases: Any) -> tuple[type, ...]:
        return ()

    def __repr__(self) -> str:
        return f"<stub {self._name}>"


class StubDecorator(StubFunction):
    """A decorator that makes a kernel of a function, with or without arguments of its own."""

    def __init__(self, name: str, kernel: Callable[..., Any]) -> None:
        super().__init__(name)
        self._kernel = kernel

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]):
            made = args[0]
            if isinstance(made, StubFunction | EmulatedKernel):  # decorated twice
                return made
            return self._kernel(f"{made.__module__}.{made.__qualname__}", made)
        return self


class StubModule(ModuleType):
    """A module in which every name exists."""

    _resolve: Callable[[str], Any]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._resolve(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class Stubs(MetaPathFinder, Loader):
    """Finds the stubbed modules of some adapters before anything else does."""

    def __init__(self, adapters: Sequence[Adapter], runtime: Any) -> None:
        self.adapters = adapters
        self.runtime = runtime

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """A stub for a module that an adapter names."""
        del target
        if not any(adapter.covers(fullname) for adapter in self.adapters):
            return None
        spec = ModuleSpec(fullname, self, is_package=True)
        # A module that is kept is found below its stubbed package.
        last = fullname.rpartition(".")[2]
        spec.submodule_search_locations = [f"{folder}/{last}" for folder in path or ()]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The stub."""
        module = StubModule(spec.name)
        module._resolve = self.resolve
        return module

    def exec_module(self, module: ModuleType) -> None:
        """A stub has nothing to run."""
        module.__version__ = "0"  # type: ignore[attr-defined]

    def resolve(self, name: str) -> Any:
        """What a name of a stubbed module stands for."""
        for adapter in self.adapters:
            if name in adapter.kept:
                return import_module(name)
            if name in adapter.provided:
                return adapter.provided[name]
            if name in adapter.decorators:
                return StubDecorator(name, self.kernel)
        last = name.rpartition(".")[2]
        if last[:1].isupper() and name not in REGISTERED:
            return StubClass(last, (), {"__module__": name.rpartition(".")[0]})
        return self.kernel(name)

    def kernel(self, name: str, function: Callable[..., Any] | None = None) -> Any:
        """An emulated kernel, or a stub that raises when it is launched.

        `function` is what the kernel is compiled from, where that is Python.
        """
        found = REGISTERED.get(name)
        return (
            StubFunction(name, function) if found is None else EmulatedKernel(found, self.runtime)
        )


@contextmanager
def stubbed(adapters: Sequence[Adapter], runtime: Any) -> Iterator[None]:
    """Stubs are imported in place of the modules, until the end of the context."""
    finder = Stubs(adapters, runtime)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n, m in sys.modules.items() if isinstance(m, StubModule)]:
            del sys.modules[name]
