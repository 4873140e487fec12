"""What became of the mutants of a model, as JSON."""

from __future__ import annotations

from typing import Any

from fencepost.analyses.mutation import Counts, Mutation, Tried
from fencepost.core.system import System
from fencepost.project import Source, shown_path
from fencepost.report.json_report import versions
from fencepost.report.mutant_tables import edit_text, place

FORMAT = "fencepost mutate"
FORMAT_VERSION = 1


def mutation_as_json(
    source: Source, system: System, mutation: Mutation, code: int
) -> dict[str, Any]:
    """The whole report: every mutant that was tried, with what became of it."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "exit_code": code,
        "model": source.name,
        "class": system.name,
        "file": source.shown_path,
        "digest": system.digest,
        "parameters": dict(system.parameters),
        "designs": list(mutation.designs),
        "stopped": mutation.stopped,
        "number": mutation.mutants,
        "mutants": [_tried(system, each) for each in mutation.tried],
    }


def _tried(system: System, tried: Tried) -> dict[str, Any]:
    mutant = tried.mutant
    at = place(system, mutant)
    return {
        "kind": mutant.kind,
        "action": mutant.action,
        "file": None if at is None else shown_path(at.file),
        "line": None if at is None else at.line,
        "column": None if at is None else at.column,
        "edit": edit_text(mutant),
        "status": tried.status,
        "design": tried.design,
        "reason": tried.reason,
        "before": _counts(tried.before),
        "after": _counts(tried.after),
        "runs": tried.relation,
    }


def _counts(counts: Counts | None) -> dict[str, int] | None:
    return None if counts is None else {"states": counts[0], "transitions": counts[1]}
