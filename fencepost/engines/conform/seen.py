"""What an adapter shows of an implementation, read as values of the cells of a model's state."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum as PythonEnum
from typing import Any

from fencepost.core import domains
from fencepost.core.domains import NONE_VALUE, Domain
from fencepost.core.errors import InputError, Location
from fencepost.core.system import Field, State, System


@dataclass(frozen=True)
class Outside:
    """A value that no state of the model has in this cell, as a person reads it."""

    text: str


Seen = tuple[tuple[int, "int | Outside"], ...]
"""For each cell that is seen, its position in a state and its value."""


class Unreadable(Exception):
    """A value of a kind that the domain has no reading for: what it should be."""


class Reader:
    """Reads what `observe` gives, for one system and one adapter."""

    def __init__(self, system: System, at: Location) -> None:
        self.system, self.at = system, at

    def read(self, observed: object) -> Seen:
        """The cells that are seen, by their positions."""
        if not isinstance(observed, Mapping):
            raise self._error(
                "F254",
                f"`observe` gives {_shown(observed)}",
                "what is seen is told by the names of the model's fields",
                'a dict such as `{"phase": [...]}`',
            )
        cells = [cell for name, value in observed.items() for cell in self._field(name, value)]
        if not cells:
            raise self._error(
                "F254",
                "`observe` shows no cell of the model's state",
                "an implementation of which nothing is seen fits every model",
                f"one of its fields at least: {', '.join(self.system.field)}",
            )
        return tuple(sorted(cells, key=lambda cell: cell[0]))

    def _field(self, name: object, value: object) -> Iterator[tuple[int, int | Outside]]:
        field = self.system.field.get(name) if isinstance(name, str) else None
        if field is None:
            known = list(self.system.field)
            close = get_close_matches(str(name), known, n=2, cutoff=0.5)
            meant = f" (did you mean {' or '.join(close)}?)" if close else ""
            raise self._error(
                "F254",
                f"`observe` shows {name!r}, and {self.system.name} has no such field{meant}",
                "what is shown under another name would be compared with nothing",
                f"one of {', '.join(known)}",
            )
        first = self.system.offsets[field.name]
        for cell, one in self._cells(field, value, ()):
            try:
                yield first + cell, value_of(field.domain, one)
            except Unreadable as problem:
                where = self.system.cells[first + cell][1]
                place = f"{field.name}[{', '.join(map(str, where))}]" if where else field.name
                raise self._error(
                    "F256",
                    f"`observe` gives {place} the value {_shown(one)}",
                    f"a value of {field.name} is {problem}",
                    "what the implementation holds, in the words of the model",
                ) from problem

    def _cells(
        self, field: Field, value: Any, before: tuple[int, ...]
    ) -> Iterator[tuple[int, object]]:
        """The cells of a field below some indices, by position, with what is shown of each."""
        if len(before) == len(field.indices):
            position = field.cell(before)
            if position is None:
                raise AssertionError(f"indices are checked as they are read: {before}")
            yield position, value
            return
        if isinstance(value, Mapping):
            for key, one in value.items():
                yield from self._cells(field, one, (*before, *self._key(field, key, before)))
            return
        value = value.tolist() if hasattr(value, "tolist") else value
        index = field.indices[len(before)]
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self._misshapen(field, f"shows {_shown(value)} of {field.name}")
        if len(value) != index.size:
            raise self._misshapen(field, f"shows {len(value)} of {field.name} in a list")
        for key, one in zip(index.values(), value, strict=True):
            yield from self._cells(field, one, (*before, key))

    def _key(self, field: Field, key: object, before: tuple[int, ...]) -> tuple[int, ...]:
        """The indices that a key of a dict stands for."""
        keys = key if isinstance(key, tuple) else (key,)
        wanted = field.indices[len(before) : len(before) + len(keys)]
        try:
            read = [value_of(index, one) for index, one in zip(wanted, keys, strict=True)]
        except (Unreadable, ValueError) as problem:
            raise self._misshapen(field, f"shows {field.name} at {_shown(key)}") from problem
        inside = tuple(one for one in read if isinstance(one, int))
        if len(inside) < len(read):
            raise self._misshapen(field, f"shows {field.name} at {_shown(key)}")
        return inside

    def _misshapen(self, field: Field, what: str) -> InputError:
        if not field.indices:
            return self._error("F255", f"`observe` {what}", "it has no index", "its value alone")
        shape = " by ".join(str(size) for size in field.shape)
        ranges = ", ".join(f"{index.low} to {index.high}" for index in field.indices)
        several = "a tuple of them" if len(field.indices) > 1 else "an index"
        return self._error(
            "F255",
            f"`observe` {what}",
            f"{field.name} has {shape} cells here, with indices {ranges}",
            f"a list of all of them, or a dict from {several} to a value for those that are seen",
        )

    def _error(self, code: str, what: str, why: str, write: str) -> InputError:
        return InputError(code, what, why=why, write=write, at=self.at)


def value_of(domain: Domain, value: Any) -> int | Outside:
    """The integer that stands for a value; `Unreadable` where it is of another kind."""
    if hasattr(value, "item"):  # a number of numpy or torch, if it is one number
        try:
            value = value.item()
        except (TypeError, ValueError, RuntimeError) as error:
            raise Unreadable("one value") from error
    match domain:
        case domains.Bool():
            if isinstance(value, bool):
                return int(value)
            raise Unreadable("True or False")
        case domains.Maybe():
            if value is None:
                return NONE_VALUE
            try:
                read = value_of(domain.of, value)
            except Unreadable as problem:
                raise Unreadable(f"None for NONE, or {problem}") from problem
            return Outside(str(value)) if read == NONE_VALUE else read
        case domains.SetOf():
            if not isinstance(value, (set, frozenset, list, tuple)):
                raise Unreadable("a set of indices")
            members = [value_of(domain.of, one) for one in value]
            if all(isinstance(one, int) for one in members):
                return sum(1 << one for one in set(members) if isinstance(one, int))
            return Outside("{" + ", ".join(sorted(str(one) for one in value)) + "}")
        case domains.Enum():
            return _member(domain, value)
        case _:
            return _within(domain, _integer(value, "an integer"))


def _member(domain: domains.Enum, value: Any) -> int | Outside:
    """A member by itself or by its name; by its number where it is neither."""
    known = f"one of {', '.join(domain.members)}"
    name = value.name if isinstance(value, PythonEnum) else value
    if isinstance(name, str):
        if name not in domain.members:
            raise Unreadable(known)
        return domain.first + domain.members.index(name)
    return _within(domain, _integer(value, known))


def _integer(value: Any, wanted: str) -> int:
    try:
        if isinstance(value, bool):
            raise Unreadable(wanted)
        return operator.index(value)
    except TypeError as error:
        raise Unreadable(wanted) from error


def _within(domain: Domain, value: int) -> int | Outside:
    return value if domain.low <= value <= domain.high else Outside(str(value))


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text[:57]}..." if len(text) > 60 else text


def shown_state(system: System, state: State) -> dict[str, object]:
    """A state in the words in which an adapter shows one, an array as a dict by index."""
    found: dict[str, object] = {}
    for (field, indices), value in zip(system.cells, state, strict=True):
        word = _word(field.domain, value)
        if not indices:
            found[field.name] = word
            continue
        cells = found.setdefault(field.name, {})
        if isinstance(cells, dict):
            cells[indices if len(indices) > 1 else indices[0]] = word
    return found


def _word(domain: Domain, value: int) -> object:
    match domain:
        case domains.Bool():
            return bool(value)
        case domains.Maybe():
            return None if value == NONE_VALUE else _word(domain.of, value)
        case domains.SetOf():
            return frozenset(n for n in range(domain.of.count) if value >> n & 1)
        case domains.Enum():
            return domain.show(value)
        case _:
            return value


def fits(seen: Seen, state: State) -> bool:
    """Whether every cell that is seen has the value that it has in a state."""
    return all(state[position] == value for position, value in seen)


def misfits(seen: Seen, state: State) -> tuple[int, ...]:
    """The cells, by position, in which what is seen is not what a state has."""
    return tuple(position for position, value in seen if state[position] != value)
