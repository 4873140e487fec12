"""`fencepost graph`: the reachable states of a design as a graph for other tools."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fencepost.commands.options import (
    cannot_write,
    check_writable,
    limit_options,
    parse_count,
    parse_memory,
    parse_seconds,
    parse_sizes,
    set_option,
)

SUFFIXES = (".graphml", ".dot")
EPILOG = """\b
Examples:
  fencepost graph slot_lifecycle -o slots.graphml
  fencepost graph slot_lifecycle --design as_reported --max-states 200 -o slots.dot
  dot -Tsvg slots.dot > slots.svg
"""


@click.command("graph", epilog=EPILOG, short_help="Write the reachable states as a graph.")
@click.argument("model")
@click.option("--design", help="The design to search (default: the first).")
@set_option
@limit_options
@click.option("-o", "--output", required=True, metavar="FILE", help="A .graphml or .dot file.")
def command(
    model: str,
    design: str | None,
    sizes: tuple[str, ...],
    max_states: str | None,
    timeout: str | None,
    max_memory: str | None,
    output: str,
) -> int:
    """Write the reachable states of MODEL and the steps between them as a graph.

    At most 100 000 states, unless --max-states says more. A graph that does not hold every
    reachable state says so in its attributes, and the exit code is 3.
    """
    if not output.endswith(SUFFIXES):
        raise click.UsageError(f"-o {output}: a graph is written as {' or '.join(SUFFIXES)}")
    check_writable("-o", output)
    from fencepost.checking import prepare
    from fencepost.core.limits import Limits
    from fencepost.engines.explore import graph, write_dot, write_graphml
    from fencepost.engines.explore.graph import MOST_STATES
    from fencepost.interrupts import UNDECIDED
    from fencepost.loading import load_model
    from fencepost.selection import pick_designs, pick_sizes

    limits = Limits(
        states=parse_count("--max-states", max_states) or MOST_STATES,
        seconds=parse_seconds("--timeout", timeout),
        memory_bytes=parse_memory("--max-memory", max_memory),
    )
    source = load_model(model, Path.cwd())
    system = prepare(source, pick_sizes(source, parse_sizes(sizes)))
    chosen = pick_designs(source, system, [design] if design else [])[0]
    drawn = graph(system, chosen, limits)
    try:
        (write_dot if output.endswith(".dot") else write_graphml)(drawn, Path(output))
    except OSError as error:
        raise cannot_write("-o", output, error.strerror or str(error)) from error
    sys.stdout.write(f"{output}: {drawn.graph['ended']}, {drawn.number_of_edges()} steps\n")
    return 0 if drawn.graph["complete"] else UNDECIDED
