"""Loading a model file and its properties, each once and under one module name."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from fencepost import language
from fencepost.core.errors import InputError, Location
from fencepost.language import Model, PropertyDeclaration, hints
from fencepost.project import (
    Project,
    Source,
    all_model_files,
    find_project,
    is_path,
    model_file,
    shown_path,
)

MOST_BYTES = 4 << 20


def load_model(named: str, folder: Path) -> Source:
    """The model given by name or path, as seen from a folder."""
    here = find_project(folder)
    return _load_named(named, here, folder)


def load_models(names: Sequence[str], folder: Path, errors: list[InputError]) -> list[Source]:
    """The named models, or all of the project; those at fault are added to `errors` instead."""
    here = find_project(folder)
    named = list(dict.fromkeys(names)) or [str(file) for file in all_model_files(here)]
    sources: dict[Path, Source] = {}
    for name in named:
        try:
            source = _load_named(name, here, folder)
        except InputError as error:
            errors.append(error)
        else:
            sources.setdefault(source.file, source)
    return list(sources.values())


def _load_named(named: str, here: Project | None, folder: Path) -> Source:
    file = model_file(named, here, folder)
    project = find_project(file.parent) if is_path(named) and file.parent.is_dir() else here
    return load(file, project)


def load(file: Path, project: Project | None) -> Source:
    """The model in a file, with the properties beside it in the project."""
    inside = project is not None and project.owns(file)
    root = project.root if project is not None else file.parent
    _go_first(root)
    if project is not None and inside:
        module = _load_once(project.module_name(file), file, project.root)
    else:
        module = _load_once(f"model_file_{file.stem}", file, None)
    model = _only_model(module, file)
    found = dict.fromkeys(_properties(module))
    if project is not None and inside:
        for kind in model.__mro__:
            beside = _beside(kind, project)
            if beside is not None and beside.exists():
                name = project.module_name(beside)
                found |= dict.fromkeys(_properties(_load_once(name, beside, project.root)))
                break
    return Source(file.stem, file, project, model, tuple(found))


def _beside(kind: type, project: Project) -> Path | None:
    """Where the properties of a model are; those of its base count where it has no such file."""
    module = sys.modules.get(kind.__module__)
    file = Path(_file_of(module)) if module is not None else None
    if file is None or not issubclass(kind, Model) or not project.owns(file):
        return None
    return project.properties / file.name


def _go_first(folder: Path) -> None:
    """Put a folder first on the path, so that its files win over installed ones."""
    entry = str(folder)
    if sys.path[:1] != [entry]:
        sys.path[:] = [entry, *(kept for kept in sys.path if kept != entry)]


def _load_once(name: str, file: Path, root: Path | None, what: str = "model") -> ModuleType:
    known = sys.modules.get(name)
    if known is not None and _file_of(known) == str(file):
        return known
    code = compile_file(file, what)
    if root is not None:
        _make_packages(name, root)
    module = ModuleType(name)
    module.__file__ = str(file)
    module.__spec__ = ModuleSpec(name, None, origin=str(file))
    module.__package__ = name.rpartition(".")[0]
    linecache.checkcache(str(file))
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)  # noqa: S102  # loading a model is running its file
    except InputError:
        sys.modules.pop(name, None)
        raise
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise InputError(
            "F06",
            f"loading the file raises {type(error).__name__}: {_in_one_line(error)}",
            why=f"{_one(what)} is known by running its file",
            write=hints.of_loading(error, module.__dict__, _words())
            or "a file that `python` runs without an error",
            at=_where(error, file),
        ) from error
    return module


def _words() -> dict[str, dict[str, Any]]:
    """The names of each module that a model file imports from."""
    import fencepost
    from fencepost.language import components

    modules = (fencepost, language, components)
    return {m.__name__: {name: getattr(m, name) for name in m.__all__} for m in modules}


def load_adapter_module(file: Path, root: Path) -> ModuleType:
    """The module of an adapter, which may import what lies below a folder."""
    _go_first(root)
    return _load_once(f"adapter_file_{file.stem}", file, None, "adapter")


def _one(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def compile_file(file: Path, what: str = "model") -> Any:
    """The code of a Python file, or what keeps it from being one."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise InputError(
                "F04",
                f"{shown_path(file)} is larger than {MOST_BYTES >> 20} MiB",
                why=f"{_one(what)} is a short Python file",
                write=f"the path of {_one(what)} file",
            )
        source = file.read_bytes()
    except OSError as error:
        raise InputError(
            "F04",
            f"{shown_path(file)} cannot be read: {error.strerror or error}",
            why=f"{_one(what)} is a Python file",
            write="the path of a model file, or `fencepost new NAME` to start one"
            if what == "model"
            else f"the path of {_one(what)} file",
        ) from error
    try:
        return compile(source, str(file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            "F05",
            "this is not Python",
            why=getattr(error, "msg", None) or _in_one_line(error) or type(error).__name__,
            write="a Python file; `fencepost new NAME` writes one to start from",
            at=Location(str(file), getattr(error, "lineno", None) or 1),
        ) from error


def _file_of(module: ModuleType) -> str:
    return str(Path(getattr(module, "__file__", None) or "").resolve())


def _make_packages(name: str, root: Path) -> None:
    """Make the folders of a module importable as packages, whatever else has their names."""
    parts = name.split(".")[:-1]
    for depth in range(1, len(parts) + 1):
        package, folder = ".".join(parts[:depth]), root.joinpath(*parts[:depth])
        known = sys.modules.get(package)
        if known is not None and str(folder) in list(getattr(known, "__path__", [])):
            continue
        for stale in [m for m in sys.modules if m == package or m.startswith(f"{package}.")]:
            del sys.modules[stale]
        module = ModuleType(package)
        module.__path__ = [str(folder)]
        module.__spec__ = ModuleSpec(package, None, is_package=True)
        module.__spec__.submodule_search_locations = module.__path__
        sys.modules[package] = module


def _only_model(module: ModuleType, file: Path) -> type[Model]:
    models = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Model)
        and value is not Model
        and value.__module__ == module.__name__
    ]
    models = list(dict.fromkeys(models))
    if not models:
        raise InputError(
            "F07",
            "the file holds no model",
            why="a model is a subclass of Model defined in this file",
            write="`class MyProtocol(Model):`; `fencepost new NAME` writes a file to start from",
            at=Location(str(file), 1),
        )
    if len(models) > 1:
        raise InputError(
            "F08",
            f"the file holds {len(models)} models: {', '.join(m.__name__ for m in models)}",
            why="a model is named after its file, so a file holds one",
            write="each of them into a file of its own",
            at=Location(str(file), _line_of(models[1], file)),
        )
    return models[0]


def _line_of(model: type, file: Path) -> int:
    for number, line in enumerate(linecache.getlines(str(file)), start=1):
        if line.lstrip().startswith(f"class {model.__name__}"):
            return number
    return 1


def _properties(module: ModuleType) -> Iterator[PropertyDeclaration]:
    """The properties declared in a module, in source order."""
    return (v for v in vars(module).values() if isinstance(v, PropertyDeclaration))


def _where(error: BaseException, file: Path) -> Location:
    """The last line of the file itself that was running when it failed."""
    if isinstance(error, SyntaxError) and error.filename:
        return Location(error.filename, error.lineno or 1)
    line = 1
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(file) and frame.lineno:
            line = frame.lineno
    return Location(str(file), line)


def _in_one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    # Where Python is installed says nothing about what is missing.
    return re.sub(r" \([^()]*\.py\)$", "", text) if isinstance(error, ImportError) else text
