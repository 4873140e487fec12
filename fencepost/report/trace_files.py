"""Writing traces to disk: JSON that a person reads and `fencepost replay` performs again."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

from fencepost.checking import ModelCheck
from fencepost.core.results import Finding
from fencepost.core.system import System
from fencepost.core.traces import Trace
from fencepost.project import with_shown_paths
from fencepost.report.stored_traces import FORMAT, FORMAT_VERSION
from fencepost.report.trace_tables import tell
from fencepost.version import VERSION


def as_json(
    system: System, trace: Trace, *, source: str, property_name: str, detail: str
) -> dict[str, Any]:
    """A trace as JSON data: what replay needs, and beside it what a person reads."""
    told = tell(system, trace)
    names = {action.name: tuple(a.name for a in action.arguments) for action in system.actions}
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "fencepost": VERSION,
        "model": trace.model,
        "source": source,
        "digest": trace.digest,
        "parameters": dict(trace.parameters),
        "design": trace.design,
        "barriers": list(trace.barriers),
        "property": property_name,
        "detail": with_shown_paths(detail),
        "initial": list(trace.initial),
        "steps": [
            {
                "action": step.action,
                "arguments": dict(zip(names[step.action], step.arguments, strict=True)),
                "actor": line.actor,
                "text": line.step,
                "changes": [
                    {"cell": c.cell, "before": c.before, "after": c.after} for c in line.changes
                ],
                **({"fault": line.fault} if line.fault else {}),
            }
            for step, line in zip(trace.steps, told, strict=True)
        ],
        **({"loop": trace.loop} if trace.loop is not None else {}),
    }


class TraceFiles:
    """Where the traces of a run go: `.fencepost/traces` in the project, or in this folder.

    A folder that cannot be written to keeps no run from reporting what it found.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, model: ModelCheck, finding: Finding) -> str:
        """The command that replays a trace, which is written first; empty where that fails."""
        trace = finding.trace
        if trace is None:
            return ""
        project = model.source.project
        base = project.root if project is not None else self.folder
        path = base / ".fencepost" / "traces" / file_name(model, trace, finding.property)
        content = as_json(
            model.system,
            trace,
            source=model.source.shown_path,
            property_name=finding.property,
            detail=finding.instance or finding.detail,
        )
        try:
            store(content, path)
        except OSError:
            return ""
        inside = self.folder.is_relative_to(base)
        shown = os.path.relpath(path, self.folder) if inside else str(path)
        return f"fencepost replay {shlex.quote(shown)}"


def file_name(model: ModelCheck, trace: Trace, property_name: str) -> str:
    """The name of a trace's file; sizes other than the defaults are part of it."""
    defaults = dict(model.system.default_parameters)
    sizes = [f"{n}={value}" for n, value in trace.parameters if defaults.get(n) != value]
    name = "-".join((model.source.name, trace.design, property_name, *sizes))
    return f"{re.sub(r'[^A-Za-z0-9_.=-]', '_', name)}.json"


def store(content: dict[str, Any], path: Path) -> None:
    """Write a trace, keeping its folder out of version control; OSError where that fails."""
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder.parent / ".gitignore"
    if folder.parent.name == ".fencepost" and not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
