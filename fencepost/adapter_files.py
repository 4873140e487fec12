"""Adapters of a project: found by the name of their model or by path, each loaded once."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

from fencepost.core.errors import InputError, Location
from fencepost.engines.conform import Adapter
from fencepost.loading import load_adapter_module
from fencepost.project import Project, Source, find_project, nearest, shown_path


@dataclass(frozen=True)
class AdapterFile:
    """An adapter as loaded, with where it is written."""

    file: Path
    adapter: type[Adapter]
    project: Project | None

    @property
    def is_default(self) -> bool:
        """Whether it is found by the name of its model alone."""
        return self.project is not None and self.file.parent == self.project.adapters

    @property
    def shown_path(self) -> str:
        """The file relative to the project, or whole."""
        if self.project is not None and self.file.is_relative_to(self.project.root):
            return self.file.relative_to(self.project.root).as_posix()
        return str(self.file)

    @property
    def at(self) -> Location:
        """The line where the adapter begins."""
        try:
            line = inspect.getsourcelines(self.adapter)[1]
        except (OSError, TypeError):
            line = 1
        return Location(str(self.file), line)


def load_adapter(source: Source, named: str | None, folder: Path) -> AdapterFile:
    """The adapter of a model: that of its name in the project's folder, or the file named."""
    if named is not None:
        return _load((folder / named).resolve(), source.project or find_project(folder))
    project = source.project
    if project is None:
        raise InputError(
            "F250",
            f"there is no project to find an adapter of {source.name} in",
            why="the adapters of a project lie in the folder that its setting `adapters` names",
            write=f"the path of a file with one: `fencepost conform {source.name} ADAPTER.py`",
        )
    file = project.adapters / f"{source.name}.py"
    if not file.is_file():
        known = [found.stem for found in adapter_files(project)]
        lies = ", ".join(known) or "none"
        raise InputError(
            "F250",
            f"{shown_path(file)} is not there{nearest(source.name, known)}",
            why="the adapter of a model is named after the model's file; there are adapters of "
            f"{lies}",
            write=f"a class `{source.model.__name__}Adapter(fencepost.Adapter)` in that file, or "
            "the path of another",
        )
    return _load(file, project)


def adapter_files(project: Project) -> tuple[Path, ...]:
    """The adapters of a project in alphabetical order; names that start with `_` are none."""
    if not project.adapters.is_dir():
        return ()
    files = project.adapters.glob("*.py")
    return tuple(sorted(file for file in files if not file.name.startswith("_")))


def all_adapter_files(folder: Path) -> tuple[Path, ...]:
    """Every adapter of the project around a folder; that there is none is an error."""
    project = find_project(folder)
    files = () if project is None else adapter_files(project)
    if not files:
        missing = (
            "neither this folder nor one above it has a pyproject.toml with [tool.fencepost]"
            if project is None
            else f"{shown_path(project.adapters)} holds no adapter"
        )
        raise InputError(
            "F250",
            "there is nothing to drive",
            why=missing,
            write="an adapter in the folder that [tool.fencepost] adapters names",
        )
    return files


def _load(file: Path, project: Project | None) -> AdapterFile:
    module = load_adapter_module(file, file.parent if project is None else project.root)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Adapter)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
        and not value.__name__.startswith("_")
    ]
    found = list(dict.fromkeys(found))
    if len(found) != 1:
        named = ", ".join(kind.__name__ for kind in found)
        raise InputError(
            "F251",
            f"the file holds {len(found)} adapters: {named}"
            if found
            else "the file holds no adapter",
            why="one file drives one implementation, by a class that has `perform` and `observe`",
            write="one subclass of fencepost.Adapter with both; names that start with _ are none",
            at=Location(str(file), 1),
        )
    return AdapterFile(file, found[0], project)
