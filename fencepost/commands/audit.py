"""`fencepost audit`: run a torch program on the virtual CUDA device and report missing waits."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from fencepost.commands.options import check_writable, parse_count, write_out
from fencepost.project import with_shown_paths
from fencepost.streams.policies import POLICIES

if TYPE_CHECKING:
    from fencepost.streams.audit import Audited

MODULE = "-m"

EPILOG = """\b
Examples:
  fencepost audit train.py --epochs 1              options of the program come after it
  fencepost audit -m package.serve
  fencepost audit --json races.json pipeline.py
  fencepost audit --policy random --seed 7 pipeline.py
  fencepost audit --adapter sglang drive_cache.py  with the stubs and kernels of an adapter

\b
Exit codes:
  0  the program ran, and everything seen that conflicts is ordered
  1  findings: something is not ordered
  2  the program failed, or used something that the virtual device does not have
"""


class BeforeTheProgram(click.Command):
    """A command whose options end where the program begins, as those of `python` do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What follows the module of `-m` is the program's, whatever it looks like."""
        place = self._after_module(args)
        if place is not None:
            args = [*args[:place], "--", *args[place:]]
        return super().parse_args(ctx, args)

    def _after_module(self, args: list[str]) -> int | None:
        takes_value = {
            spelled
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for spelled in option.opts
        }
        place = 0
        while place < len(args) and args[place].startswith("-") and args[place] not in ("-", "--"):
            given = args[place]
            if given == MODULE:
                return place + 2
            if given.startswith(MODULE):
                return place + 1
            place += 2 if given in takes_value else 1
        return None


@click.command(
    "audit",
    cls=BeforeTheProgram,
    epilog=EPILOG,
    short_help="Find missing waits in a torch program, without a GPU.",
    context_settings={"allow_interspersed_args": False},
)
@click.option(MODULE, "module", metavar="MODULE", help="Run a module, as `python -m` does.")
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    help="Stubs and emulated kernels of a package: a file, or a name; may be repeated.",
)
@click.option(
    "--policy",
    type=click.Choice(list(POLICIES)),
    default="in-order",
    help="Which stream runs next (default: in-order); findings do not depend on it.",
)
@click.option("--seed", metavar="COUNT", help="Where a random policy begins (default: 0).")
@click.option("--json", "json_path", metavar="FILE", help="Write the findings as JSON.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT [ARGUMENT]...")
def command(
    module: str | None,
    adapters: tuple[str, ...],
    policy: str,
    seed: str | None,
    json_path: str | None,
    program: tuple[str, ...],
) -> int:
    """Run SCRIPT on a virtual CUDA device, and name every pair of conflicting accesses that nothing
    orders, and what would order them.

    The program's output is its own; the report goes to standard error.
    """
    if module is None and not program:
        raise click.UsageError("which program? `fencepost audit SCRIPT [ARGUMENT]...`")
    check_writable("--json", json_path)
    from fencepost.streams.audit import audit_program

    # The program may put other streams in the place of these.
    report = partial(_report, json_path and str(Path(json_path).absolute()), sys.stderr)
    audited = audit_program(
        script=None if module else program[0],
        module=module,
        arguments=program if module else program[1:],
        adapters=adapters,
        policy=policy,
        seed=parse_count("--seed", seed, least=0) or 0,
        leaving=report,
    )
    report(audited)
    return audited.exit_code


def _report(json_path: str | None, errors: TextIO, audited: Audited) -> None:
    from fencepost.report.audits import audit_as_json, audit_text

    with suppress(ValueError):  # it was closed
        sys.stdout.flush()
    told = audit_text(audited.audit, failed=bool(audited.problem))
    errors.write(with_shown_paths(audited.problem) + told)
    errors.flush()
    if json_path is not None:
        found = audit_as_json(audited.audit, audited.exit_code, audited.problem)
        write_out("--json", json_path, json.dumps(found, indent=1))
