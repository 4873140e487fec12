"""`fencepost barriers`: which barriers are enough, which are needed, what breaks without each."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
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
    from fencepost.analyses.barrier_questions import Question
    from fencepost.analyses.barrier_results import Analysis
    from fencepost.core.system import System
    from fencepost.project import Source

MANY_SETS = 100_000

EPILOG = """\b
Examples:
  fencepost barriers slot_lifecycle                        all barriers: 21, some minutes
  fencepost barriers slot_lifecycle --design safe          those of a design
  fencepost barriers slot_lifecycle --design safe --barrier abort_is_sent --barrier aborts_arrive
  fencepost barriers rdma_write_completion --traces --json barriers.json
  fencepost barriers handoff --svg lattice.svg             a picture, for up to 8 barriers
"""


@click.command("barriers", epilog=EPILOG, short_help="Find which barriers are enough and needed.")
@click.argument("model")
@click.option("--design", help="Vary the barriers of this design, with all others off.")
@click.option(
    "--barrier",
    "named",
    multiple=True,
    help="Vary only this barrier, with the others as in the design; may be repeated.",
)
@click.option(
    "--whole/--minimal",
    "whole",
    default=None,
    help="Search every set, or only what the minimal sets need (default: --whole for up to 8).",
)
@set_option
@click.option("--max-states", metavar="COUNT", help="End the search of a set at this many states.")
@click.option("--timeout", metavar="SECONDS", help="End everything after this long.")
@click.option("--max-memory", metavar="SIZE", help="End a search at this much memory, as in 4G.")
@click.option("--json", "json_path", metavar="FILE", help="Write the report as JSON; - is stdout.")
@click.option("--svg", "svg_path", metavar="FILE", help="Draw the lattice of all sets.")
@click.option("--traces", is_flag=True, help="Print the shortest trace without each barrier.")
def command(
    model: str,
    design: str | None,
    named: tuple[str, ...],
    whole: bool | None,
    sizes: tuple[str, ...],
    max_states: str | None,
    timeout: str | None,
    max_memory: str | None,
    json_path: str | None,
    svg_path: str | None,
    traces: bool,
) -> int:
    """Decide every set of the barriers of MODEL and say which are enough.

    A set is sufficient if every property holds with these barriers on and the others off, every
    `reachable` included. One search tells of many sets, so few are searched; where there are
    100 000 or more, how many is said before it begins. Ctrl-C prints what was established. The exit
    code is 0 if some set is sufficient, 1 if none is, 3 if a limit or Ctrl-C came first.
    """
    from fencepost.analyses.barrier_questions import questions
    from fencepost.analyses.barriers import Barring
    from fencepost.analyses.hasse import drawable
    from fencepost.checking import prepare
    from fencepost.core.limits import Limits
    from fencepost.core.results import grouped
    from fencepost.engines.explore import explore
    from fencepost.loading import load_model
    from fencepost.report.barrier_tables import BarrierReport
    from fencepost.report.progress import CountedLine
    from fencepost.report.terminal import Terminal
    from fencepost.selection import pick_barriers, pick_designs, pick_sizes

    check_writable("--json", json_path)
    check_writable("--svg", svg_path)
    limits = Limits(
        states=parse_count("--max-states", max_states),
        seconds=parse_seconds("--timeout", timeout),
        memory_bytes=parse_memory("--max-memory", max_memory),
    )
    source = load_model(model, Path.cwd())
    system = prepare(source, pick_sizes(source, parse_sizes(sizes)))
    around = pick_designs(source, system, [design])[0] if design else None
    varied = pick_barriers(source, system, named)
    asked = questions(system, varied=varied, design=around, whole=whole)
    if svg_path is not None:
        drawable(asked)
    _announce(source, system, asked)
    line = CountedLine(sys.stderr)
    barring = Barring(
        system,
        explore,
        limits,
        lambda step: line(
            f"{source.name}: {grouped(step.done)} of {grouped(step.sets)} sets, "
            f"{step.searched} searched, {step.minimal} sufficient so far",
            step.seconds,
        ),
    )
    terminal = Terminal(sys.stderr if "-" in (json_path, svg_path) else sys.stdout)
    analyses: list[Analysis] = []
    for question in asked:
        analyses.append(barring.answer(question))
        line.close()
        if len(analyses) > 1:
            terminal.line()
        BarrierReport(terminal, system, traces=traces).tell(source.name, analyses[-1])
        terminal.flush()
        if analyses[-1].stopped:
            break
    code = _code(analyses)
    if json_path is not None:
        from fencepost.report.barrier_json import barriers_as_json

        report = barriers_as_json(source, system, analyses, code)
        write_out("--json", json_path, json.dumps(report, indent=1))
    if svg_path is not None:
        from fencepost.report.lattice_svg import lattice_svg

        title = f"{source.name}: {analyses[0].question.title}"
        write_out("--svg", svg_path, lattice_svg(analyses[0], title))
    return code


def _announce(source: Source, system: System, asked: Sequence[Question]) -> None:
    """Say how much was asked for, where it takes long, and what asks for less."""
    from fencepost.core.results import grouped

    most = max(asked, key=lambda question: len(question.varied))
    if 1 << len(most.varied) < MANY_SETS:
        return
    holding = (d for d in system.designs if not d.expect.violations)
    smaller = [d for d in holding if 0 < len(d.barriers) < len(most.varied)]
    fewer = min(smaller, key=lambda design: len(design.barriers), default=None)
    such_as = "" if fewer is None else f" ({len(fewer.barriers)} of `--design {fewer.name}`)"
    click.echo(
        f"{source.name}: {grouped(1 << len(most.varied))} sets of {len(most.varied)} barriers, "
        "smaller ones first.\n"
        "  One search tells of many sets: some hundred searches are usual, and take minutes.\n"
        "  Ctrl-C prints what was established by then, --timeout ends it at a time.\n"
        f"  To ask for less: --design for the barriers of one design{such_as}, "
        "or --barrier for each that may be left out.",
        err=True,
    )


def _code(analyses: Sequence[Analysis]) -> int:
    """0 some set is sufficient in every question, 1 none is, 3 that is not known."""
    from fencepost.interrupts import UNDECIDED

    if any(a.stopped for a in analyses):
        return UNDECIDED
    if all(a.counts["sufficient"] for a in analyses):
        return 0
    none = any(not a.counts["sufficient"] and not a.counts["undecided"] for a in analyses)
    return 1 if none else UNDECIDED
