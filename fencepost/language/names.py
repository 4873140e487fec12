"""Whatever names a property, action or design of a model must name one there is."""

from __future__ import annotations

import difflib

from fencepost.core.errors import InputError, Location
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, System


def check_names(system: System) -> None:
    """Whatever names a property, barrier, action or design must name one there is."""
    _check_lemmas(system)
    _check_blames(system)
    if not system.properties:
        return
    known = [NO_FAULT, NO_STUCK_STATE, *(p.name for p in system.properties)]
    twice = {name for name in known if known.count(name) > 1}
    if twice:
        raise InputError(
            "F106",
            f"two properties of {system.name} are named {', '.join(sorted(twice))}",
            why="a verdict is reported under the name of its property",
            write="another name",
            at=next(p.location for p in reversed(system.properties) if p.name in twice),
        )

    def check(name: str, who: str, at: Location | None) -> None:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            raise InputError(
                "F107",
                f"{who} names the property `{name}`, which {system.name} does not have",
                why="an expectation about nothing is never met",
                write=", ".join(near or known),
                at=at,
            )

    for barrier in system.barriers:
        for name in barrier.buys:
            check(name, f"barrier `{barrier.name}`", barrier.location)
    for design in system.designs:
        for violation in design.expect.violations:
            check(violation.property, f"design `{design.name}`", design.location)


def _check_lemmas(system: System) -> None:
    designs = [design.name for design in system.designs]
    seen = {NO_FAULT, NO_STUCK_STATE, *(p.name for p in system.properties)}
    for lemma in system.lemmas:
        if lemma.name in seen:
            raise InputError(
                "F106",
                f"two properties or lemmas of {system.name} are named {lemma.name}",
                why="a proof says by name which of them is broken",
                write="another name",
                at=lemma.location,
            )
        seen.add(lemma.name)
        for name in lemma.designs:
            if name not in designs:
                near = difflib.get_close_matches(name, designs, n=3)
                raise InputError(
                    "F131",
                    f"lemma `{lemma.name}` is of the design `{name}`, which {system.name} "
                    "does not have",
                    why="a lemma of no design is never proved or used",
                    write=", ".join(near or designs),
                    at=lemma.location,
                )


def _check_blames(system: System) -> None:
    actions = [action.name for action in system.actions]
    for design in system.designs:
        for name in design.blames:
            if name not in actions:
                near = difflib.get_close_matches(name, actions, n=3)
                raise InputError(
                    "F132",
                    f"design `{design.name}` blames the action `{name}`, which {system.name} "
                    "does not have",
                    why="a proof that fails names an action of the model",
                    write=", ".join(near or actions),
                    at=design.location,
                )
