"""The cells that make a step break a claim, against the interpreter: the others may be anything."""

import random

import pytest

from fencepost import build
from fencepost.analyses.inference.lifting import lifted
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
