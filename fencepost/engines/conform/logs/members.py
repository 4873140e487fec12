"""What a log calls the members of each Index, and values as a log writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fencepost.core.domains import Bool, Domain, Enum, Index, Maybe, SetOf


class NoValue(Exception):
    """A value of a log that a domain does not have, and what would be one."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Members:
    """The members of every Index that a log names, numbered as they come.

    `given` lists all members of some Indexes in their order; of an Index for which `by_number` says
    so, the names are the numbers themselves. While sizes are not known, ranges that depend on them
    are not `bounded`.
    """

    def __init__(
        self,
        given: Mapping[str, Sequence[str]],
        by_number: Callable[[Index], bool],
        *,
        bounded: bool,
    ) -> None:
        self._given = given
        self._by_number = by_number
        self._bounded = bounded
        self._known: dict[str, dict[str, int]] = {
            sort: {name: number for number, name in enumerate(names)}
            for sort, names in given.items()
        }
        self._readers: dict[Domain, Callable[[Any], int]] = {}

    def counts(self) -> dict[str, int]:
        """How many members each Index has at least, of those that the log names."""
        return {sort: 1 + max(known.values()) for sort, known in self._known.items() if known}

    def names(self) -> dict[str, list[str]]:
        """The names of the members of each Index, in the order of their numbers."""
        found = {}
        for sort, known in self._known.items():
            names = [f"#{number}" for number in range(1 + max(known.values(), default=-1))]
            for name, number in known.items():
                names[number] = name
            found[sort] = names
        return found

    def reader(self, domain: Domain) -> Callable[[Any], int]:
        """A function from a value in a log to the integer of a domain; it raises `NoValue`."""
        if domain not in self._readers:
            self._readers[domain] = self._made(domain)
        return self._readers[domain]

    def _made(self, domain: Domain) -> Callable[[Any], int]:
        match domain:
            case Index():
                return self._member(domain)
            case Maybe():
                inner = self.reader(domain.of)
                return lambda raw: domain.low if raw is None else inner(raw)
            case Bool():
                return _boolean
            case Enum():
                return _enum(domain)
            case SetOf():
                return self._set(domain)
            case _:
                return _integer(domain, bounded=self._bounded)

    def _member(self, sort: Index) -> Callable[[Any], int]:
        known = self._known.setdefault(sort.name, {})
        closed, by_number = sort.name in self._given, self._by_number(sort)
        met: dict[Any, int] = {}

        def read(raw: Any) -> int:
            kind = type(raw)
            if kind is not int and kind is not str:
                raise NoValue(f"a member of {sort.name} is a text or an integer")
            number = met.get(raw)
            if number is None:
                number = met[raw] = named(str(raw))
            return number

        def named(name: str) -> int:
            if name in known:
                return known[name]
            if closed:
                raise NoValue(f"the header names every {sort.name}: {_few(list(known))}")
            if not by_number:
                return known.setdefault(name, len(known))
            if not name.isdecimal() or not 0 <= int(name) < sort.most:
                raise NoValue(
                    f"the model tells the members of {sort.name} apart by their numbers, so they "
                    f'are 0, 1, ..., unless "names" in the header gives their order'
                )
            return known.setdefault(name, int(name))

        return read

    def _set(self, domain: SetOf) -> Callable[[Any], int]:
        member = self.reader(domain.of)

        def read(raw: Any) -> int:
            if not isinstance(raw, list):
                raise NoValue(f"a set is a list of members of {domain.of.name}")
            bits = 0
            for one in raw:
                bits |= 1 << member(one)
            return bits

        return read


def _boolean(raw: Any) -> int:
    if type(raw) is not bool:
        raise NoValue("it is true or false")
    return int(raw)


def _enum(domain: Enum) -> Callable[[Any], int]:
    numbers = {name: domain.first + place for place, name in enumerate(domain.members)}

    def read(raw: Any) -> int:
        if type(raw) is not str or raw not in numbers:
            raise NoValue(f"{domain.name} is one of {', '.join(domain.members)}")
        return numbers[raw]

    return read


def _integer(domain: Domain, *, bounded: bool) -> Callable[[Any], int]:
    def read(raw: Any) -> int:
        if type(raw) is not int or (bounded and not domain.low <= raw <= domain.high):
            raise NoValue(f"it is an integer from {domain.low} to {domain.high}")
        return raw

    return read


def show_value(domain: Domain, value: int, names: Mapping[str, Sequence[str]]) -> str:
    """A value as a person reads it, with the names of the log."""
    match domain:
        case Index():
            known = names.get(domain.name, ())
            return known[value] if 0 <= value < len(known) else f"#{value}"
        case Maybe(of=inner) if value >= 0:
            return show_value(inner, value, names)
        case SetOf(of=sort):
            inside = [show_value(sort, n, names) for n in range(sort.count) if value >> n & 1]
            return "{" + ", ".join(inside) + "}"
        case _:
            return domain.show(value)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown}, ..." if len(names) > 6 else shown
