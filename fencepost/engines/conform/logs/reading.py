"""The events of a log, from JSON lines to numbers; every way they can be wrong is an error.

A log that is cut short would be a shorter run, and a line that is skipped another run: so a log
states its end, and nothing in it is passed over.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fencepost.core.domains import Bool, Domain, Range
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Variable
from fencepost.core.system import Field, Step
from fencepost.engines.conform.logs.events import Event, Log, Seen
from fencepost.engines.conform.logs.header import Header, parse
from fencepost.engines.conform.logs.members import Members, NoValue

CELL = re.compile(r"([^\[\]]+)(?:\[(.*)\])?")
END = '`{"end": true, "events": 1234}` as its last line, with the number of its events'

Reader = Callable[[Any], int]


class LogReader:
    """Reads the events of one log: `actions` with their arguments, `fields` of the state."""

    def __init__(
        self,
        file: str,
        header: Header,
        actions: Mapping[str, Sequence[Variable]],
        fields: Mapping[str, Field],
        members: Members,
    ) -> None:
        self.file = file
        self.header = header
        self.members = members
        self._fields = fields
        self._actions = {
            name: tuple((a.name, members.reader(a.of)) for a in arguments)
            for name, arguments in actions.items()
        }
        self._cells: dict[str, tuple[str, tuple[int, ...], Reader]] = {}

    def read(self, lines: Iterable[bytes]) -> Log:
        """The log, of which `lines` are those after the header."""
        events: list[Event] = []
        seen = self._seen(self.header.seen, 1)
        end = 0
        load, actions = json.loads, self._actions
        for number, line in enumerate(lines, 2):
            if end:
                raise self._error("F276", "there are lines after the end of the log", number)
            try:
                content = load(line)
                name = content["step"]
                if "arguments" in content:
                    events.append(self._careful(content, number))
                    continue
                values = tuple([read(content[argument]) for argument, read in actions[name]])
                observed = self._seen(content["seen"], number) if "seen" in content else ()
            except (ValueError, TypeError, KeyError, RecursionError, NoValue):
                content = parse(line, Location(self.file, number))
                if "end" in content and "step" not in content:
                    end = self._end(content, len(events), number)
                    continue
                events.append(self._careful(content, number))
                continue
            events.append(Event(number, Step(name, values), observed))
        if not end:
            raise InputError(
                "F275",
                "the log does not say where it ends",
                why=f"after its {len(events)} events there may have been others: a log that is cut "
                "short is not the run that it was",
                write=END,
                at=Location(self.file, len(events) + 1),
            )
        return Log(self.file, events, self.members.names(), seen, self._unlogged())

    def _careful(self, content: Mapping[str, Any], number: int) -> Event:
        """An event whose arguments are given together, or one that is at fault."""
        name = content.get("step")
        if not isinstance(name, str):
            raise InputError(
                "F274",
                "this line of the log is neither an event nor its end",
                why='an event has a "step", the name of an action of the model',
                write='`{"step": "allocate", "request": 17, "slot": 3}`',
                at=Location(self.file, number),
            )
        arguments = self._known(name, number)
        given: Any = content.get("arguments", content)
        if not isinstance(given, dict):
            raise self._missing(name, f'"arguments" of {name} is not an object', number)
        names = [argument for argument, _ in arguments]
        for key in given if "arguments" in content else ():
            if key not in names:
                raise self._missing(name, f"{name} has no argument {key!r}", number)
        values = []
        for argument, read in arguments:
            if argument not in given:
                raise self._missing(name, f"{name} without its argument {argument!r}", number)
            values.append(self._value(f"{argument} of {name}", read, given[argument], number))
        seen = self._seen(content["seen"], number) if "seen" in content else ()
        return Event(number, Step(name, tuple(values)), seen)

    def _known(self, name: str, number: int) -> tuple[tuple[str, Reader], ...]:
        if name not in self._actions:
            near = difflib.get_close_matches(name, self._actions, n=3)
            raise InputError(
                "F277",
                f"{self.header.model} has no action {name!r}",
                why="an event is a step of the model; what is none has no place in its log",
                write=", ".join(near or self._actions),
                at=Location(self.file, number),
            )
        return self._actions[name]

    def _missing(self, name: str, what: str, number: int) -> InputError:
        names = [argument for argument, _ in self._actions[name]]
        event = ", ".join([f'"step": "{name}"', *(f'"{argument}": ...' for argument in names)])
        why = "a step is an action with a value for each of its arguments"
        return InputError(
            "F278", what, why=why, write=f"`{{{event}}}`", at=Location(self.file, number)
        )

    def _value(self, what: str, read: Reader, raw: Any, number: int) -> int:
        try:
            return read(raw)
        except NoValue as problem:
            raise InputError(
                "F279",
                f"{what} is {json.dumps(raw)[:80]} in the log",
                why=problem.why,
                write="a value that it can have, or a larger size in the header",
                at=Location(self.file, number),
            ) from problem

    def _seen(self, given: Any, number: int) -> Seen:
        if not isinstance(given, dict):
            raise self._error("F280", '"seen" is not an object of cells and their values', number)
        found = []
        for key, raw in given.items():
            if key not in self._cells:
                self._cells[key] = self._cell(key, number)
            field, indices, read = self._cells[key]
            found.append((field, indices, self._value(key, read, raw, number)))
        return tuple(found)

    def _cell(self, key: str, number: int) -> tuple[str, tuple[int, ...], Reader]:
        match = CELL.fullmatch(key)
        field = self._fields.get(match[1]) if match else None
        if match is None or field is None:
            near = difflib.get_close_matches(key.partition("[")[0], self._fields, n=3)
            what = (
                f"{self.header.model} has no field for {key!r}: {', '.join(near or self._fields)}"
            )
            raise self._error("F280", what, number)
        inside = match[2]
        parts = [] if inside is None else [inside]
        if len(field.indices) > 1 and inside is not None:
            parts = [part.strip() for part in inside.split(",")]
        if len(parts) != len(field.indices):
            what = f"{key!r} has {len(parts)} indices, and {field.name} has {len(field.indices)}"
            raise self._error("F280", what, number)
        indices = tuple(
            self._value(
                f"an index of {key}", self.members.reader(domain), _raw(part, domain), number
            )
            for part, domain in zip(parts, field.indices, strict=True)
        )
        return field.name, tuple(indices), self.members.reader(field.domain)

    def _end(self, content: Mapping[str, Any], events: int, number: int) -> int:
        if content.get("end") is not True or type(content.get("events")) is not int:
            raise self._error(
                "F276", "the end of the log does not say how many events it has", number
            )
        if content["events"] != events:
            what = f"the log has {events} events, and its end says {content['events']}"
            raise self._error("F276", what, number)
        return number

    def _unlogged(self) -> tuple[str, ...]:
        for name in self.header.unlogged:
            self._known(name, 1)
        return self.header.unlogged

    def _error(self, code: str, what: str, number: int) -> InputError:
        why, write = {
            "F276": ("lines were lost, repeated or put in", END),
            "F280": (
                "what was seen is held against the cells of the state",
                '`"seen": {"phase[17]": "DECODING"}`',
            ),
        }[code]
        return InputError(code, what, why=why, write=write, at=Location(self.file, number))


def _raw(text: str, domain: Domain) -> Any:
    """The index of a cell, which is text in a key, as it stands elsewhere in a log."""
    if isinstance(domain, Range) and re.fullmatch(r"-?\d+", text):
        return int(text)
    if isinstance(domain, Bool) and text in ("true", "false"):
        return text == "true"
    return text
