"""`fencepost mutate`: small mistakes made on purpose, and which of them no property notices."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.commands.options import (
    check_writable,
    parse_count,
    parse_memory,
    parse_seconds,
    parse_sizes,
    set_option,
    write_out,
)

if TYPE_CHECKING:
    from fencepost.analyses.mutation import Mutation

EPILOG = """\b
Examples:
  fencepost mutate slot_lifecycle                         on every design
  fencepost mutate slot_lifecycle --design safe           on one design
  fencepost mutate slot_lifecycle --json mutants.json     with those that were noticed
"""


@click.command("mutate", epilog=EPILOG, short_help="Find mistakes that no property notices.")
@click.argument("model")
@click.option("--design", "designs", multiple=True, help="Only this design; may be repeated.")
@set_option
@click.option("--max-states", metavar="COUNT", help="End a search at this many states.")
@click.option("--timeout", metavar="SECONDS", help="End everything after this long.")
@click.option("--max-memory", metavar="SIZE", help="End a search at this much memory, as in 4G.")
@click.option("--json", "json_path", metavar="FILE", help="Write the report as JSON; - is stdout.")
def command(
    model: str,
    designs: tuple[str, ...],
    sizes: tuple[str, ...],
    max_states: str | None,
    timeout: str | None,
    max_memory: str | None,
    json_path: str | None,
) -> int:
    """Edit MODEL in small ways and report the mutants that no design notices.

    A `require` or a write is dropped, a condition negated or shifted by one, or two barriers are
    exchanged. A mutant is killed if some design gets a verdict that is not the expected one. The
    exit code is 1 if some mutant survives, whether or not a limit left others undecided; else 3 if
    a limit or Ctrl-C left some undecided; else 0, with every mutant killed or equivalent.
    """
    from fencepost.analyses.mutation import Mutating
    from fencepost.checking import prepare
    from fencepost.core.limits import Limits
    from fencepost.engines.explore import explore, keeps_every_step, same_graph
    from fencepost.loading import load_model
    from fencepost.report.mutant_tables import MutationReport
    from fencepost.report.progress import CountedLine
    from fencepost.report.terminal import Terminal
    from fencepost.selection import pick_designs, pick_sizes

    check_writable("--json", json_path)
    limits = Limits(
        states=parse_count("--max-states", max_states),
        seconds=parse_seconds("--timeout", timeout),
        memory_bytes=parse_memory("--max-memory", max_memory),
    )
    source = load_model(model, Path.cwd())
    system = prepare(source, pick_sizes(source, parse_sizes(sizes)))
    chosen = pick_designs(source, system, designs)
    line = CountedLine(sys.stderr)
    mutation = Mutating(
        system,
        chosen,
        explore,
        same_graph,
        keeps_every_step,
        limits,
        lambda step: line(
            f"{source.name}: {step.done} of {step.mutants} mutants, {step.killed} killed",
            step.seconds,
        ),
    ).run()
    line.close()
    terminal = Terminal(sys.stderr if json_path == "-" else sys.stdout)
    MutationReport(terminal, system).tell(source.name, mutation)
    terminal.flush()
    code = _code(mutation)
    if json_path is not None:
        from fencepost.report.mutant_json import mutation_as_json

        report = mutation_as_json(source, system, mutation, code)
        write_out("--json", json_path, json.dumps(report, indent=1))
    return code


def _code(mutation: Mutation) -> int:
    """1 some mutant survives, 3 some is not decided, 0 neither."""
    from fencepost.interrupts import UNDECIDED

    if mutation.of("survived"):
        return 1
    return UNDECIDED if mutation.stopped or mutation.of("undecided") else 0
