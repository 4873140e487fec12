"""`fencepost replay`: a stored trace, performed again step by step by the interpreter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.core.errors import InputError, Location

if TYPE_CHECKING:
    from fencepost.core.system import System
    from fencepost.core.traces import Run
    from fencepost.project import Source
    from fencepost.report.stored_traces import StoredTrace

EPILOG = """\b
Examples:
  fencepost replay .fencepost/traces/slot_lifecycle-as_reported-own_bytes.json
  fencepost replay old.json --model models/slot_lifecycle.py
"""


@click.command("replay", epilog=EPILOG, short_help="Perform a stored trace again.")
@click.argument("trace", metavar="TRACE.json")
@click.option("--model", help="The model to perform it on (default: the one that it names).")
def command(trace: str, model: str | None) -> int:
    """Perform a trace that `fencepost check` wrote, and print what each step changes.

    The interpreter takes every step on its own; a trace of another model, or of another version
    of it, is refused.
    """
    from fencepost.checking import prepare
    from fencepost.core.traces import NotARun, rerun
    from fencepost.report.stored_traces import check_fits, check_names, load
    from fencepost.report.terminal import Terminal
    from fencepost.report.trace_tables import trace_table
    from fencepost.report.verdicts import property_text
    from fencepost.selection import parameter_names

    path = Path(trace)
    stored = load(path)
    source = _source(stored, path, model)
    check_names(stored, source.model.__name__, parameter_names(source), path)
    system = prepare(source, dict(stored.parameters))
    check_fits(stored, system, path)
    try:
        run = rerun(system, stored.trace())
    except NotARun as problem:
        raise InputError(
            "F56",
            f"step {problem.position + 1} cannot be taken: {problem.reason}",
            why="the steps of a trace are taken one after the other from its initial state",
            write="the same `fencepost check` again, to write the trace anew",
            at=Location(str(path), 1),
        ) from problem
    terminal = Terminal(sys.stdout)
    sizes = " ".join(f"{name}={value}" for name, value in system.parameters)
    on = ", ".join(stored.barriers) or "none"
    terminal.line(f"{source.name} {stored.design}  {sizes}".rstrip(), "strong")
    terminal.line(f"  barriers on: {on}")
    told = property_text(system, stored.property)
    terminal.line(f"  {stored.property}: {told}" if told else f"  {stored.property}")
    table = trace_table(system, stored.trace())
    if table.rows:
        terminal.table(table, "  ")
    confirmed, text = _ending(system, stored, run)
    terminal.line(f"  {text}", "" if confirmed else "warn")
    terminal.flush()
    return 0 if confirmed else 1


def _source(stored: StoredTrace, path: Path, model: str | None) -> Source:
    """The model that a trace names, relative to the project that it lies in, or the one given."""
    from fencepost.loading import load_model
    from fencepost.project import find_project

    if model is not None:
        return load_model(model, Path.cwd())
    project = find_project(path.resolve().parent) or find_project(Path.cwd())
    root = Path.cwd() if project is None else project.root
    return load_model(str(root / stored.source), root)


def _ending(system: System, stored: StoredTrace, run: Run) -> tuple[bool, str]:
    """Whether the last state shows what the trace is evidence for, and that in words."""
    from fencepost.core.semantics import failing_instances, is_final, outcomes, show_instance
    from fencepost.core.system import LIVENESS, NO_FAULT, NO_STUCK_STATE

    name, barriers, state = stored.property, frozenset(stored.barriers), run.states[-1]
    if name == NO_FAULT:
        return run.fault is not None, "the last step faults" if run.fault else "no step faults"
    if name == NO_STUCK_STATE:
        stuck = not any(outcomes(system, barriers, state)) and not is_final(system, barriers, state)
        return stuck, "no step is possible here" if stuck else "the run can go on, or may end here"
    prop = next((p for p in system.properties if p.name == name), None)
    if prop is None:
        return False, f"{system.name} has no property {name}"
    if prop.kind in LIVENESS:
        return _endless(system, stored, prop.name)
    if prop.kind == "always_possible":
        return True, f"from here {name} can never hold again, says the search that wrote this"
    failing = failing_instances(system, barriers, state, prop)
    if prop.kind == "reachable":
        reached = stored.detail not in {show_instance(prop, values) for values in failing}
        return reached, f"{name} holds here" if reached else f"{name} does not hold here"
    if failing:
        instance = show_instance(prop, failing[0])
        return True, f"{name} is violated here{f' for {instance}' if instance else ''}"
    return False, f"{name} holds here: the trace shows no violation"


def _endless(system: System, stored: StoredTrace, name: str) -> tuple[bool, str]:
    """Whether an endless run is fair and never meets what it owes, and that in words."""
    from fencepost.core.evidence import Evidence, Mismatch, Way
    from fencepost.core.questions import all_questions
    from fencepost.core.semantics import show_instance
    from fencepost.core.system import Design, Expectation

    design = Design(stored.design, frozenset(stored.barriers), Expectation())
    way = Way(stored.initial, stored.steps, stored.loop)
    for question in all_questions(system):
        prop = question.property
        if prop.name != name or show_instance(prop, question.values) not in ("", stored.detail):
            continue
        try:
            found = Evidence(system, design).lasso(question, way)
        except Mismatch as problem:
            return False, str(problem)
        told = f" for {found.instance}" if found.instance else ""
        return True, f"{name} is violated{told}: {found.detail}"
    return False, f"{name} is not asked of {stored.detail}"
