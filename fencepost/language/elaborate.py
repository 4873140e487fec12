"""From the declarations of a class to fields, sizes and domains with numbers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from fencepost.core import domains
from fencepost.core.errors import InputError
from fencepost.core.expressions import Constant, Variable
from fencepost.core.semantics import MOST_INITIAL_CANDIDATES
from fencepost.core.system import Field
from fencepost.language.any_size import AnyMember, AnySize, Asked, NamesAMember, finite_only
from fencepost.language.blame import blaming
from fencepost.language.component import Component
from fencepost.language.declarations import (
    ActionDeclaration,
    Barrier,
    DomainDeclaration,
    FieldDeclaration,
    Index,
    Parameter,
    Size,
    elaborate_domain,
)
from fencepost.language.model import Model
from fencepost.language.plain import shown
from fencepost.language.symbols import argument_name, check_comparable, describe, lift
from fencepost.language.values import ANY, Several, describe_value
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


def elaborate(
    model: type[Model], parameters: Mapping[str, int], *, any_size: bool = False
) -> Elaboration:
    """The fields of a model at given parameters; for any size, those that size no Index."""
    parts = parts_of(model)
    sizes = _sizes(model, parts[0], parameters)
    for part in parts[1:]:
        for name, declared in part.of_kind(Index):
            declared.name = declared.name or part.prefix + name
    for name, declared in parts[0].of_kind(Parameter, Barrier):
        if declared.name != name:
            raise InputError(
                "F115",
                f"`{name}` and `{declared.name}` are one {type(declared).__name__}",
                why="it can be set, and is reported, under one name only",
                write=f"`{name} = {type(declared).__name__}(...)` of its own",
                at=declared.location,
            )
    if any_size:
        sizes = _any_size(parts, sizes)
    for part in parts:
        with blaming(part.owner, part.prefix):
            for _, declared in part.of_kind(DomainDeclaration):
                declared.elaborate(sizes)
            if isinstance(part.owner, Component):
                part.owner._check_sizes(sizes)
    fields: dict[str, Field] = {}
    cells = 0
    for part in parts:
        with blaming(part.owner, part.prefix):
            for name, declared in part.of_kind(FieldDeclaration):
                fields[part.prefix + name] = made = _field(part.prefix + name, declared, sizes)
                cells += made.cells
                if cells > MOST_CELLS and not any_size:
                    raise _too_large(made.name, declared)
    components = {id(part.owner): part.prefix for part in parts[1:]}
    return Elaboration(model, sizes, fields, components)


def _any_size(parts: list[Part], sizes: dict[str, int]) -> AnySize:
    """The parameters, told apart by whether they size an Index."""
    asked = Asked(sizes)
    for part in parts:
        for _, declared in part.of_kind(Index):
            declared.count.value(asked)
    bounds = {name: (p.low, p.high) for name, p in parts[0].of_kind(Parameter)}
    return AnySize(sizes, asked.names, bounds)


def _too_large(name: str, declared: FieldDeclaration) -> InputError:
    return InputError(
        "F96",
        f"the state has more than {MOST_CELLS} cells with `{name}`",
        why="a state that large cannot be searched",
        write="smaller parameters",
        at=declared.location,
    )


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
        if not isinstance(value, int) or not parameter.low <= value <= parameter.high:
            raise InputError(
                "F98",
                f"{name}={value!r} of {model.__name__}",
                why=f"it is declared to be an integer between {parameter.low} and {parameter.high}",
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
    if isinstance(sizes, AnySize):
        return replace(empty, initial=_initial_of_all(empty, declared, sizes))
    if empty.cells > MOST_CELLS:
        raise _too_large(name, declared)
    initial = tuple(
        _initial(
            name,
            declared,
            domain,
            tuple(shown(d, i) for d, i in zip(indices, p, strict=True)),
            sizes,
        )
        for p in product(*(index.values() for index in indices))
    )
    return Field(name, indices, domain, initial, location=empty.location)


def _initial_of_all(
    field: Field, declared: FieldDeclaration, sizes: AnySize
) -> tuple[tuple[int, ...], ...]:
    """Starting values for any size: as `Field.initial` says, an Index counts as one member."""
    if declared.initial is ANY:
        return ((),) * sum(1 for _ in _kinds_of_cells(field))
    found = []
    for place in _kinds_of_cells(field):
        given = tuple(
            AnyMember() if isinstance(d, domains.Index) else shown(d, i)
            for d, i in zip(field.indices, place, strict=True)
        )
        try:
            values = _initial(field.name, declared, field.domain, given, sizes)
        except NamesAMember:
            raise finite_only(
                f"initial values of {field.name} that depend on its index", declared.location
            ) from None
        if _names_a_member(field.domain, values):
            raise finite_only(
                f"initial values of {field.name} that are members of an Index", declared.location
            )
        found.append(values)
    return tuple(found)


def _kinds_of_cells(field: Field) -> Iterator[tuple[int, ...]]:
    """The cells of a field, as if each Index had one member."""
    return product(*((0,) if isinstance(d, domains.Index) else d.values() for d in field.indices))


def _names_a_member(domain: domains.Domain, values: tuple[int, ...]) -> bool:
    match domain:
        case domains.Index() | domains.Maybe(of=domains.Index()):
            return any(value >= 0 for value in values)
        case domains.SetOf():
            return any(values)
        case _:
            return False


def _initial(
    name: str,
    declared: FieldDeclaration,
    domain: domains.Domain,
    indices: tuple[Any, ...],
    sizes: Mapping[str, int],
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
                    write=_first(domain),
                    at=declared.location,
                )
    given = declared.initial
    if isinstance(given, Size):
        given = _number(name, declared, given, sizes)
    if callable(given) and not isinstance(given, type):
        try:
            given = given(*indices)
        except (InputError, NamesAMember):
            raise
        except Exception as error:
            raise InputError(
                "F101",
                f"the function that gives `{name}` its start raises "
                f"{type(error).__name__}: {error}",
                why="it is called with the indices of each cell",
                write="`initial=lambda request: ...` with one argument for each index",
                at=declared.location,
            ) from error
    values = given.values if isinstance(given, Several) else (given,)
    if values is None:
        if domain.size > MOST_INITIAL_CANDIDATES:
            raise InputError(
                "F120",
                f"`{name}` starts with any of {domain.size} values",
                why=f"more than {MOST_INITIAL_CANDIDATES} initial states are not enumerated",
                write="a smaller domain, or `one_of(...)`",
                at=declared.location,
            )
        return tuple(domain.values())
    return tuple(sorted({_encoded(name, declared, domain, value) for value in values}))


def _number(name: str, declared: FieldDeclaration, given: Size, sizes: Mapping[str, int]) -> int:
    """The number that a parameter gives a field to start with."""
    asked = Asked(sizes)
    value = given.value(asked)
    if isinstance(sizes, AnySize) and asked.names & sizes.universal:
        raise finite_only(f"initial values of {name} that are sizes", declared.location)
    return value


def _first(domain: domains.Domain) -> str:
    """What a field could start with."""
    if isinstance(domain, domains.Enum):
        one, *others = (f"{domain.name}.{member}" for member in domain.members)
        more = f", `initial=one_of({one}, {others[0]})`" if others else ""
        return f"`initial={one}`{more} or `initial=ANY`"
    return "`initial=0`, `initial=one_of(0, 1)` or `initial=ANY`"


def _encoded(name: str, declared: FieldDeclaration, domain: domains.Domain, value: Any) -> int:
    """A starting value as the integer of its cell."""
    number: int | None = None
    if isinstance(domain, domains.SetOf) and isinstance(value, set | frozenset):
        inside = all(type(i) is int and 0 <= i < domain.of.count for i in value)
        number = sum(1 << i for i in value) if inside else None
    else:
        try:
            lifted = lift(value)
            if isinstance(lifted, Constant):
                check_comparable(lifted, Variable("", domain), "")
                number = lifted.value
        except InputError:
            number = None
    if number is None or not domain.low <= number <= domain.high:
        raise InputError(
            "F101",
            f"`{name}` starts with {describe_value(value)}",
            why=f"its domain is {describe(domain)}: "
            f"{domain.show(domain.low)} .. {domain.show(domain.high)}",
            write=_value_of(domain),
            at=declared.location,
        )
    return number


def _value_of(domain: domains.Domain) -> str:
    """What a start that is no value of a domain is to be replaced by."""
    if not isinstance(domain, domains.SetOf):
        return "a value of the domain"
    members = f" or a set of members (0 .. {domain.of.high}): `initial={{0}}`"
    return f"`initial=EMPTY`{members if domain.of.count else ''}"


def arguments_of(
    declared: ActionDeclaration, part: Part, elaboration: Elaboration
) -> tuple[Variable, ...]:
    """The arguments of an action with their domains; components name theirs by attribute."""
    arguments: list[Variable] = []
    for name, domain in declared.domains.items():
        meant = part.members.get(domain, domain) if isinstance(domain, str) else domain
        several = meant if name == declared.starred and isinstance(meant, tuple) else (meant,)
        for of in several:
            found = elaborate_domain(of, elaboration.sizes, declared.location)
            shown = name if len(several) == 1 else _part_name(name, found, arguments)
            arguments.append(Variable(shown, found))
    return tuple(arguments)


def _part_name(name: str, domain: domains.Domain, before: list[Variable]) -> str:
    """The name of one of the arguments that `*name` stands for: that of its domain, if it can."""
    wanted = argument_name(domain) or f"{name}_{len(before) + 1}"
    if wanted in [argument.name for argument in before]:
        return f"{wanted}_{len(before) + 1}"
    return wanted
