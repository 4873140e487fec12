"""What a search is asked: the selected properties, split into what is decided separately."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fencepost.core.errors import InputError
from fencepost.core.semantics import fillings
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Property, System

BUILT_IN = (NO_FAULT, NO_STUCK_STATE)


@dataclass(frozen=True)
class Question:
    """One thing to decide: an `always` as a whole, or one filling of another property.

    `number` is its position among all questions of the system.
    """

    number: int
    property: Property
    filling: tuple[tuple[str, int], ...] | None

    @cached_property
    def values(self) -> dict[str, int]:
        return dict(self.filling or ())


@dataclass(frozen=True)
class Questions:
    """The selected questions, and whether faults and stuck states are findings."""

    asked: tuple[Question, ...]
    no_fault: bool
    no_stuck_state: bool

    def of_kind(self, *kinds: str) -> tuple[Question, ...]:
        return tuple(q for q in self.asked if q.property.kind in kinds)


def all_questions(system: System) -> tuple[Question, ...]:
    """Every question that the properties of a system ask, in order."""
    found: list[Question] = []
    for prop in system.properties:
        if prop.kind == "always":
            found.append(Question(len(found), prop, None))
        else:
            for values in fillings(prop.arguments):
                found.append(Question(len(found), prop, tuple(values.items())))
    return tuple(found)


def chosen(system: System, properties: Iterable[str] | None) -> list[str]:
    """The names of the properties that are asked for, built-in ones included; None is all."""
    known = [p.name for p in system.properties]
    names = [*known, *BUILT_IN] if properties is None else list(properties)
    for name in names:
        if name not in known and name not in BUILT_IN:
            raise InputError(
                "F66",
                f"{system.name} has no property {name}",
                why="a search decides only what the system was built with",
                write=f"one of {', '.join([*known, *BUILT_IN])}",
            )
    return names


def select(system: System, properties: Iterable[str] | None) -> Questions:
    """The questions of the named properties, or all of them."""
    names = chosen(system, properties)
    asked = tuple(q for q in all_questions(system) if q.property.name in names)
    return Questions(asked, NO_FAULT in names, NO_STUCK_STATE in names)
