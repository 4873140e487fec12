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
    told = f"A run of {sizes} violates it; no lemma can exclude what is reached."
    terminal.line(f"{INDENT}{told}")
    if violation.trace is not None:
        terminal.table(trace_table(system, violation.trace), INDENT)
