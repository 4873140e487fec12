"""What `self` is while a body runs: fields, sizes, barriers and components by their names."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from fencepost.core.domains import Domain, SetOf
from fencepost.core.errors import InputError
from fencepost.core.system import Field
from fencepost.language.declarations import (
    ActionDeclaration,
    Barrier,
    ConditionDeclaration,
    DomainDeclaration,
    FieldDeclaration,
    Parameter,
    Size,
    elaborate_domain,
)
from fencepost.language.machine import Machine, Value, caller


@dataclass(frozen=True)
class Elaboration:
    """A model's declarations with its sizes known."""

    model: type
    sizes: Mapping[str, int]
    fields: Mapping[str, Field]
    components: Mapping[int, str] = field(default_factory=dict)
    """The prefix of each component, by its `id`."""

    def domain(self, declared: Any) -> Domain:
        return elaborate_domain(declared, self.sizes, None)


class DomainView:
    """An index sort or range inside a body: it can be iterated and quantified over."""

    def __init__(self, machine: Machine, domain: Domain) -> None:
        self.domain = domain
        self._machine = machine

    def __iter__(self) -> Iterator[Value]:
        return self._machine.elements(self.domain)


def domain_of(given: Any) -> Domain:
    """The domain meant by an argument of a quantifier."""
    if isinstance(given, DomainView):
        return given.domain
    return elaborate_domain(given, {}, caller())


class ArrayView:
    """An array, or a row of one: indexing it fully reads or writes a cell."""

    __slots__ = ("_machine", "field", "prefix")

    def __init__(self, machine: Machine, field: Field, prefix: tuple[Value, ...] = ()) -> None:
        self._machine = machine
        self.field = field
        self.prefix = prefix

    def _indices(self, key: Any) -> tuple[Value, ...]:
        indices = self.prefix + (key if isinstance(key, tuple) else (key,))
        if len(indices) > len(self.field.indices):
            raise InputError(
                "F28",
                f"{self.field.name} takes {len(self.field.indices)} indices, not {len(indices)}",
                why="an array has one index for each domain it was declared with",
                write=f"as many indices as `{self.field.name} = Array(...)` has domains",
                at=caller(),
            )
        return indices

    def __getitem__(self, key: Any) -> Value:
        indices = self._indices(key)
        if len(indices) < len(self.field.indices):
            return ArrayView(self._machine, self.field, indices)
        return cell_value(self._machine, self.field, indices)

    def __setitem__(self, key: Any, value: Value) -> None:
        indices = self._indices(key)
        if len(indices) < len(self.field.indices):
            raise InputError(
                "F29",
                f"assignment to a row of {self.field.name}",
                why="a row has many cells",
                write=f"`assign(self.{self.field.name}[...], to=...)`",
                at=caller(),
            )
        self._machine.write(self.field, indices, value)

    def __iter__(self) -> Iterator[Value]:
        raise InputError(
            "F28",
            f"iteration over {self.field.name} itself",
            why="a loop runs over an Index, whose members index the array",
            write=f"`for i in self.Index: ... self.{self.field.name}[i]`",
            at=caller(),
        )


class SetView:
    """A set in the state: `.add`, `.remove`, `in`; it always shows the present members."""

    __slots__ = ("field", "indices", "machine")

    def __init__(self, machine: Machine, field: Field, indices: tuple[Value, ...]) -> None:
        self.machine = machine
        self.field = field
        self.indices = indices

    def add(self, element: Value) -> None:
        """Put an element in; nothing changes if it is there already."""
        self.machine.update_set(self.field, self.indices, element, True)

    def remove(self, element: Value) -> None:
        """Take an element out; nothing changes if it is not there."""
        self.machine.update_set(self.field, self.indices, element, False)

    def __contains__(self, element: Value) -> bool:
        return bool(self.machine.contains(self.field, self.indices, element))

    def members(self) -> Value:
        """The members as one value."""
        return self.machine.read(self.field, self.indices)

    def __eq__(self, other: object) -> Any:
        return self.members() == (other.members() if isinstance(other, SetView) else other)

    def __ne__(self, other: object) -> Any:
        return self.members() != (other.members() if isinstance(other, SetView) else other)

    __hash__ = None  # type: ignore[assignment]  # a set in the state is no key

    def __bool__(self) -> bool:
        raise InputError(
            "F45",
            f"the set {self.field.name} is used as a condition",
            why="whether that asks for emptiness is left unsaid",
            write=f"`self.{self.field.name} != EMPTY`",
            at=caller(),
        )


