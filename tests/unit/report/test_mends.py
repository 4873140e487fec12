from __future__ import annotations

import pytest

from fencepost import *
from fencepost.analyses.mending import Hint
from fencepost.report.mends import hint_text


class Walls(Model):
    north = Barrier("The north wall.", buys=["dry"])
    south = Barrier("the south wall", buys=["dry"])
    wet = Var(bool)

    @action
    def rain(self):
        self.wet = True

    bare = Design(expect=violates("dry"))
    half = Design(north, expect=violates("dry"))
    whole = Design(north, south, expect=violates("dry"))


class Field(Model):
    wet = Var(bool)

    @action
    def rain(self):
        self.wet = True

    open = Design(expect=violates("damp"))


@always(Walls)
def dry(m):
    return not m.wet


@reachable(Walls)
def snow(m):
    return m.wet and not m.wet


@always(Field)
def damp(m):
    return not m.wet


def told(design: str, hint: Hint) -> str:
    system = build(Walls, [dry, snow])
    return hint_text(system, system.design(design), hint)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Hint("dry", ("north",)), "mended by: north (The north wall)"),
        (
            Hint("dry", ("north", "south")),
            "mended by: north (The north wall) and south (the south wall)",
        ),
        (Hint("snow", ("north",), True), "mended by switching off: north (The north wall)"),
        (
            Hint("dry", ("north",), others=(("a",), ("b", "c"))),
            "mended by: north (The north wall), or a, or b and c",
        ),
        (
            Hint("dry", ("north",), others=tuple((name,) for name in "abcde")),
            "mended by: north (The north wall), or a, or b, or c, and 2 more",
        ),
        (
            Hint("dry", ("north",), breaks=("x", "y", "z"), leaves=("u",)),
            "mended by: north (The north wall); it breaks x, y and z instead; u stays violated",
        ),
        (
            Hint("dry", ("north",), leaves=("u", "v")),
            "mended by: north (The north wall); u and v stay violated",
        ),
        (Hint("dry"), "mended by: no barrier, and no two together"),
        (
            Hint("dry", doubtful=True),
            "mended by: no barrier, and no two together, of those that were tried",
        ),
    ],
)
def test_what_mends_a_violation_in_words(hint, text):
    assert told("bare", hint) == text


def test_why_nothing_mends_a_violation():
    assert told("half", Hint("dry")) == "mended by: no barrier"
    assert told("whole", Hint("dry")) == "mended by: nothing, all barriers are on"
    assert told("whole", Hint("snow")) == "mended by: no barrier, and no two together"
    system = build(Field, [damp])
    text = hint_text(system, system.design("open"), Hint("damp"))
    assert text == "mended by: nothing, the model has no barrier"
