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
EXAMPLES = {"--steps": "20", "--seed": "7"}
"""What a count looks like, where it is not a million."""

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
    wanted = f"no whole number of at least {least}"
    raise _bad_limit(option, text, wanted, "it is a count", EXAMPLES.get(option, "1000000"))


def parse_seconds(option: str, text: str | None) -> float | None:
    """A positive number of seconds."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) and float(text) > 0:
        return float(text)
    raise _bad_limit(option, text, "no time", "it takes a positive number of seconds", "60")


def parse_memory(option: str, text: str | None) -> int | None:
    """A number of bytes such as 500M, 4G or 4GiB."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,6})?)([KMGT]?)(?:I?B)?", text.upper())
    if match:
        size = int(float(match[1]) * UNITS[match[2]])
        if 0 < size <= MOST:
            return size
    why = "it takes a positive number of bytes, or one with K, M, G or T behind it"
    raise _bad_limit(option, text, "no amount of memory", why, "4G")


def _bad_limit(option: str, text: str, wanted: str, why: str, example: str) -> InputError:
    return InputError(
        "F19", f"{option} {text!r} is {wanted}", why=why, write=f"`{option} {example}`"
    )


def check_writable(option: str, path: str | None) -> None:
    """Refuse, before any work is done, a file that could not be written after it."""
    if path == "-" and is_closed(sys.stdout):
        raise cannot_write(option, path, "standard output is closed", "the name of a file")
    if path is None or path == "-":
        return
    file = Path(path)
    if not path:
        raise cannot_write(option, path, "the name is empty", "the name of a file")
    if file.is_dir():
        within = f"a file in it, such as `{option} {file / 'report'}`"
        raise cannot_write(option, path, "it is a folder", within)
    if not file.parent.is_dir():
        made = f"`mkdir -p {file.parent}` before that, or a file in a folder that exists"
        raise cannot_write(option, path, f"there is no folder {file.parent}", made)


def cannot_write(
    option: str,
    path: str | None,
    problem: str,
    write: str = "a file in a folder that you may write to",
) -> InputError:
    """An output that cannot be written, or standard output for a path of None."""
    named = option if path is None else f"{option} {path!r}"
    return InputError(
        "F18",
        f"{named} cannot be written: {problem}",
        why="what the command finds would be lost",
        write=write,
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
