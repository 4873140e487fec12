"""From the declarations of a class to fields, sizes and domains with numbers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from fencepost.core import domains
from fencepost.core.errors import InputError
from fencepost.core.expressions import Variable
from fencepost.core.system import Field
from fencepost.language.component import Component
from fencepost.language.declarations import (
    ActionDeclaration,
    FieldDeclaration,
    Index,
    Parameter,
    elaborate_domain,
)
from fencepost.language.model import Model
from fencepost.language.plain import plain, shown
from fencepost.language.values import Several
from fencepost.language.views import Elaboration

MOST_CELLS = 65_536


@dataclass(frozen=True)
class Part:
    """The model itself, or one of its components, with the prefix of its names."""

    owner: Any
    prefix: str
    members: Mapping[str, Any]
    """Everything declared, in source order."""

    def of_kind(self, *kinds: type) -> Iterator[tuple[str, Any]]:
        left_out = getattr(self.owner, "left_out", ())
        for name, member in self.members.items():
            if isinstance(member, kinds) and name not in left_out:
                yield name, member


def parts_of(model: type[Model]) -> list[Part]:
    """The model, then its components in the order of their declaration."""
    members: dict[str, Any] = {}
    for cls in reversed(model.__mro__):
        members.update(vars(cls))
    parts = [Part(model, "", members)]
    for name, member in members.items():
        if isinstance(member, Component):
            declared: dict[str, Any] = {}
            for cls in reversed(type(member).__mro__):
                declared.update(vars(cls))
            declared.update(vars(member))
            parts.append(Part(member, f"{name}.", declared))
    return parts


def elaborate(model: type[Model], parameters: Mapping[str, int]) -> Elaboration:
    """The fields of a model at given parameters."""
    parts = parts_of(model)
    sizes = _sizes(model, parts[0], parameters)
    for part in parts[1:]:
        for name, declared in part.of_kind(Index):
            declared.name = declared.name or part.prefix + name
    fields: dict[str, Field] = {}
    cells = 0
    for part in parts:
        for name, declared in part.of_kind(FieldDeclaration):
            fields[part.prefix + name] = made = _field(part.prefix + name, declared, sizes)
            cells += made.cells
            if cells > MOST_CELLS:
                raise InputError(
                    "F96",
                    f"{model.__name__} has more than {MOST_CELLS} cells with `{made.name}`",
                    why="a state that large cannot be searched",
                    write="smaller parameters",
                    at=declared.location,
                )
    components = {id(part.owner): part.prefix for part in parts[1:]}
    return Elaboration(model, sizes, fields, components)


def _sizes(model: type[Model], part: Part, given: Mapping[str, int]) -> dict[str, int]:
    declared = dict(part.of_kind(Parameter))
    for name in given:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=3)
            raise InputError(
                "F97",
                f"{model.__name__} has no parameter `{name}`",
                why="only declared parameters can be set",
                write=", ".join(near or declared) or "no parameter: it has none",
            )
    sizes = {}
    for name, parameter in declared.items():
        value = given.get(name, parameter.default)
        if not parameter.low <= value <= parameter.high:
            raise InputError(
                "F98",
                f"{name}={value} of {model.__name__}",
                why=f"it is declared to be between {parameter.low} and {parameter.high}",
                write=f"{name}={parameter.default}, for one",
                at=parameter.location,
            )
        sizes[name] = value
    return sizes


def _field(name: str, declared: FieldDeclaration, sizes: Mapping[str, int]) -> Field:
    if name.rpartition(".")[2].startswith("_"):
        raise InputError(
            "F99",
            f"a field named `{name}`",
            why="names that start with an underscore are not part of the state",
            write=f"`{name.lstrip('_')}`",
            at=declared.location,
        )
    at = declared.location
    indices = tuple(elaborate_domain(index, sizes, at) for index in declared.indices)
    domain = elaborate_domain(declared.of, sizes, at)
    for index in indices:
        if isinstance(index, domains.Maybe | domains.SetOf):
            raise InputError(
                "F27",
                f"`{name}` is indexed by {type(index).__name__}",
                why="an array has a cell for each value of its index domains",
                write="an Index, an IntEnum, bool or Range",
                at=at,
            )
    empty = Field(name, indices, domain, (), location=at)
    initial = tuple(
        _initial(
            name, declared, domain, tuple(shown(d, i) for d, i in zip(indices, p, strict=True))
        )
        for p in product(*(index.values() for index in indices))
    )
    return Field(name, indices, domain, initial, location=empty.location)


def _initial(
    name: str, declared: FieldDeclaration, domain: domains.Domain, indices: tuple[Any, ...]
) -> tuple[int, ...]:
    """The values a cell may start with, as integers."""
    if not declared.has_initial:
        match domain:
            case domains.Bool() | domains.SetOf():
                return (0,)
            case domains.Maybe():
                return (domains.NONE_VALUE,)
            case _:
                raise InputError(
                    "F100",
                    f"`{name}` has no initial value",
                    why="only Booleans, Maybe and sets have an obvious one",
                    write="`initial=0`, `initial=one_of(0, 1)` or `initial=ANY`",
                    at=declared.location,
                )
    given = declared.initial
    if callable(given):
        given = given(*indices)
    values = given.values if isinstance(given, Several) else (given,)
    if values is None:
        return tuple(domain.values())
    encoded = []
    for value in values:
        try:
            number = plain(value)
        except (TypeError, ValueError):
            number = None
        if number is None or not domain.low <= number <= domain.high:
            raise InputError(
                "F101",
                f"`{name}` starts with {value!r}",
                why=f"its domain is {domain.show(domain.low)} .. {domain.show(domain.high)}",
                write="a value of the domain",
                at=declared.location,
            )
        encoded.append(number)
    return tuple(sorted(set(encoded)))


def arguments_of(
    declared: ActionDeclaration, part: Part, elaboration: Elaboration
) -> tuple[Variable, ...]:
    """The arguments of an action with their domains; components name theirs by attribute."""
    arguments = []
    for name, domain in declared.domains.items():
        meant = part.members[domain] if isinstance(domain, str) else domain
        arguments.append(
            Variable(name, elaborate_domain(meant, elaboration.sizes, declared.location))
        )
    return tuple(arguments)
