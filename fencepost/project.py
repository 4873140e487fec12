"""The project a person works in: its folders, and the model files found by name or path."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from fencepost.core.errors import InputError, Location

if TYPE_CHECKING:
    from fencepost.language import Model, PropertyDeclaration

SETTINGS = ("models", "properties", "adapters")


@dataclass(frozen=True)
class Project:
    """A folder whose `pyproject.toml` has `[tool.fencepost]`, with the folders it names."""

    root: Path
    models: Path
    properties: Path
    adapters: Path

    def model_files(self) -> tuple[Path, ...]:
        """The model files in alphabetical order; names that start with `_` are no models."""
        if not self.models.is_dir():
            return ()
        files = self.models.glob("*.py")
        return tuple(sorted(f for f in files if not f.name.startswith("_")))

    def owns(self, file: Path) -> bool:
        """Whether a file is one of the project's models."""
        return file.parent == self.models

    def module_name(self, file: Path) -> str:
        """The one name under which a file of the project is loaded."""
        return ".".join(file.relative_to(self.root).with_suffix("").parts)


def find_project(start: Path) -> Project | None:
    """The project that a folder lies in, if any."""
    start = start.resolve()
    for folder in (start, *start.parents):
        settings = _settings(folder / "pyproject.toml")
        if settings is not None:
            return Project(folder, *(folder / settings[name] for name in SETTINGS))
    return None


def _settings(file: Path) -> Mapping[str, str] | None:
    if not file.is_file():
        return None
    at = Location(str(file), 1)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "F02",
            "the project file cannot be read",
            why=" ".join(str(error).split()),
            write="a TOML file with a table [tool.fencepost]",
            at=at,
        ) from error
    tool = content.get("tool", {})
    table = tool.get("fencepost") if isinstance(tool, dict) else None
    if table is None:
        return None
    example = '[tool.fencepost] with models = "models" and properties = "properties"'
    if not isinstance(table, dict):
        raise InputError(
            "F02", "tool.fencepost is no table", why="it names folders", write=example, at=at
        )
    for key, value in table.items():
        if key not in SETTINGS:
            raise InputError(
                "F02",
                f"[tool.fencepost] has no setting {key!r}{nearest(key, SETTINGS)}",
                why="an unknown setting would be ignored silently",
                write=example,
                at=at,
            )
        if not isinstance(value, str) or Path(value).is_absolute() or ".." in Path(value).parts:
            raise InputError(
                "F02",
                f"{key} = {value!r} names no folder of the project",
                why="it is a path below the project file",
                write=example,
                at=at,
            )
    return {**{name: name for name in SETTINGS}, **table}


def shown_path(file: str | Path) -> str:
    """A path as it is shown: relative to the current folder where it lies below it."""
    try:
        return Path(file).relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(file)


def with_shown_paths(text: str) -> str:
    """A text in which paths below the current folder are shown relative to it."""
    try:
        return text.replace(f"{Path.cwd()}/", "")
    except OSError:
        return text


def nearest(name: str, known: Iterable[str]) -> str:
    """What to add to a message about an unknown name: ` (did you mean ...?)`, or nothing."""
    close = get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def is_path(named: str) -> bool:
    """Whether a model is named by its file rather than by its name."""
    return named.endswith(".py") or "/" in named or "\\" in named


def model_file(named: str, project: Project | None, folder: Path) -> Path:
    """The file of a model given by name inside a project, or by path anywhere."""
    if is_path(named):
        return (folder / named).resolve()
    if project is None:
        raise InputError(
            "F03",
            f"there is no project here to find the model {named!r} in",
            why="neither this folder nor one above it has a pyproject.toml with [tool.fencepost]",
            write=f"the path of its file, as in `{named}.py`",
        )
    known = {file.stem: file for file in project.model_files()}
    if named not in known:
        raise InputError(
            "F09",
            f"there is no model {named!r}{nearest(named, known)}",
            why=f"the models in {project.models.name}/ are: {', '.join(known) or 'none'}",
            write="one of these names, or the path of a file",
        )
    return known[named]


def all_model_files(project: Project | None) -> tuple[Path, ...]:
    """Every model of the project; that there is none is an error."""
    files = () if project is None else project.model_files()
    if not files:
        missing = (
            "neither this folder nor one above it has a pyproject.toml with [tool.fencepost]"
            if project is None
            else f"{shown_path(project.models)} holds no model file"
        )
        raise InputError(
            "F03",
            "there is nothing to check",
            why=missing,
            write="`fencepost new NAME` to start a model, or name the file of one",
        )
    return files


@dataclass(frozen=True)
class Source:
    """A model as loaded: its class and its property functions, with where they come from."""

    name: str
    file: Path
    project: Project | None
    model: type[Model]
    properties: tuple[PropertyDeclaration, ...]

    @property
    def shown_path(self) -> str:
        """The file relative to the project, or whole."""
        if self.project is not None and self.file.is_relative_to(self.project.root):
            return self.file.relative_to(self.project.root).as_posix()
        return str(self.file)
