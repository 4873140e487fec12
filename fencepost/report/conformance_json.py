"""What came of driving implementations, as JSON for programs.

All but `seconds` is equal from run to run, where the limits are counted ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fencepost.analyses.expectations import violated
from fencepost.conforming import Cell, ModelConformance
from fencepost.core.errors import InputError
from fencepost.report.difference_files import difference_as_json
from fencepost.report.json_report import error_as_json, versions

FORMAT = "fencepost conform"
FORMAT_VERSION = 1


def conformances_as_json(
    found: Sequence[ModelConformance], errors: Sequence[InputError], code: int
) -> dict[str, Any]:
    """The whole report: every implementation with its designs, inputs at fault, the exit code."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "exit_code": code,
        "models": [_model(one) for one in found],
        "errors": [error_as_json(error) for error in errors],
    }


def _model(model: ModelConformance) -> dict[str, Any]:
    adapter = model.adapter.adapter
    return {
        "model": model.source.name,
        "class": model.system.name,
        "file": model.source.shown_path,
        "digest": model.system.digest,
        "parameters": dict(model.system.parameters),
        "adapter": model.adapter.shown_path,
        "device": adapter.device,
        "unseen": list(adapter.unseen),
        "left_out": list(adapter.left_out),
        "interrupted": model.interrupted,
        "designs": [_design(model, cell) for cell in model.cells],
    }


def _design(model: ModelConformance, cell: Cell) -> dict[str, Any]:
    found, system = cell.found, model.system
    told: dict[str, Any] = {
        "design": cell.design.name,
        "barriers_on": [b.name for b in system.barriers if b.name in cell.design.barriers],
        "not_driven": cell.cannot,
        "judgement": cell.judged.judgement.value if cell.judged is not None else None,
        "reasons": list(cell.judged.reasons) if cell.judged is not None else [],
        "model_verdict": None if cell.model is None else cell.model.verdict.value,
        "difference": None,
        "model_violated": [] if cell.model is None else list(violated(cell.model)),
    }
    if found is None:
        return told
    return {
        **told,
        "verdict": found.verdict.value,
        "scope": asdict(found.scope),
        "seed": found.seed,
        "violated": [
            {"property": one.property, "steps": [system.show_step(step) for step in one.steps]}
            for one in found.violated
        ],
        "not_shown": list(found.not_shown),
        "beyond": list(found.beyond),
        "stopped": found.stopped,
        "found_by": found.found_by,
        "shown_again": found.again,
        "difference": None
        if found.difference is None
        else difference_as_json(
            system,
            cell.design,
            found.difference,
            source=model.source.shown_path,
            adapter=model.adapter.shown_path,
        ),
        "seconds": round(found.seconds, 6),
    }
