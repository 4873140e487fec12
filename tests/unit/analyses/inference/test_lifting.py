"""The cells that make a step break a claim, against the interpreter: the others may be anything."""

import random

import pytest

from fencepost import Array, Index, Maybe, Model, Parameter, action, always, build, exists, require
from fencepost.analyses.inference.lifting import lifted, with_reasons
from fencepost.core.semantics import Successor, perform
from fencepost.core.sizes import sorts
from fencepost.core.trees import Fault
from fencepost.engines.prove.any_size import claim
from fencepost.engines.prove.any_size.counterexamples import Counterexample, holds
from fencepost.engines.prove.any_size.sized import Sized
from tests.unit.analyses.inference.protocols import (
    CountedBlock,
    PrefixBlock,
    SlotReclaim,
    counted_is_there,
    held_is_there,
    own_bytes,
)

MODELS = [
    (SlotReclaim, own_bytes, "safe"),
    (SlotReclaim, own_bytes, "hasty"),
    (PrefixBlock, held_is_there, "safe"),
]


@pytest.mark.parametrize(("model", "prop", "name"), MODELS)
def test_whatever_the_other_cells_are_the_step_breaks_the_claim(model, prop, name):
    system = build(model, [prop], any_size=True)
    design = system.design(name)
    goal = claim(system.properties[0])
    sized = Sized(system, design.barriers, {sort.name: 2 for sort in sorts(system)})
    found = sized.broken(goal, [])
    assert isinstance(found, Counterexample)
    cells = lifted(found, design.barriers, goal)
    every = range(len(found.before))
    assert cells
    assert set(cells) < set(every)
    chance = random.Random(0)
    for _ in range(200):
        state = tuple(
            value if place in cells else chance.choice(list(declared.domain.values()))
            for place, (value, (declared, _)) in enumerate(
                zip(found.before, found.system.cells, strict=True)
            )
        )
        outcome = perform(found.system, design.barriers, state, found.step)
        assert isinstance(outcome, Successor)
        assert not holds(found.system, design.barriers, outcome.state, goal)


def test_of_a_step_that_faults_it_is_what_the_step_went_by():
    system = build(CountedBlock, [counted_is_there], any_size=True)
    design = system.designs[0]
    sized = Sized(system, design.barriers, {sort.name: 2 for sort in sorts(system)})
    found = sized.broken(None, [])
    assert isinstance(found, Counterexample)
    assert isinstance(found.fault, Fault)
    cells = lifted(found, design.barriers, None)
    other = tuple(
        value if place in cells else declared.domain.low
        for place, (value, (declared, _)) in enumerate(
            zip(found.before, found.system.cells, strict=True)
        )
    )
    assert isinstance(perform(found.system, design.barriers, other, found.step), Fault)


class Shelf(Model):
    """A book that is listed is on the shelf, or somebody brings it."""

    books, readers = Parameter(2), Parameter(2)
    Book, Reader = Index(books), Index(readers)

    listed = Array(Book, of=bool)
    there = Array(Book, of=bool)
    brings = Array(Reader, of=Maybe(Book))
    away = Array(Reader, of=bool)

    @action(book=Book)
    def look(self, book):
        require(self.listed[book] and not self.there[book])
        self.listed[book] = False


@always(Shelf)
def listed_is_there_or_comes(m, book: Shelf.Book):
    """The list is right."""
    coming = exists(m.Reader, lambda reader: m.brings[reader] == book)
    return not m.listed[book] or m.there[book] or coming


def test_beside_some_cells_are_those_that_make_claims_about_them_true():
    system = build(Shelf, [listed_is_there_or_comes])
    at = {name: system.offsets[name] for name in ("listed", "there", "brings", "away")}
    before = [0] * len(system.cells)
    before[at["listed"]] = 1  # and book 0 is not there
    before[at["brings"]], before[at["brings"] + 1] = -1, 0
    found = Counterexample(system, (), tuple(before), None)
    goal = claim(system.properties[0])
    cells = frozenset({at["listed"], at["there"]})
    assert with_reasons(found, frozenset(), [goal], cells) == cells | {at["brings"] + 1}
    # Nothing is claimed of who is away, and of the other book only that it is not listed.
    elsewhere = frozenset({at["away"]})
    assert with_reasons(found, frozenset(), [goal], elsewhere) == elsewhere
    assert with_reasons(found, frozenset(), [], cells) == cells
