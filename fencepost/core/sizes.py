"""A system that was recorded for any size, at sizes: its states can be counted and stepped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

from fencepost.core.domains import Domain, Index
from fencepost.core.expressions import Expression, Node, Variable, walk
from fencepost.core.remembered import Remembered
from fencepost.core.system import Field, Lemma, Property, System
from fencepost.core.trees import decisions

MOST_FORMULAS = 1024
"""The formulas that are kept at the sizes they were last asked for at."""


def _sorts(system: System) -> tuple[Index, ...]:
    found: dict[str, Index] = {}

    def note(value: Any) -> None:
        if isinstance(value, Index):
            found[value.name] = value
        elif is_dataclass(value):
            for part in fields(value):
                note(getattr(value, part.name))

    for declared in system.fields:
        for domain in (*declared.indices, declared.domain):
            note(domain)
    roots: list[Node] = [system.initial, system.final]
    for action in system.actions:
        roots += [*action.arguments, *(d.condition for d in decisions(action.tree))]
    claims: tuple[Property | Lemma, ...] = (*system.properties, *system.lemmas)
    for claimed in claims:
        roots += [*claimed.arguments, claimed.condition]
    for root in roots:
        for node in walk(root):  # type: ignore[arg-type]  # a Node is one of its kinds
            for variable in getattr(node, "variables", (node,)):
                if isinstance(variable, Variable):
                    note(variable.of)
    return tuple(found[name] for name in sorted(found))


_known_sorts = Remembered(_sorts)


def sorts(system: System) -> tuple[Index, ...]:
    """Every Index of a system that a field, an argument or a quantifier ranges over, by name."""
    return _known_sorts(system)


def allowed(system: System, sizes: Mapping[str, int]) -> dict[str, int]:
    """The nearest sizes (members of each Index, by its name) that the model's parameters allow."""
    bounds = {sort.name: (sort.least, sort.most) for sort in sorts(system)}
    return {
        name: min(max(count, bounds[name][0]), bounds[name][1]) for name, count in sizes.items()
    }


def at_sizes(system: System, sizes: Mapping[str, int]) -> System:
    """The system with that many members of each Index, by its name; those not named have one.

    Every reader of finite systems reads it: the interpreter, the kernel, the report.
    """
    if not system.any_size:
        raise ValueError(f"{system.name} was recorded at sizes: a recording is not resized")
    resized: System = _Resizing(sizes).of(system)
    shown = tuple((name, sizes.get(name, 1)) for name in (s.name for s in sorts(system)))
    parameters = (*system.parameters, *shown)
    return replace(resized, any_size=False, parameters=parameters, default_parameters=parameters)


class _Resizing:
    """One pass over a system; what occurs twice is changed once."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._done: dict[int, tuple[Any, Any]] = {}

    def of(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self.of(part) for part in value)
        if not is_dataclass(value) or isinstance(value, type):
            return value
        held = self._done.get(id(value))
        if held is None:
            held = self._done[id(value)] = value, self._changed(value)
        return held[1]

    def _changed(self, value: Any) -> Any:
        if isinstance(value, Index):
            return replace(value, count=self._sizes.get(value.name, 1))
        changes = {f.name: self.of(getattr(value, f.name)) for f in fields(value) if f.init}
        if isinstance(value, Field):
            indices: tuple[Domain, ...] = changes["indices"]
            changes["initial"] = _initial(value, indices, changes["domain"])
        return replace(value, **changes)


def _initial(
    declared: Field, indices: tuple[Domain, ...], domain: Domain
) -> tuple[tuple[int, ...], ...]:
    """The starting values of each cell, from those of each kind of cell."""
    kinds = product(*((0,) if isinstance(d, Index) else d.values() for d in declared.indices))
    of_kind = dict(zip(kinds, declared.initial, strict=True))
    found = []
    for place in product(*(d.values() for d in indices)):
        kind = tuple(0 if isinstance(d, Index) else i for d, i in zip(indices, place, strict=True))
        found.append(of_kind[kind] or tuple(domain.values()))
    return tuple(found)


def formula_at_sizes(node: Expression, system: System) -> Expression:
    """An expression of a system for any size, over the sizes of another that was made from it."""
    return _formula_at(node, tuple((sort.name, sort.count) for sort in sorts(system)))


@lru_cache(MOST_FORMULAS)
def _formula_at(node: Expression, sizes: tuple[tuple[str, int], ...]) -> Expression:
    resized: Expression = _Resizing(dict(sizes)).of(node)
    return resized
