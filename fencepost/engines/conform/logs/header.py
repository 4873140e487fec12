"""The first line of a log: which model it is of, and how it is to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from fencepost.core.errors import InputError, Location

SCHEMA = "fencepost events"
VERSION = 1
KEYS = (
    "log",
    "version",
    "model",
    "design",
    "barriers",
    "sizes",
    "names",
    "unlogged",
    "seen",
    "note",
)
EXAMPLE = f'{{"log": "{SCHEMA}", "version": {VERSION}, "model": "slot_lifecycle"}}'


@dataclass(frozen=True)
class Header:
    """What a log says of itself: everything but the model may be left out.

    `sizes` are parameters, `names` the members of an Index in their order, `seen` values before the
    first event as they stand in the log, `unlogged` actions without lines of their own.
    """

    model: str
    design: str | None = None
    barriers: tuple[str, ...] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unlogged: tuple[str, ...] = ()
    seen: Mapping[str, Any] = field(default_factory=dict)


def parse(line: bytes, at: Location) -> dict[str, Any]:
    """One line of a log: a JSON object."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "F271",
            "this line of the log is not JSON",
            why=f"{' '.join(str(error).split())}; a line that cannot be read may be any event",
            write="one JSON object a line, in UTF-8",
            at=at,
        ) from error
    if not isinstance(content, dict):
        raise InputError(
            "F271",
            f"this line of the log is a JSON {_kind(content)}",
            why="an event is an object",
            write='`{"step": "allocate", "request": 17, "slot": 3}`',
            at=at,
        )
    return content


def read_header(line: bytes, at: Location) -> Header:
    """The first line of a log; every way it can be wrong is a numbered error."""
    content = parse(line, at)
    if content.get("log") != SCHEMA:
        raise InputError(
            "F272",
            "the log does not start with a header",
            why=f'the first line says "log": "{SCHEMA}", and of which model the log is',
            write=f"`{EXAMPLE}` as its first line",
            at=at,
        )
    if content.get("version") != VERSION or isinstance(content.get("version"), bool):
        raise InputError(
            "F272",
            f"the log has version {content.get('version')!r}",
            why=f"this version of fencepost reads version {VERSION}",
            write=f'`"version": {VERSION}`, for a log of the form that the documents describe',
            at=at,
        )
    for key in content:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1) or ["note"]
            raise InputError(
                "F273",
                f'"{key}" is no entry of the header of a log',
                why="what the header says of how to read the log would be passed over",
                write=f'"{near[0]}"; what is meant for people goes into "note"',
                at=at,
            )
    if not isinstance(content.get("model"), str):
        raise _wrong("model", "a text", '"slot_lifecycle"', at)
    if "design" in content and not isinstance(content["design"], str):
        raise _wrong("design", "a text", '"safe"', at)
    if "design" in content and "barriers" in content:
        raise InputError(
            "F273",
            "the header gives both a design and barriers",
            why="a design is a set of barriers",
            write="one of the two",
            at=at,
        )
    return Header(
        content["model"],
        content.get("design"),
        _texts(content, "barriers", at) if "barriers" in content else None,
        _sizes(content, at),
        {
            sort: tuple(_name(sort, name, at) for name in names)
            for sort, names in _object(content, "names", at).items()
            if _is_list(sort, names, at)
        },
        _texts(content, "unlogged", at),
        _object(content, "seen", at),
    )


def _object(content: Mapping[str, Any], key: str, at: Location) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise _wrong(key, "an object", "{}", at)
    return value


def _texts(content: Mapping[str, Any], key: str, at: Location) -> tuple[str, ...]:
    value = content.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _wrong(key, "a list of texts", '["land"]', at)
    return tuple(dict.fromkeys(value))


def _sizes(content: Mapping[str, Any], at: Location) -> dict[str, int]:
    sizes = _object(content, "sizes", at)
    if not all(type(size) is int for size in sizes.values()):
        raise _wrong("sizes", "an object of integers", '{"chunks": 4}', at)
    return sizes


def _is_list(sort: str, names: Any, at: Location) -> bool:
    if not isinstance(names, list) or len({str(name) for name in names}) < len(names):
        raise _wrong(f"names of {sort}", "a list without repetition", '{"Layer": ["a", "b"]}', at)
    return True


def _name(sort: str, name: Any, at: Location) -> str:
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise _wrong(f"names of {sort}", "a list of texts and integers", '{"Layer": [0, 1]}', at)
    return str(name)


def _wrong(key: str, wanted: str, example: str, at: Location) -> InputError:
    return InputError(
        "F273",
        f'"{key}" in the header of the log is not {wanted}',
        why="the header says how the events are to be read",
        write=f"such as `{example}`",
        at=at,
    )


def _kind(value: object) -> str:
    kinds: dict[type, str] = {list: "list", str: "text", bool: "Boolean", type(None): "null"}
    return kinds.get(type(value), "number")