def cell_value(machine: Machine, field: Field, indices: tuple[Value, ...]) -> Value:
    """What a body gets for a cell: a handle for a set, the value for anything else."""
    if isinstance(field.domain, SetOf):
        return SetView(machine, field, indices)
    return machine.read(field, indices)


class View:
    """`self` of a body: the model, or one of its components, on a machine."""

    def __init__(self, machine: Machine, elaboration: Elaboration, owner: Any, prefix: str) -> None:
        set_attribute = object.__setattr__
        set_attribute(self, "_machine", machine)
        set_attribute(self, "_elaboration", elaboration)
        set_attribute(self, "_owner", owner)
        set_attribute(self, "_prefix", prefix)
        set_attribute(self, "_found", {})

    def __getattr__(self, name: str) -> Any:
        found = self._found.get(name)
        if found is None:
            found, keep = self._find(name)
            if keep:
                self._found[name] = found
        return found

    def _find(self, name: str) -> tuple[Any, bool]:
        """What an attribute means in a body, and whether it stays the same during a run."""
        machine, elaboration = self._machine, self._elaboration
        try:
            declared = inspect.getattr_static(self._owner, name)
        except AttributeError:
            raise self._unknown(name, "reads") from None
        if isinstance(declared, FieldDeclaration):
            declared_field = elaboration.fields[self._prefix + name]
            if declared_field.indices:
                return ArrayView(machine, declared_field), True
            return cell_value(machine, declared_field, ()), False
        if isinstance(declared, Parameter):
            return machine.parameter(declared.name), False
        if isinstance(declared, Size):
            return declared.value(elaboration.sizes), False
        if isinstance(declared, Barrier):
            return machine.barrier(declared.name), False
        if isinstance(declared, DomainDeclaration):
            return DomainView(machine, elaboration.domain(declared)), True
        if isinstance(declared, ActionDeclaration | ConditionDeclaration):
            return declared.body.__get__(self), True
        if isinstance(declared, FunctionType):
            return declared.__get__(self), True
        if isinstance(declared, staticmethod):
            return declared.__func__, True
        if isinstance(declared, property) and declared.fget is not None:
            return declared.fget(self), False
        prefix = elaboration.components.get(id(declared))
        if prefix is not None:
            return View(machine, elaboration, declared, prefix), True
        return declared, True

    def __setattr__(self, name: str, value: Value) -> None:
        declared = self._elaboration.fields.get(self._prefix + name)
        if declared is None:
            raise self._unknown(name, "assigns")
        if declared.indices:
            raise InputError(
                "F29",
                f"assignment to the whole array {declared.name}",
                why="an array is written cell by cell or in bulk",
                write=f"`self.{name}[index] = ...` or `assign(self.{name}, to=...)`",
                at=caller(),
            )
        self._machine.write(declared, (), value)

    def _unknown(self, name: str, verb: str) -> InputError:
        known = [
            n.removeprefix(self._prefix)
            for n in self._elaboration.fields
            if n.startswith(self._prefix)
        ]
        near = difflib.get_close_matches(name, known, n=2)
        kind = self._owner if isinstance(self._owner, type) else type(self._owner)
        return InputError(
            "F30",
            f"a body {verb} `{name}`, which {kind.__name__} does not declare",
            why="every part of the state is declared, with its domain, in the class",
            write=f"one of {', '.join(near or known)}, or declare `{name} = Var(...)`",
            at=caller(),
        )
