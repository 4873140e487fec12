"""`fencepost new`: a commented model to start from, which checks as it stands."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path

import click

from fencepost.core.errors import InputError

EPILOG = """\b
Examples:
  fencepost new my_protocol            models/my_protocol.py and properties/my_protocol.py
  fencepost new drafts/my_protocol.py  one file that holds the model and its properties
"""


@click.command("new", epilog=EPILOG, short_help="Write a model to start from.")
@click.argument("model")
def command(model: str) -> int:
    """Write a starting file for a new MODEL, commented, that checks as it stands.

    A name inside a project becomes a model file and a property file; a path, or a name outside of
    any project, becomes one file that holds both. No file is ever overwritten.
    """
    from fencepost.project import find_project, is_path, shown_path
    from fencepost.starting_files import model_text, property_text, whole_text

    here = Path.cwd()
    project = find_project(here)
    name = Path(model).stem if is_path(model) else model
    _check_name(name, model)
    class_name = "".join(part.capitalize() for part in name.split("_"))
    if is_path(model) or project is None:
        file = (here / model).with_suffix(".py")
        files = {file: whole_text(class_name)}
    else:
        folder = ".".join(project.models.relative_to(project.root).parts)
        files = {
            project.models / f"{name}.py": model_text(class_name),
            project.properties / f"{name}.py": property_text(class_name, f"{folder}.{name}"),
        }
    for file in files:
        if file.exists():
            raise InputError(
                "F17",
                f"{shown_path(file)} exists already",
                why="a starting file replaces nothing",
                write="another name, or remove the file first",
            )
    for file, text in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise InputError(
                "F18",
                f"{shown_path(file)} cannot be written: {error.strerror or error}",
                why="a new model is a new file",
                write="another name: all before its last part are folders that can be written to",
            ) from error
        sys.stdout.write(f"wrote {shown_path(file)}\n")
    checked = name if len(files) > 1 else shown_path(next(iter(files)))
    sys.stdout.write(f"next: fencepost check {checked}\n")
    return 0


def _check_name(name: str, given: str) -> None:
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or name[0] == "_":
        raise InputError(
            "F15",
            f"{given!r} is no name for a model",
            why="a model is a Python module, found by the name of its file",
            write="a name of letters, digits and _ that starts with a letter, as in my_protocol",
        )
