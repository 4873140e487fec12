"""Inferred lemmas as a person and as a program reads them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fencepost.analyses.inference import Inferred
from fencepost.core.errors import InputError
from fencepost.core.results import InductionFailure, grouped
from fencepost.core.sizes import at_sizes
from fencepost.core.system import NO_FAULT
from fencepost.inferring import ModelInference, judged
from fencepost.report.induction_tables import induction_table, show_step
from fencepost.report.json_report import error_as_json, versions
from fencepost.report.lemma_text import lemmas_as_python
from fencepost.report.tables import Cell, Column, Table, seconds
from fencepost.report.terminal import Terminal
from fencepost.report.verdicts import STYLES
from fencepost.report.violations import print_violation

WIDTH = 100
INDENT = "    "
FORMAT = "fencepost prove --infer"
FORMAT_VERSION = 1


def outcome(inferred: Inferred) -> str:
    """In one word or two what the search came to."""
    if inferred.proved:
        return "PROVED"
    if inferred.violation is not None:
        return "WRONG"
    return "STOPPED" if inferred.stopped else "NOT PROVED"


def inference_table(models: Sequence[ModelInference]) -> Table:
    """One row a design."""
    columns = (
        Column("model"),
        Column("design"),
        Column("outcome"),
        Column("lemmas", right=True),
        Column("obligations", right=True),
        Column("goal", flexible=True),
        Column("time", right=True),
    )
    rows = tuple(
        (
            Cell(model.source.name),
            Cell(found.design.name),
            Cell(outcome(found), STYLES[judged(model.system, found)]),
            Cell(str(len(found.lemmas)) if found.proved else ""),
            Cell(grouped(found.obligations) if found.proved else ""),
            Cell(found.goal),
            Cell(seconds(found.seconds)),
        )
        for model in models
        for found in model.found
    )
    return Table(columns, rows).without_empty_columns()


def print_inferences(models: Sequence[ModelInference], terminal: Terminal, *, full: bool) -> None:
    """The table; then lemmas to be pasted, traces, and states that no lemma excludes. Of designs
    that are wrong as expected the traces are left out unless `full`."""
    terminal.table(inference_table(models))
    for model in models:
        for found in model.found:
            _story(model, found, terminal, full=full)
        if model.interrupted:
            terminal.line("interrupted: what comes after it was not looked at", "warn")


def _story(model: ModelInference, found: Inferred, terminal: Terminal, *, full: bool) -> None:
    title = f"{model.source.name} {found.design.name}"
    if found.proved:
        terminal.line()
        if found.kept:
            terminal.line(f"# {title}: the proof takes {', '.join(found.kept)}")
        if not found.lemmas:
            terminal.line(f"# {title}: proved for any size, with no new lemma")
            return
        terminal.line(f"# {title}: proved for any size with these lemmas. Paste them below the")
        terminal.line("# properties; `fencepost prove` checks them again.")
        terminal.line()
        for line in _as_python(model, found).splitlines():
            terminal.line(line)
    elif found.violation is not None and found.violated_at is not None:
        expected = {v.property for v in found.design.expect.violations}
        if full or found.violation.property not in expected:
            terminal.line()
            terminal.line(f"{title}: {found.violation.property} is wrong", "bad")
            print_violation(found.violated_at, found.violation, terminal)
    elif found.obstacle is not None:
        terminal.line()
        terminal.line(f"{title}: {found.goal} is not proved", "warn")
        _obstacle(model, found, found.obstacle, terminal)
    else:
        terminal.line()
        terminal.line(f"{title}: {found.stopped}", "warn")
        _say(terminal, f"{found.lemmas_tried} lemmas were tried, {found.lemmas_dropped} given up.")


def _as_python(model: ModelInference, found: Inferred) -> str:
    """Lemmas as they are pasted below the properties: what these import is imported too, unless
    they stand in the file of the model."""
    source = model.source
    beside = all(Path(p.location.file).resolve() == source.file for p in source.properties)
    module = "" if beside else f"models.{source.name}"
    return lemmas_as_python(found.lemmas, model.system.name, module)


def _obstacle(model: ModelInference, found: Inferred, why: Any, terminal: Terminal) -> None:
    failure = InductionFailure(
        found.goal, (), why.sizes, why.before, why.step, why.after, _fault(why)
    )
    system = at_sizes(model.unbounded, dict(why.sizes))
    step = "it is false initially" if why.step is None else f"{show_step(system, why.step)}"
    sizes = ", ".join(f"{n} {c}" for n, c in why.sizes)
    _say(
        terminal,
        f"No lemma of the language excludes this state, and {step} breaks {found.goal} in it. "
        f"No violation was found at its size ({sizes}), so it need not be reachable: a lemma that "
        "excludes it has to come from you, or the property holds for small sizes only.",
    )
    shown, left_out = induction_table(model.unbounded, found.design.barriers, failure)
    terminal.table(shown, INDENT)
    if left_out:
        _say(terminal, f"({grouped(left_out)} cells that neither looks at are left out)")
    if failure.fault:
        _say(terminal, f"FAULT: {failure.fault}")


def _fault(why: Any) -> str:
    return "" if why.fault is None else why.fault.message or why.fault.kind


def _say(terminal: Terminal, text: str) -> None:
    for line in textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT):
        terminal.line(line)


def inferences_as_json(
    models: Sequence[ModelInference], errors: Sequence[InputError], code: int
) -> dict[str, Any]:
    """The whole report: every design with its outcome, and its lemmas as Python."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "exit_code": code,
        "models": [
            {
                "model": model.source.name,
                "designs": [_as_json(model, found) for found in model.found],
            }
            for model in models
        ],
        "errors": [error_as_json(error) for error in errors],
    }


def _as_json(model: ModelInference, found: Inferred) -> dict[str, Any]:
    return {
        "design": found.design.name,
        "outcome": outcome(found),
        "judgement": judged(model.system, found).value,
        "lemmas": [lemma.name for lemma in found.lemmas],
        "kept": list(found.kept),
        "python": _as_python(model, found) if found.lemmas else "",
        "obligations": found.obligations,
        "goal": found.goal,
        "stopped": found.stopped,
        "violated": "" if found.violation is None else found.violation.property or NO_FAULT,
        "lemmas_tried": found.lemmas_tried,
        "lemmas_dropped": found.lemmas_dropped,
        "counterexamples": found.counterexamples,
        "seconds": found.seconds,
    }
