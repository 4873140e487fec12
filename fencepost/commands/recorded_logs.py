"""`fencepost conform --log`: hold a recorded log against a model."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from fencepost.commands.options import (
    parse_count,
    parse_memory,
    parse_seconds,
    parse_sizes,
    write_out,
)
from fencepost.core.errors import InputError


def check_log_file(
    model: str,
    path: Path,
    *,
    designs: Sequence[str],
    sizes: Sequence[str],
    unlogged: Sequence[str],
    limits: tuple[str | None, str | None, str | None],
    json_path: str | None,
) -> int:
    """Check one log and say what came of it; `limits` are of states, seconds and memory as given
    to the command."""
    from fencepost.conforming_logs import check_log
    from fencepost.core.limits import Limits
    from fencepost.loading import load_model
    from fencepost.report.log_stories import LogStory
    from fencepost.report.terminal import Terminal

    if len(designs) > 1:
        raise InputError(
            "F283",
            f"--log with the designs {', '.join(designs)}",
            why="a log was recorded from a system of one design",
            write=f"`--design {designs[0]}`, and one call for each design",
        )
    states, seconds, memory = limits
    check = check_log(
        load_model(model, Path.cwd()),
        path,
        design=designs[0] if designs else None,
        sizes=parse_sizes(sizes),
        unlogged=unlogged,
        limits=Limits(
            states=parse_count("--fitting", states),
            seconds=parse_seconds("--timeout", seconds),
            memory_bytes=parse_memory("--max-memory", memory),
        ),
    )
    story = LogStory(check)
    story.tell(Terminal(sys.stderr if json_path == "-" else sys.stdout))
    if json_path is not None:
        write_out("--json", json_path, json.dumps(story.as_json(), indent=1))
    return check.exit_code
