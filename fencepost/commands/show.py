"""`fencepost show`: a recorded model, one of its traces, or the code that searches it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.commands.options import parse_sizes, set_option
from fencepost.core.errors import InputError, Location

if TYPE_CHECKING:
    from fencepost.core.system import System
    from fencepost.project import Source
    from fencepost.report.terminal import Terminal

EPILOG = """\b
Examples:
  fencepost show slot_lifecycle                         state, actions as decision trees
  fencepost show slot_lifecycle --set requests=3
  fencepost show slot_lifecycle --trace --design as_reported
  fencepost show slot_lifecycle --trace --design safe --property somebody_decodes
  fencepost show slot_lifecycle --kernel                the LLVM IR of its successors
"""


@click.command("show", epilog=EPILOG, short_help="Show a recorded model, a trace or the kernel.")
@click.argument("model")
@set_option
@click.option("--trace", is_flag=True, help="Show the trace that a property of a design has.")
@click.option("--design", help="The design whose trace is shown (default: the first).")
@click.option("--property", "property_", help="The property whose trace is shown.")
@click.option("--kernel", is_flag=True, help="Show the LLVM IR of the compiled successors.")
def command(
    model: str,
    sizes: tuple[str, ...],
    trace: bool,
    design: str | None,
    property_: str | None,
    kernel: bool,
) -> int:
    """Show what engines read of MODEL: its state, its actions as decision trees, its properties.

    Conditions read like the model; `require` disables a step, `check` stands where a value could
    leave its domain or an index its range.
    """
    from fencepost.checking import prepare
    from fencepost.loading import load_model
    from fencepost.report.systems import system_lines
    from fencepost.report.terminal import Terminal
    from fencepost.selection import pick_sizes

    if kernel and trace:
        raise click.UsageError("--kernel and --trace show different things; name one of them")
    if (design or property_) and not trace:
        raise click.UsageError("--design and --property say which --trace to show")
    source = load_model(model, Path.cwd())
    system = prepare(source, pick_sizes(source, parse_sizes(sizes)))
    terminal = Terminal(sys.stdout)
    if kernel:
        from fencepost.kernel.compiled import compiled

        terminal.line(compiled(system).text.rstrip())
    elif trace:
        _show_trace(source, system, design, property_, terminal)
    else:
        for line in system_lines(system):
            terminal.line(line)
    return 0


def _show_trace(
    source: Source, system: System, design: str | None, name: str | None, terminal: Terminal
) -> None:
    """Search one design and show the shortest trace of a finding, violations first."""
    from fencepost.core.results import Verdict
    from fencepost.engines.explore import explore
    from fencepost.report.trace_tables import trace_table
    from fencepost.selection import pick_designs, pick_properties

    chosen = pick_designs(source, system, [design] if design else [])[0]
    asked = pick_properties(source, system, [name] if name else [])
    answer = explore(system, chosen, properties=asked).answer
    told = [(f, f.trace) for f in answer.findings if f.trace is not None]
    told.sort(key=lambda pair: (pair[0].verdict is not Verdict.VIOLATED, len(pair[1])))
    if not told:
        raise InputError(
            "F16",
            f"{source.name} {chosen.name} has no trace to show{f' for {name}' if name else ''}",
            why=f"its verdict is {answer.verdict.value}, and only a violation or a witness has one",
            write=f"`fencepost check {source.name}` to see which designs are broken",
            at=Location(str(source.file), 1),
        )
    finding, trace = told[0]
    instance = f" ({finding.instance})" if finding.instance else ""
    terminal.line(
        f"{source.name} {chosen.name}: {finding.property}{instance} {finding.verdict.value}, "
        f"{finding.scope}",
        "strong",
    )
    terminal.table(trace_table(system, trace), "  ")
