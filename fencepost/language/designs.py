"""Designs and the verdicts expected of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from fencepost.core.errors import InputError, Location
from fencepost.core.system import Expectation, Violation
from fencepost.language.declarations import Barrier, Declared
from fencepost.language.machine import caller
from fencepost.language.values import describe_value


def _is_count(steps: object) -> bool:
    return isinstance(steps, int) and not isinstance(steps, bool) and steps >= 0


class Holds:
    """Every property is expected to hold; `within(k)` accepts "no violation in k steps"."""

    expectation = Expectation()

    def within(self, steps: int) -> Expectation:
        """It is enough that no violation is found in this many steps."""
        if not _is_count(steps):
            raise InputError(
                "F92",
                f"`holds.within({steps!r})`",
                why="the argument says in how many steps no violation is enough",
                write="`holds.within(12)`",
                at=caller(),
            )
        return Expectation((), steps)

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise InputError(
            "F92",
            "`holds` is called",
            why="it is a word, and no function: it has no arguments",
            write="`holds` without parentheses; `holds.within(12)` for no violation in 12 steps",
            at=caller(),
        )

    def __repr__(self) -> str:
        return "holds"


holds = Holds()


def violates(property_name: str, *, steps: int | None = None) -> Violation:
    """A property is expected to be violated, with a shortest trace of that many steps."""
    if not isinstance(property_name, str) or not (steps is None or _is_count(steps)):
        raise InputError(
            "F92",
            f"`violates` is given {describe_value(property_name)} and steps={steps!r}",
            why="it names a property, and how many steps its shortest trace has",
            write='`violates("own_bytes", steps=8)`',
            at=caller(),
        )
    return Violation(property_name, steps)


Expected = Holds | Expectation | Violation | Sequence[Violation]


def _expectation(expected: Expected, at: Location | None) -> Expectation:
    match expected:
        case Holds():
            return expected.expectation
        case Expectation():
            return expected
        case Violation():
            return Expectation((expected,))
        case Declared() | Design():
            raise InputError(
                "F122",
                f"`expect=` is given {describe_value(expected)}",
                why="a name of the class hides the word of the language from there on",
                write="another name for it, if it is called `holds` or `violates`",
                at=at,
            )
        case [*violations] if violations and all(isinstance(v, Violation) for v in violations):
            return Expectation(tuple(violations))
        case _:
            raise InputError(
                "F92",
                f"a design expects {describe_value(expected)}",
                why="an expectation is `holds`, `holds.within(k)` or one or more violations",
                write='`expect=holds` or `expect=violates("own_bytes", steps=8)`',
                at=at,
            )


def _named(barrier: object) -> str:
    """A barrier in a message; its name is unknown while the class body runs."""
    if isinstance(barrier, Barrier):
        return f"the barrier {barrier.name or barrier.text!r}"
    return describe_value(barrier)


class Design:
    """A named set of barriers that are on, with the verdict expected of it.

    `known_bug` is the id of a public bug that this design has; `text` says in a sentence what the
    design does. `blames` names the actions of a broken design that break the lemmas of the safe
    design nearest to it.
    """

    declared_as = "design"

    def __init__(
        self,
        *barriers: Barrier,
        expect: Expected,
        known_bug: str = "",
        text: str = "",
        blames: str | Sequence[str] = (),
    ) -> None:
        self.name = ""
        self.location = caller()
        for barrier in barriers:
            if not isinstance(barrier, Barrier):
                raise InputError(
                    "F93",
                    f"a design is given {describe_value(barrier)}",
                    why="a design is a set of the model's barriers",
                    write=f"the barrier itself, without quotes: `Design({barrier}, ...)`"
                    if isinstance(barrier, str) and barrier.isidentifier()
                    else "the names of barriers declared above it in the class",
                    at=self.location,
                )
        self.barriers = barriers
        self.expect = _expectation(expect, self.location)
        self.known_bug = known_bug
        self.text = text
        self.blames = (blames,) if isinstance(blames, str) else tuple(blames)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def without(
        self,
        *barriers: Barrier,
        expect: Expected,
        known_bug: str = "",
        text: str = "",
        blames: str | Sequence[str] = (),
    ) -> Design:
        """The same design with some of its barriers off."""
        for barrier in barriers:
            if not any(barrier is on for on in self.barriers):
                raise InputError(
                    "F93",
                    f"{_named(barrier)} is switched off in a design that has it off",
                    why="a design made with `without` differs from the one it is made from",
                    write="barriers that are on in the other design",
                    at=caller(),
                )
        kept = [b for b in self.barriers if not any(b is off for off in barriers)]
        design = Design(*kept, expect=expect, known_bug=known_bug, text=text, blames=blames)
        design.location = caller()
        return design

    def plus(
        self,
        *barriers: Barrier,
        expect: Expected,
        known_bug: str = "",
        text: str = "",
        blames: str | Sequence[str] = (),
    ) -> Design:
        """The same design with some more barriers on."""
        for barrier in barriers:
            if any(barrier is on for on in self.barriers):
                raise InputError(
                    "F93",
                    f"{_named(barrier)} is switched on in a design that has it on",
                    why="a design made with `plus` differs from the one it is made from",
                    write="barriers that are off in the other design",
                    at=caller(),
                )
        on = (*self.barriers, *barriers)
        design = Design(*on, expect=expect, known_bug=known_bug, text=text, blames=blames)
        design.location = caller()
        return design
