"""Which barriers of a model are to be varied, and what the others are in the meantime."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.analyses.barrier_lattice import Names
from fencepost.analyses.known_runs import Barriers
from fencepost.core.errors import InputError
from fencepost.core.results import grouped
from fencepost.core.system import Design, System

MOST_WHOLE = 8
"""With so many barriers every set is searched; with more, only what minimal sets need."""
MOST_VARIED = 22
MOST_NAMED = 4


@dataclass(frozen=True)
class Question:
    """Which barriers to vary; of the others, `fixed_on` are on. `title` says it in words."""

    varied: Names
    fixed_on: Barriers
    title: str
    whole: bool


def questions(
    system: System,
    *,
    varied: Names = (),
    design: Design | None = None,
    whole: bool | None = None,
) -> tuple[Question, ...]:
    """What is asked: the barriers named, or those of a design, or all.

    Named barriers are varied with the others as in the design; without one, as in the first design
    that is expected to hold. With a design alone its barriers are varied, the others off. Without
    both, all barriers are varied, if they are not too many, or else those of each design that is
    expected to hold.
    """
    names = tuple(b.name for b in system.barriers)
    if not names:
        raise InputError(
            "F165",
            f"{system.name} has no barrier",
            why="there is nothing to switch on or off",
            write="`Barrier(...)` for each piece of synchronisation",
        )
    if varied:
        around = design or _first_that_holds(system)
        on = around.barriers - set(varied)
        ordered = tuple(name for name in names if name in varied)
        return (
            _question(ordered, on, f"{_named(ordered)}, the others as in {around.name}", whole),
        )
    if design is not None:
        return (_of_design(system, design, whole),)
    if len(names) <= MOST_VARIED:
        return (_question(names, frozenset(), "all barriers", whole),)
    found: dict[Barriers, Question] = {}
    for each in system.designs:
        if not each.expect.violations and each.barriers not in found:
            found[each.barriers] = _of_design(system, each, whole)
    return tuple(found.values()) or (_question(names, frozenset(), "all barriers", whole),)


def _named(names: Names) -> str:
    return ", ".join(names) if len(names) < MOST_NAMED else f"{len(names)} barriers"


def _of_design(system: System, design: Design, whole: bool | None) -> Question:
    names = tuple(b.name for b in system.barriers if b.name in design.barriers)
    return _question(names, frozenset(), f"the barriers of {design.name}, the others off", whole)


def _question(varied: Names, on: Barriers, title: str, whole: bool | None) -> Question:
    if not varied:
        raise InputError(
            "F166",
            f"no barrier is on in {title}",
            why="there is nothing to leave out",
            write="--barrier for each one to be tried, --design for what the others are",
        )
    if len(varied) > MOST_VARIED:
        raise InputError(
            "F166",
            f"{title}: {len(varied)} barriers have {grouped(1 << len(varied))} sets",
            why=f"every set is decided, and there may be {grouped(1 << MOST_VARIED)} at most",
            write=f"--barrier for each one that may be left out, {MOST_VARIED} of them at most; "
            "--design for what the others are",
        )
    return Question(varied, on, title, len(varied) <= MOST_WHOLE if whole is None else whole)


def _first_that_holds(system: System) -> Design:
    return next((d for d in system.designs if not d.expect.violations), system.designs[0])
