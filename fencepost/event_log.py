"""Writing the log of a running system, for `fencepost conform MODEL --log FILE`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self


class EventLog:
    """The events of one run of a system, as JSON lines: `with EventLog("events.jsonl", ...)`.

    `model` is the file name of the model; `design`, `sizes` of parameters, and `unlogged` actions
    may be left out, and `seen` are values before the first event. The end is written when the block
    is left without an exception, so the log of a run that broke off is not taken for a whole one.
    Threads may share a log: lines are in the order of the calls, and that order is what is checked.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        model: str,
        design: str | None = None,
        sizes: Mapping[str, int] | None = None,
        unlogged: Sequence[str] = (),
        seen: Mapping[str, object] | None = None,
    ) -> None:
        from fencepost.engines.conform.logs.header import SCHEMA, VERSION

        self._lock = Lock()
        self._events = 0
        self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115  # until `close`
        header: dict[str, Any] = {"log": SCHEMA, "version": VERSION, "model": model}
        optional = {
            "design": design,
            "sizes": dict(sizes or {}),
            "unlogged": list(unlogged),
            "seen": _plain(seen or {}),
        }
        self._write(header | {key: value for key, value in optional.items() if value})

    def step(
        self, action: str, /, *, seen: Mapping[str, object] | None = None, **arguments: Any
    ) -> None:
        """Write that a step was taken, with its arguments: integers, texts, Booleans.

        `seen` are values of the state between this step and the next: `{"phase[17]": Phase.DONE}`.
        """
        event: dict[str, Any] = {"step": action, **arguments}
        if seen:
            event["seen"] = _plain(seen)
        with self._lock:
            self._events += 1
            self._write(event)

    def close(self) -> None:
        """Write the end: nothing happened after the last event."""
        with self._lock:
            if not self._file.closed:
                self._write({"end": True, "events": self._events})
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()

    def _write(self, content: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(content) + "\n")


def _plain(seen: Mapping[str, object]) -> dict[str, object]:
    """Values as JSON has them: members of an enum by name, sets as lists."""
    found: dict[str, object] = {}
    for cell, value in seen.items():
        if isinstance(value, Enum):
            found[cell] = value.name
        elif isinstance(value, set | frozenset):
            found[cell] = sorted(value)
        else:
            found[cell] = value
    return found
