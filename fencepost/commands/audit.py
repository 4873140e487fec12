"""`fencepost audit`: run a torch program on the virtual CUDA device and report missing waits."""

from __future__ import annotations

import json
import sys

import click

from fencepost.commands.options import check_writable, parse_count, write_out
from fencepost.streams.policies import POLICIES

EPILOG = """\b
Examples:
  fencepost audit train.py --epochs 1              options of the program come after it
  fencepost audit -m package.serve
  fencepost audit --json races.json pipeline.py
  fencepost audit --policy random --seed 7 pipeline.py
  fencepost audit --adapter sglang drive_cache.py  with the stubs and kernels of an adapter

\b
Exit codes:
  0  the program ran, and everything that conflicts is ordered
  1  findings: something is not ordered
  2  the program failed, or used something that the virtual device does not have
"""


@click.command(
    "audit",
    epilog=EPILOG,
    short_help="Find missing waits in a torch program, without a GPU.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("-m", "module", metavar="MODULE", help="Run a module, as `python -m` does.")
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
    from fencepost.report.audits import audit_as_json, audit_text
    from fencepost.streams.audit import audit_program

    audited = audit_program(
        script=None if module else program[0],
        module=module,
        arguments=program if module else program[1:],
        adapters=adapters,
        policy=policy,
        seed=parse_count("--seed", seed, least=0) or 0,
    )
    sys.stdout.flush()
    sys.stderr.write(audited.problem + audit_text(audited.audit))
    if json_path is not None:
        report = audit_as_json(audited.audit, audited.exit_code, audited.problem)
        write_out("--json", json_path, json.dumps(report, indent=1))
    return audited.exit_code
