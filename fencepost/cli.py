"""The command line: its commands, its errors and its exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TextIO

import click

from fencepost.core.errors import InputError
from fencepost.interrupts import INTERRUPTED, UNDECIDED
from fencepost.report.standard_streams import NotWritten, replace_standard_streams
from fencepost.version import VERSION

COMMANDS = (
    *("check", "prove", "barriers", "mutate", "list", "show", "replay", "new", "graph", "export"),
    *("audit", "conform"),
)

INPUT_AT_FAULT = 2
FENCEPOST_AT_FAULT = 4


class Commands(click.Group):
    """A group whose commands are modules of `fencepost.commands`, loaded when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"fencepost.commands.{cmd_name}").command
        return command


HELP = """Say which barrier designs of a protocol hold, and how the others break.

A model is a small Python class; `fencepost new NAME` writes one to start from, and
`fencepost check` explores every design of every model of the project.

\b
Exit codes:
  0  every verdict is as expected
  1  some verdict is not as expected
  2  the input is at fault
  3  a limit was reached before a verdict that was expected
  4  fencepost itself is at fault, not the input
"""


@click.group(cls=Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="fencepost", message="%(prog)s %(version)s")
def cli() -> None:
    """The command; what it says of itself is `HELP`."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        result = cli.main(list(arguments), prog_name="fencepost", standalone_mode=False)
        sys.stdout.flush()
    except InputError as error:
        print_error(error, sys.stderr)
        return INPUT_AT_FAULT
    except click.ClickException as error:
        print_error(_misused(error), sys.stderr)
        return INPUT_AT_FAULT
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write(INTERRUPTED)
        return UNDECIDED
    except NotWritten as error:
        print_error(_not_written(error), sys.stderr)
        return INPUT_AT_FAULT
    except Exception as error:  # noqa: BLE001  # the last place that can say what happened
        sys.stderr.write(_own_fault(error))
        return FENCEPOST_AT_FAULT
    return result if isinstance(result, int) else 0


def _not_written(error: NotWritten) -> InputError:
    from fencepost.commands.options import cannot_write

    write = "another place for what is printed: `> FILE` on a disk that has room"
    return cannot_write("standard output", None, str(error), write)


def _own_fault(error: Exception) -> str:
    what = "".join(traceback.format_exception_only(error)).strip()
    return (
        f"internal error: {what}\n"
        "  why:   this is a fault of fencepost and not of the model; there is no verdict\n"
        "  write: a report with the command, the model and these lines:\n"
        f"{''.join(traceback.format_exception(error))}"
    )


def _misused(error: click.ClickException) -> InputError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "fencepost"
    return InputError(
        "F01",
        " ".join(error.format_message().split()),
        why="something is missing from the command line, or is not known to the command",
        write=f"`{path} --help` shows what it knows, with examples",
    )


def print_error(error: InputError, stream: TextIO) -> None:
    """Print an input error, its place relative to the current folder."""
    from fencepost.project import shown_path

    if error.at is not None and error.at.file:
        at = replace(error.at, file=shown_path(error.at.file))
        error = InputError(error.code, error.what, why=error.why, write=error.write, at=at)
    stream.write(f"{error}\n")


def main() -> None:
    """The console script."""
    replace_standard_streams()
    sys.exit(run(sys.argv[1:]))
