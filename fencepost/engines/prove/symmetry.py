"""Sorts of a system whose members are interchangeable: renaming them changes no behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from fencepost.core.domains import NONE_VALUE, Domain, Index, Maybe, SetOf
from fencepost.core.expressions import (
    Arithmetic,
    Choose,
    Constant,
    Contains,
    Equal,
    Expression,
    Less,
    Node,
    Read,
    SetUpdate,
)
from fencepost.core.remembered import Remembered
from fencepost.core.system import Field, System
from fencepost.core.trees import BulkWrite, Write


def _interchangeable(system: System) -> dict[str, int]:
    sorts = {index.name: index for f in system.fields for index in _indices(f)}
    sorts |= {
        a.of.name: a.of for action in system.actions for a in action.arguments
        if isinstance(a.of, Index)
    }  # fmt: skip
    told_apart = _told_apart(system)
    return {
        name: sort.count
        for name, sort in sorted(sorts.items())
        if sort.count > 1
        and not sort.ordered
        and name not in told_apart
        and all(_starts_alike(f, sort) for f in system.fields)
    }


interchangeable = Remembered(_interchangeable)
"""For each sort that can be renamed freely, how many members it has.

Its members are never told apart: no constant of the sort occurs, none is compared by order or
counted with, and renaming them leaves the initial values as they are.
"""


def _told_apart(system: System) -> set[str]:
    """Sorts of which a member is named, ordered, counted with, or taken for something else."""
    found: set[str] = set()

    def meet(*parts: Expression | Domain) -> None:
        """Things that are compared or put in each other's place: all of one sort, or none."""
        sorts = {_sort(part) for part in parts if not _is_none(part)}
        if len(sorts) > 1:
            found.update(sort for sort in sorts if sort)

    recorded = (system.initial, system.final, system.actions, system.properties)
    for node in _nodes(recorded):
        match node:
            case Constant(value, of) if value > 0 or (value == 0 and not isinstance(of, SetOf)):
                found.add(_sort(node))
            case Equal(left, right):
                meet(left, right)
            case Less(left, right) | Arithmetic(_, left, right):
                found |= {_sort(left), _sort(right)}
            case Choose(_, then, otherwise, of):
                meet(then, otherwise, of)
            case Contains(members, element):
                meet(members, element)
            case SetUpdate(members, element):
                meet(members, element)
            case Read(name, indices) | Write(name, indices) | BulkWrite(name, indices):
                field = system.field[name]
                for index, domain in zip(indices, field.indices, strict=False):
                    meet(index, domain)
                if isinstance(node, BulkWrite):
                    rest = field.indices[len(indices) :]
                    for variable, domain in zip(node.variables, rest, strict=True):
                        meet(variable, domain)
                if not isinstance(node, Read):
                    meet(node.value, field.domain)
            case _:
                pass
    return found - {""}


def _indices(field: Field) -> Iterator[Index]:
    for domain in (*field.indices, _inner(field.domain)):
        if isinstance(domain, Index):
            yield domain


def _inner(domain: Domain) -> Domain:
    return domain.of if isinstance(domain, Maybe | SetOf) else domain


def _sort(part: Expression | Domain) -> str:
    """The sort of an expression or domain, or nothing where it is of none."""
    inner = _inner(part if isinstance(part, Domain) else part.domain)
    return inner.name if isinstance(inner, Index) else ""


def _is_none(part: Expression | Domain) -> bool:
    return isinstance(part, Constant) and part.value == NONE_VALUE


def _nodes(value: Any) -> Iterator[Expression | Write | BulkWrite]:
    """Every expression and write within a value, however deep."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, Node | Write | BulkWrite):
            yield current  # type: ignore[misc]  # a Node is one of the kinds of expressions
        if isinstance(current, tuple):
            pending.extend(current)
        elif is_dataclass(current) and not isinstance(current, Domain):
            pending.extend(getattr(current, part.name) for part in fields(current) if part.compare)


def _starts_alike(field: Field, sort: Index) -> bool:
    """Whether exchanging two neighbours of a sort leaves what a field may start with."""
    for first in range(sort.count - 1):
        swap = {first: first + 1, first + 1: first}
        for cell, position in enumerate(field.positions()):
            renamed = tuple(
                swap.get(value, value) if domain == sort else value
                for value, domain in zip(position, field.indices, strict=True)
            )
            there = field.cell(renamed)
            if there is None or field.initial[there] != _renamed(field, cell, sort, swap):
                return False
    return True


def _renamed(field: Field, cell: int, sort: Index, swap: dict[int, int]) -> tuple[int, ...]:
    values = field.initial[cell]
    if _inner(field.domain) != sort:
        return values
    if isinstance(field.domain, SetOf):
        return tuple(
            sorted(sum(1 << swap.get(i, i) for i in range(62) if v >> i & 1) for v in values)
        )
    return tuple(sorted(swap.get(value, value) for value in values))
