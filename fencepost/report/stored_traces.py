"""Reading traces from disk; every way in which a file can be wrong is a numbered error."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fencepost.core.errors import InputError, Location
from fencepost.core.semantics import Barriers, evaluate
from fencepost.core.system import State, Step, System
from fencepost.core.traces import Trace
from fencepost.version import VERSION

FORMAT = "fencepost trace"
FORMAT_VERSION = 1
MOST_BYTES = 64 << 20
AGAIN = "the command that wrote the trace once more, to write it anew"


@dataclass(frozen=True)
class StoredTrace:
    """A trace with what it is evidence for.

    `source` is the model as `fencepost replay` finds it: a path relative to the project, or an
    absolute one. Steps are kept as text arguments until a system gives them meaning.
    """

    model: str
    source: str
    parameters: tuple[tuple[str, int], ...]
    design: str
    barriers: tuple[str, ...]
    digest: str
    property: str
    detail: str
    initial: State
    steps: tuple[Step, ...]
    loop: int | None = None
    """Of an endless run, how many steps there are before those that it repeats for ever."""

    def trace(self) -> Trace:
        """The trace alone."""
        return Trace(
            self.model,
            self.parameters,
            self.design,
            self.barriers,
            self.digest,
            self.initial,
            self.steps,
            self.loop,
        )


def load(path: Path, of: str = FORMAT, by: str = "check") -> StoredTrace:
    """Read a trace file of a format that a command writes; every way it can be wrong is a numbered
    error."""
    write = f"a file that `fencepost {by}` wrote into .fencepost/traces"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                "F51",
                f"{path} is larger than a trace can be",
                why=f"a trace is read whole, and at most {MOST_BYTES >> 20} MiB",
                write=write,
                at=Location(str(path), 1),
            )
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            "F04",
            f"{path} cannot be read: {error.strerror or error}",
            why="the trace to replay is a file",
            write=f"the path that `fencepost {by}` printed",
        ) from error
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "F50",
            "this is not JSON",
            why=f"{_in_one_line(error)}",
            write=write,
            at=Location(str(path), getattr(error, "lineno", 1)),
        ) from error
    if not isinstance(content, dict) or content.get("format") != of:
        raise InputError(
            "F51",
            "this is JSON, but no trace",
            why=f'a trace says "format": "{of}"',
            write=write,
            at=Location(str(path), 1),
        )
    if content.get("format_version") != FORMAT_VERSION:
        raise InputError(
            "F52",
            f"the trace has format version {content.get('format_version')!r}",
            why=f"this version of fencepost ({VERSION}) reads version {FORMAT_VERSION}",
            write=AGAIN,
            at=Location(str(path), 1),
        )
    return _parse(content, path, write)


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


class _Malformed(Exception):
    """A part of a trace file that is missing or of another kind."""


def _parse(content: dict[str, Any], path: Path, write: str) -> StoredTrace:
    try:
        return StoredTrace(
            model=_text(content, "model"),
            source=_text(content, "source"),
            parameters=tuple(_numbers(content, "parameters").items()),
            design=_text(content, "design"),
            barriers=tuple(_each(content, "barriers", str)),
            digest=_text(content, "digest"),
            property=_text(content, "property"),
            detail=_text(content, "detail"),
            initial=tuple(_each(content, "initial", int)),
            steps=tuple(
                Step(_text(step, "action"), tuple(_numbers(step, "arguments").values()))
                for step in _each(content, "steps", dict)
            ),
            loop=_loop(content),
        )
    except _Malformed as error:
        raise InputError(
            "F51",
            f"this is no whole trace: {error}",
            why="replay needs the model, the design, the initial state and every step",
            write=write,
            at=Location(str(path), 1),
        ) from error


def _text(content: dict[str, Any], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise _Malformed(f'"{key}" is not a text')
    return value


def _numbers(content: dict[str, Any], key: str) -> dict[str, int]:
    value = content.get(key)
    if not isinstance(value, dict) or not all(type(v) is int for v in value.values()):
        raise _Malformed(f'"{key}" does not give each name an integer')
    return value


def _loop(content: dict[str, Any]) -> int | None:
    value = content.get("loop")
    if value is not None and (type(value) is not int or not 0 <= value <= len(content["steps"])):
        raise _Malformed('"loop" is not the number of steps before a loop')
    return value


def _each(content: dict[str, Any], key: str, kind: type) -> list[Any]:
    value = content.get(key)
    if not isinstance(value, list) or not all(type(v) is kind for v in value):
        names = {str: "texts", int: "integers", dict: "objects"}
        raise _Malformed(f'"{key}" is not a list of {names[kind]}')
    return value


def check_names(stored: StoredTrace, model: str, parameters: Collection[str], path: Path) -> None:
    """Refuse a trace of another model, or of one with other parameters."""
    at = Location(str(path), 1)
    if stored.model != model:
        raise InputError(
            "F53",
            f"the trace is of {stored.model}, and the model is {model}",
            why="a trace is performed by the model it was found in",
            write=f"`--model` with the file of {stored.model}, or leave it out",
            at=at,
        )
    given = {name for name, _ in stored.parameters}
    if given != set(parameters):
        raise InputError(
            "F54",
            f"the trace is of another version of {model}",
            why=f"it gives sizes to {', '.join(sorted(given)) or 'nothing'}, and the model has "
            f"{', '.join(parameters) or 'no parameter'}",
            write=AGAIN,
            at=at,
        )


def check_fits(stored: StoredTrace, system: System, path: Path) -> None:
    """Refuse a trace that this system, being another version of its model, cannot perform."""
    at = Location(str(path), 1)
    if stored.digest != system.digest:
        raise InputError(
            "F54",
            f"the trace is of another version of {system.name}",
            why=f"its digest is {stored.digest}, and the model's is now {system.digest}",
            write=AGAIN,
            at=at,
        )
    problem = _misfit(stored, system)
    if problem:
        raise InputError(
            "F55",
            problem,
            why=f"{system.name} has no such state, step or barrier",
            write=AGAIN,
            at=at,
        )


def is_initial(system: System, barriers: Barriers, state: State) -> bool:
    """Whether a run may start in a state."""
    choices = [values for field in system.fields for values in field.initial]
    return all(v in values for v, values in zip(state, choices, strict=True)) and bool(
        evaluate(system, barriers, state, {}, system.initial)
    )


def _misfit(stored: StoredTrace, system: System) -> str:
    if len(stored.initial) != len(system.cells):
        return f"the initial state has {len(stored.initial)} cells instead of {len(system.cells)}"
    for (field, _), value in zip(system.cells, stored.initial, strict=True):
        if not field.domain.low <= value <= field.domain.high:
            return f"the initial state gives {field.name} the value {value}"
    if not is_initial(system, frozenset(stored.barriers), stored.initial):
        return "the state that it starts in is no initial state"
    known = {barrier.name for barrier in system.barriers}
    for barrier in stored.barriers:
        if barrier not in known:
            return f"{barrier!r} is not a barrier"
    steps = set(system.steps)
    for number, step in enumerate(stored.steps, start=1):
        if step not in steps:
            shown = ", ".join(str(value) for value in step.arguments)
            return f"step {number}, {step.action}({shown}), is not a step"
    return ""
