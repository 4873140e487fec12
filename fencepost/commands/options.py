"""Options that several commands share, and their values as the package wants them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from fencepost.core.errors import InputError
from fencepost.report.standard_streams import is_closed

MOST = 1 << 62
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
Command = TypeVar("Command", bound=Callable[..., Any])


def set_option(command: Command) -> Command:
    """`--set NAME=VALUE`, as often as there are parameters."""
    return click.option(
        "--set",
        "sizes",
        multiple=True,
        metavar="NAME=VALUE",
        help="Give a parameter another size; may be repeated.",
    )(command)


def limit_options(command: Command) -> Command:
    """`--max-states`, `--timeout` and `--max-memory`, each for one search."""
    for decorate in (
        click.option(
            "--max-memory",
            metavar="SIZE",
            help="End a search at this much memory, as in 4G (default: 3/4 of the machine).",
        ),
        click.option(
            "--timeout", metavar="SECONDS", help="End the search of a design after this long."
        ),
        click.option(
            "--max-states", metavar="COUNT", help="End the search of a design at this many states."
        ),
    ):
        command = decorate(command)
    return command


def parse_sizes(given: Sequence[str]) -> dict[str, int]:
    """The values of `--set`; whether a parameter exists is for the model to say."""
    sizes: dict[str, int] = {}
    for text in given:
        name, sign, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not sign or not name.isidentifier() or not re.fullmatch(r"[+-]?[0-9]{1,18}", value):
            raise InputError(
                "F13",
                f"--set {text!r} gives no parameter an integer",
                why="a parameter is a size or a switch",
                write="`--set requests=3`",
            )
        if name in sizes and sizes[name] != int(value):
            raise InputError(
                "F13",
                f"--set gives {name} both {sizes[name]} and {int(value)}",
                why="one run has one size for each parameter",
                write="one of the two",
            )
        sizes[name] = int(value)
    return sizes


def parse_count(option: str, text: str | None, least: int = 1) -> int | None:
    """A whole number such as 100000 or 100_000."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9_]{1,24}", text) and text.strip("_") and least <= int(text) <= MOST:
        return int(text)
    raise _bad_limit(option, text, f"a whole number of at least {least}", f"`{option} 1000000`")


def parse_seconds(option: str, text: str | None) -> float | None:
    """A positive number of seconds."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) and float(text) > 0:
        return float(text)
    raise _bad_limit(option, text, "a positive number of seconds", f"`{option} 60`")


def parse_memory(option: str, text: str | None) -> int | None:
    """A number of bytes such as 500M, 4G or 4GiB."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,6})?)([KMGT]?)(?:I?B)?", text.upper())
    if match:
        size = int(float(match[1]) * UNITS[match[2]])
        if 0 < size <= MOST:
            return size
    raise _bad_limit(option, text, "a positive size, in bytes or with K, M, G", f"`{option} 4G`")


def _bad_limit(option: str, text: str, wanted: str, example: str) -> InputError:
    return InputError(
        "F19", f"{option} {text!r} is no limit", why=f"it takes {wanted}", write=example
    )


def check_writable(option: str, path: str | None) -> None:
    """Refuse, before any work is done, a file that could not be written after it."""
    if path == "-" and is_closed(sys.stdout):
        raise cannot_write(option, path, "standard output is closed")
    if path is None or path == "-":
        return
    file = Path(path)
    problem = ""
    if not path:
        problem = "the name is empty"
    elif file.is_dir():
        problem = "it is a folder"
    elif not file.parent.is_dir():
        problem = f"there is no folder {file.parent}"
    if problem:
        raise cannot_write(option, path, problem)


def cannot_write(option: str, path: str | None, problem: str) -> InputError:
    """An output file that cannot be written, or standard output for a path of None."""
    named = option if path is None else f"{option} {path!r}"
    return InputError(
        "F18",
        f"{named} cannot be written: {problem}",
        why="the result would be lost",
        write="a file in a folder that exists, or - for standard output",
    )


def write_out(option: str, path: str | None, text: str) -> None:
    """Write a text to a file, or to standard output for None and `-`."""
    if path is None or path == "-":
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(option, path, error.strerror or str(error)) from error
