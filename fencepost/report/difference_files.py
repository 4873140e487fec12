"""Differences on disk: JSON that a person reads and `fencepost conform --trace` tries again."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

from fencepost.conforming import ModelConformance
from fencepost.core.system import Design, System
from fencepost.engines.conform.differences import Difference
from fencepost.project import with_shown_paths
from fencepost.report.difference_tables import side_by_side
from fencepost.report.stored_traces import FORMAT_VERSION
from fencepost.report.trace_files import store
from fencepost.version import VERSION

FORMAT = "fencepost difference"


def difference_as_json(
    system: System, design: Design, difference: Difference, *, source: str, adapter: str
) -> dict[str, Any]:
    """A difference as JSON data: what trying it again needs, and beside it what a person reads."""
    names = {action.name: tuple(a.name for a in action.arguments) for action in system.actions}
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "fencepost": VERSION,
        "model": system.name,
        "source": source,
        "adapter": adapter,
        "digest": system.digest,
        "parameters": dict(system.parameters),
        "design": design.name,
        "barriers": sorted(design.barriers),
        "property": difference.kind.value,
        "detail": with_shown_paths(difference.failure),
        "initial": list(difference.initial),
        "steps": [
            {
                "action": attempt.step.action,
                "arguments": dict(
                    zip(names[attempt.step.action], attempt.step.arguments, strict=True)
                ),
                "text": system.show_step(attempt.step),
                "taken": attempt.taken,
            }
            for attempt in difference.attempts
        ],
        "cells": [
            {
                "cell": row.cell,
                "before": row.before,
                "model": row.model,
                "implementation": row.seen,
                "differs": row.differs,
            }
            for row in side_by_side(system, difference)
        ],
        "violated": list(difference.violated),
    }


class DifferenceFiles:
    """Where differences go: `.fencepost/traces` in the project, or in this folder.

    A folder that cannot be written to keeps no run from reporting what it found.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, model: ModelConformance, design: Design, difference: Difference) -> str:
        """The command that tries it again, which is written first; empty where that fails."""
        source, adapter = model.source, model.adapter
        base = source.project.root if source.project is not None else self.folder
        path = base / ".fencepost" / "traces" / _file_name(model, design)
        content = difference_as_json(
            model.system,
            design,
            difference,
            source=source.shown_path,
            adapter=adapter.shown_path,
        )
        try:
            store(content, path)
        except OSError:
            return ""
        project = source.project
        inside = project is not None and project.owns(source.file)
        words = ["fencepost", "conform", source.name if inside else self._shown(source.file)]
        if not inside or not adapter.is_default or adapter.file.stem != source.name:
            words.append(self._shown(adapter.file))
        return shlex.join([*words, "--trace", self._shown(path)])

    def _shown(self, path: Path) -> str:
        """A path relative to this folder, where it lies in the same project."""
        shown = os.path.relpath(path, self.folder)
        return str(path) if shown.count("..") > 2 else shown


def _file_name(model: ModelConformance, design: Design) -> str:
    defaults = dict(model.system.default_parameters)
    sizes = [f"{n}={size}" for n, size in model.system.parameters if defaults.get(n) != size]
    name = "-".join((model.source.name, design.name, "conform", *sizes))
    return f"{re.sub(r'[^A-Za-z0-9_.=-]', '_', name)}.json"
