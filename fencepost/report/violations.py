"""A violation that was found where a proof failed, at a size of its own."""

from __future__ import annotations

from fencepost.core.results import Finding
from fencepost.core.system import System
from fencepost.report.terminal import Terminal
from fencepost.report.trace_tables import trace_table

INDENT = "    "


def print_violation(system: System, violation: Finding, terminal: Terminal) -> None:
    """The run of a system at sizes that shows that no lemma will do."""
    sizes = ", ".join(f"{name} {count}" for name, count in system.parameters)
    runs = violation.trace is not None and len(violation.trace) > 0
    what = "A run" if runs else "An initial state"
    terminal.line(f"{INDENT}{what} of {sizes} violates it; no lemma can exclude what is reached.")
    if violation.detail:
        terminal.line(f"{INDENT}{violation.detail}")
    if violation.trace is not None and runs:
        terminal.table(trace_table(system, violation.trace), INDENT)
