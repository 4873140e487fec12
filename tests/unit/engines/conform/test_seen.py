"""What `observe` may give, and what is said of the rest."""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace

import numpy as np
import pytest

from fencepost import *
from fencepost.core.errors import InputError, Location
from fencepost.core.semantics import initial_states
from fencepost.core.system import System
from fencepost.engines.conform.seen import Outside, Reader, fits, misfits, shown_state
from fencepost.engines.conform.seen_properties import violated_by
from tests.unit.engines.conform.lending import Phase, lending


class Shelf(Model):
    """One field of each kind."""

    Row, Column = Index(2), Index(3)
    phase = Var(of=Phase, initial=Phase.IDLE)
    open = Var(of=bool)
    height = Var(of=Range(2, 5), initial=2)
    on_top = Var(of=Maybe(Row), initial=NONE)
    members = Var(of=SetOf(Column), initial=EMPTY)
    grid = Array(Row, Column, of=bool)

    @action(row=Row, column=Column)
    def put(self, row, column):
        require(not self.grid[row, column])
        self.grid[row, column] = True

    @final
    def anywhere(self):
        return True

    usual = Design(expect=holds)


@always(Shelf)
def something_is_empty(m):
    return exists(Shelf.Row, Shelf.Column, lambda r, c: not m.grid[r, c])


@always(Shelf)
def low_when_closed(m):
    return m.open or m.height == 2


def shelf() -> System:
    return build(Shelf, [something_is_empty, low_when_closed], {})


def read(system: System, **observed: object) -> dict[str, object]:
    seen = Reader(system, Location("adapter.py", 3)).read(observed)
    return {_name(system, cell): value for cell, value in seen}


def _name(system: System, cell: int) -> str:
    field, indices = system.cells[cell]
    return f"{field.name}{list(indices)}" if indices else field.name


class Other(Enum):
    """A phase of an implementation, with numbers of its own."""

    HOLDS = "holds"


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("phase", Phase.LEAVING, 2),
        ("phase", "HOLDS", 1),
        ("phase", Other.HOLDS, 1),
        ("phase", 3, 3),
        ("phase", 9, Outside("9")),
        ("open", True, 1),
        ("open", np.bool_(True), 1),
        ("height", np.int64(4), 4),
        ("height", 7, Outside("7")),
        ("on_top", None, -1),
        ("on_top", 1, 1),
        ("on_top", -1, Outside("-1")),
        ("members", {0, 2}, 5),
        ("members", frozenset(), 0),
        ("members", [1, 1], 2),
        ("members", {0, 5}, Outside("{0, 5}")),
    ],
)
def test_a_value_in_the_words_of_its_domain(name, given, value):
    assert read(shelf(), **{name: given}) == {name: value}


@pytest.mark.parametrize(
    "given",
    [
        [[True, False, False], [False, False, True]],
        np.array([[1, 0, 0], [0, 0, 1]], dtype=bool),
        {0: [True, False, False], 1: {0: False, 1: False, 2: True}},
    ],
    ids=["lists", "numpy", "dicts"],
)
def test_an_array_by_its_indices(given):
    found = read(shelf(), grid=given)
    assert [cell for cell, value in found.items() if value] == ["grid[0, 0]", "grid[1, 2]"]
    assert len(found) == 6


def test_as_many_cells_as_are_seen():
    assert read(shelf(), grid={(1, 2): True}) == {"grid[1, 2]": 1}


@pytest.mark.parametrize(
    ("code", "observed", "message"),
    [
        ("F254", [1], "`observe` gives [1]"),
        ("F254", {}, "shows no cell of the model's state"),
        ("F254", {"grid": {}}, "shows no cell of the model's state"),
        ("F254", {"heigth": 2}, "shows 'heigth', and Shelf has no such field (did you mean height"),
        ("F254", {3: 2}, "shows 3, and Shelf has no such field"),
        ("F255", {"grid": [True, False]}, "shows True of grid"),
        ("F255", {"grid": [[True, False, True]]}, "shows 1 of grid in a list"),
        ("F255", {"grid": [[True] * 4, [True] * 3]}, "shows 4 of grid in a list"),
        ("F255", {"grid": True}, "shows True of grid"),
        ("F255", {"grid": {(0, 3): True}}, "shows grid at (0, 3)"),
        ("F255", {"grid": {(0, 1, 2): True}}, "shows grid at (0, 1, 2)"),
        ("F255", {"grid": {"a": True}}, "shows grid at 'a'"),
        ("F256", {"phase": "HELD"}, "a value of phase is one of IDLE, HOLDS, LEAVING, GONE"),
        ("F256", {"phase": None}, "gives phase the value None"),
        ("F256", {"open": 1}, "a value of open is True or False"),
        ("F256", {"height": "tall"}, "a value of height is an integer"),
        ("F256", {"height": True}, "a value of height is an integer"),
        ("F256", {"height": np.array([1, 2])}, "a value of height is one value"),
        ("F256", {"on_top": "x"}, "a value of on_top is None for NONE, or an integer"),
        ("F256", {"members": 3}, "a value of members is a set of indices"),
        ("F256", {"grid": {(0, 1): 1}}, "gives grid[0, 1] the value 1"),
    ],
)
def test_what_cannot_be_read_is_the_adapters_fault(code, observed, message):
    with pytest.raises(InputError) as caught:
        Reader(shelf(), Location("adapter.py", 3)).read(observed)
    assert caught.value.code == code
    assert message in str(caught.value)
    assert str(caught.value).startswith("adapter.py:3: error")


def test_a_state_shown_is_read_as_itself():
    for system in (shelf(), lending(requests=1)):
        for state in initial_states(system, frozenset()):
            seen = Reader(system, Location("", 1)).read(shown_state(system, state))
            assert tuple(value for _, value in seen) == state
            assert fits(seen, state)


def test_cells_that_do_not_fit():
    system = shelf()
    state = next(initial_states(system, frozenset()))
    seen = Reader(system, Location("", 1)).read({"height": 9, "open": True, "phase": "IDLE"})
    assert [_name(system, cell) for cell in misfits(seen, state)] == ["open", "height"]
    assert not fits(seen, state)


@pytest.mark.parametrize(
    ("observed", "violated"),
    [
        ({"grid": [[True] * 3] * 2}, ("something_is_empty",)),
        ({"grid": [[True] * 3, [True, False, True]]}, ()),
        ({"grid": {0: [True] * 3, (1, 0): True}}, ()),  # the others may be empty
        ({"open": False, "height": 3}, ("low_when_closed",)),
        ({"open": False}, ()),
        ({"height": 3}, ()),
        ({"open": True}, ()),
        ({"open": False, "height": 99}, ()),  # no value that the model has
    ],
)
def test_a_property_is_violated_whatever_is_not_seen(observed, violated):
    system = shelf()
    seen = Reader(system, Location("", 1)).read(observed)
    assert violated_by(system, frozenset(), seen) == violated


def test_a_number_that_has_no_one_value():
    several = SimpleNamespace(item=lambda: (_ for _ in ()).throw(RuntimeError("two elements")))
    with pytest.raises(InputError, match="gives height the value"):
        Reader(shelf(), Location("", 1)).read({"height": several})
