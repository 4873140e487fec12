"""What `self` is while a body runs: fields, sizes, barriers and components by their names."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any, NoReturn, cast

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

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        raise InputError(
            "F114",
            f"the domain {self} is used as a condition",
            why="a domain is neither true nor false",
            write="`exists(self.Index, lambda i: ...)`",
            at=caller(),
        )

    def __repr__(self) -> str:
        return getattr(self.domain, "name", "") or type(self.domain).__name__


def domain_of(given: Any, machine: Machine) -> Domain:
    """The domain meant by an argument of a quantifier."""
    if isinstance(given, DomainView):
        return given.domain
    return elaborate_domain(given, machine.sizes(), caller())


def _row(verb: str) -> Callable[..., Any]:
    """An operation that an array or row of one does not have."""

    def refused(self: ArrayView, *_: Any) -> NoReturn:
        raise InputError(
            "F46",
            f"{self.field.name} is {verb} without all its indices",
            why=f"it has {len(self.field.indices)}, and a row is not a value",
            write=f"`self.{self.field.name}[...]` with one index for each domain; `for_all`, "
            "`exists` or `count` to ask about many",
            at=caller(),
        )

    return refused


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
                f"{self.field.name}[...] with {len(indices)} indices, not "
                f"{len(self.field.indices)}",
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

    __bool__ = _row("used as a condition")
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _row("compared")
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _row("used in arithmetic")
    __hash__ = None  # type: ignore[assignment]  # an array is no key

    def __delitem__(self, _: Any) -> NoReturn:
        raise InputError(
            "F29",
            f"deletion of a cell of {self.field.name}",
            why="the state always has all its cells",
            write="`= NONE`, `= False` or another value that stands for nothing",
            at=caller(),
        )

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

    def _no_such(self, operation: str) -> NoReturn:
        name = self.field.name
        raise InputError(
            "F113",
            f"`{operation}` of the set {name}",
            why="a set in the state has .add, .remove, `in`, `==`, `!=` and `=` only",
            write=f"`count(self.Index, lambda i: i in self.{name})` for its size, "
            f"`for_all`/`exists` over the Index to ask, `self.{name} = EMPTY` to clear",
            at=caller(),
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._no_such(f".{name}")

    def __len__(self) -> int:  # noqa: PLE0303  # it has none, and says so
        self._no_such("len(...)")

    def __iter__(self) -> NoReturn:
        self._no_such("for ... in")

    def __or__(self, _: Any) -> NoReturn:
        self._no_such("| & - ^")

    __ror__ = __and__ = __rand__ = __sub__ = __rsub__ = __xor__ = __rxor__ = __or__

    def __lt__(self, _: Any) -> NoReturn:
        self._no_such("< <= > >=")

    __le__ = __gt__ = __ge__ = __lt__

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


class Helper:
    """A method of the model, bound to `self`: it is called, and is no condition itself."""

    __slots__ = ("__code__", "__defaults__", "__name__", "_call")

    def __init__(self, body: FunctionType, view: View) -> None:
        self.__code__, self.__defaults__ = body.__code__, body.__defaults__
        self.__name__ = body.__name__
        self._call = MethodType(body, view)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._call(*given, **named)

    def __bool__(self) -> bool:
        raise InputError(
            "F87",
            f"the function `{self.__name__}`, which is not called, is used as a condition",
            why="a function is always true in Python",
            write=f"`self.{self.__name__}(...)`",
            at=caller(),
        )


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
            return machine.size(declared.name, elaboration.sizes[declared.name]), False
        if isinstance(declared, Size):
            return machine.size(declared.text, declared.value(elaboration.sizes)), False
        if isinstance(declared, Barrier):
            return machine.barrier(declared.name), False
        if isinstance(declared, DomainDeclaration):
            return DomainView(machine, elaboration.domain(declared)), True
        if isinstance(declared, ActionDeclaration | ConditionDeclaration):
            return Helper(cast(FunctionType, declared.body), self), True
        if isinstance(declared, FunctionType):
            return Helper(declared, self), True
        bind = getattr(type(declared), "__get__", None)
        if bind is not None:  # property, staticmethod, classmethod, functools.cache and the like
            kind = self._owner if isinstance(self._owner, type) else type(self._owner)
            return bind(declared, self, kind), False
        prefix = elaboration.components.get(id(declared))
        if prefix is not None:
            return View(machine, elaboration, declared, prefix), True
        return declared, True

    def __setattr__(self, name: str, value: Value) -> None:
        declared = self._elaboration.fields.get(self._prefix + name)
        if declared is None and hasattr(self._owner, name):
            raise InputError(
                "F30",
                f"a body assigns `{name}`, which is no part of the state",
                why="a step changes fields; sizes, barriers, domains and methods stay as they are",
                write=f"a field: `... = Var(...)` under a name other than `{name}`",
                at=caller(),
            )
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

    def __delattr__(self, name: str) -> None:
        raise InputError(
            "F29",
            f"deletion of {self._prefix}{name}",
            why="the state always has all its parts",
            write="`= NONE`, `= False` or another value that stands for nothing",
            at=caller(),
        )

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
