"""What a check found, as JSON for programs; `format_version` changes when a reader would break.

The content of `models[].designs[].findings[]` is the Answer of all engines together, which is equal
from run to run; only `search_s`, `compile_s` and `bytes_peak` of each engine differ.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from fencepost.analyses.expectations import show_expectation
from fencepost.checking import DesignCheck, ModelCheck
from fencepost.core.errors import InputError
from fencepost.core.results import Branch, Finding, Result
from fencepost.core.system import Step, System
from fencepost.project import shown_path, with_shown_paths
from fencepost.report.trace_files import as_json
from fencepost.report.verdicts import property_text
from fencepost.version import VERSION

FORMAT = "fencepost check"
FORMAT_VERSION = 2


def check_as_json(
    checks: Sequence[ModelCheck], errors: Sequence[InputError], code: int
) -> dict[str, Any]:
    """The whole report: versions, every model with its designs, inputs at fault, the exit code."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "exit_code": code,
        "models": [_model(check) for check in checks],
        "errors": [error_as_json(error) for error in errors],
    }


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"fencepost": VERSION, "python": platform.python_version()}
    for package in ("llvmlite", "numba", "numpy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _model(model: ModelCheck) -> dict[str, Any]:
    system, unused = model.system, model.unused
    return {
        "model": model.source.name,
        "class": system.name,
        "file": model.source.shown_path,
        "digest": system.digest,
        "parameters": dict(system.parameters),
        "default_sizes": system.at_defaults(),
        "properties_selected": None if model.selected is None else sorted(model.selected),
        "designs": [_design(model, check) for check in model.designs],
        "never_used": None
        if unused is None
        else {
            "actions": list(unused.actions),
            "steps": [system.show_step(step) for step in unused.steps],
            "branches": [_branch(branch) for branch in unused.branches],
            "premises": list(unused.premises),
            "of_components": [
                *unused.component_actions,
                *(system.show_step(step) for step in unused.component_steps),
            ],
        },
    }


def _design(model: ModelCheck, check: DesignCheck) -> dict[str, Any]:
    answer, system = check.answer, model.system
    coverage = answer.coverage
    return {
        "design": check.design.name,
        "known_bug": check.design.known_bug,
        "barriers_on": [b.name for b in system.barriers if b.name in check.design.barriers],
        "verdict": answer.verdict.value,
        "expected": show_expectation(check.design.expect),
        "judgement": check.judged.judgement.value,
        "reasons": list(check.judged.reasons),
        "engines": [_engine(result) for result in check.results],
        "states": answer.states,
        "expanded": answer.expanded,
        "transitions": answer.transitions,
        "depth": answer.depth,
        "complete": answer.complete,
        "stopped": answer.stopped,
        "findings": [_finding(model, finding) for finding in answer.findings],
        "hints": [
            {
                "property": h.property,
                "switch": "off" if h.switched_off else "on",
                "barriers": list(h.barriers),
                "others": [list(names) for names in h.others],
                "breaks": list(h.breaks),
                "leaves": list(h.leaves),
                "doubtful": h.doubtful,
            }
            for h in check.hints
        ],
        "coverage": {
            "steps": len(coverage.steps),
            "steps_in_all": coverage.steps_in_all,
            "steps_never_taken": _shown(system, coverage.steps),
            "branches": len(coverage.branches),
            "branches_in_all": len(coverage.branches_in_all),
            "branches_never_taken": [
                _branch(branch) for branch in _sorted(coverage.branches_in_all - coverage.branches)
            ],
        },
    }


def _engine(result: Result) -> dict[str, Any]:
    """What one engine says; what all of them say together is told of the design."""
    answer, cost = result.answer, result.cost
    return {
        "engine": answer.engine,
        "verdicts": [
            {
                "property": finding.property,
                "instance": finding.instance,
                "verdict": finding.verdict.value,
                "scope": finding.scope,
                "bound": finding.bound,
                "steps": None if finding.trace is None else len(finding.trace),
            }
            for finding in answer.findings
        ],
        "stopped": answer.stopped,
        "facts": dict(answer.facts),
        "search_s": round(cost.search_s, 6),
        "compile_s": round(cost.compile_s, 6),
        "bytes_peak": cost.bytes_peak,
    }


def _shown(system: System, taken: frozenset[Step]) -> list[str]:
    return [system.show_step(step) for step in system.steps if step not in taken]


def _sorted(branches: frozenset[Branch]) -> list[Branch]:
    return sorted(branches, key=lambda branch: (branch.location, branch.outcome))


def _branch(branch: Branch) -> dict[str, Any]:
    at = branch.location
    return {
        "file": shown_path(at.file),
        "line": at.line,
        "column": at.column,
        "outcome": branch.outcome,
    }


def _finding(model: ModelCheck, finding: Finding) -> dict[str, Any]:
    trace = None
    if finding.trace is not None:
        trace = as_json(
            model.system,
            finding.trace,
            source=model.source.shown_path,
            property_name=finding.property,
            detail=finding.instance or finding.detail,
        )
    return {
        "property": finding.property,
        "kind": finding.kind,
        "text": property_text(model.system, finding.property),
        "verdict": finding.verdict.value,
        "instance": finding.instance,
        "scope": finding.scope,
        "bound": finding.bound,
        "detail": with_shown_paths(finding.detail),
        "trace": trace,
    }


def error_as_json(error: InputError) -> dict[str, Any]:
    """An input at fault, with its place where it has one."""
    return {
        "code": error.code,
        "what": error.what,
        "why": error.why,
        "write": error.write,
        "file": shown_path(error.at.file) if error.at else None,
        "line": error.at.line if error.at else None,
    }
