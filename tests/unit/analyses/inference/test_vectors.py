"""Expressions over many states at once mean what the interpreter says."""

import numpy as np
import pytest

from fencepost import build
from fencepost.analyses.inference.harvest import free_variables
from fencepost.analyses.inference.vectors import Vectors, distinct_values
from fencepost.core.domains import Index
from fencepost.core.expressions import Variable, walk
from fencepost.core.limits import Limits
from fencepost.core.semantics import evaluate, fillings, initial_states
from fencepost.core.sizes import at_sizes, formula_at_sizes
from fencepost.core.system import Property
from fencepost.core.trees import decisions
from fencepost.engines.explore.reached import reached_states
from tests.unit.analyses.inference.protocols import (
    CountedBlock,
    LateWrite,
    PrefixBlock,
    SlotReclaim,
    counted_is_there,
    held_is_there,
    own_bytes,
    posted_write_has_a_tag,
)

MODELS = [
    (SlotReclaim, own_bytes),
    (LateWrite, posted_write_has_a_tag),
    (PrefixBlock, held_is_there),
    (CountedBlock, counted_is_there),
]


def conditions(system):
    for prop in system.properties:
        yield prop.arguments, prop.fault
    for action in system.actions:
        for decision in decisions(action.tree):
            yield action.arguments, decision.condition


@pytest.mark.parametrize(("model", "prop"), MODELS)
def test_values_are_those_of_the_interpreter(model, prop):
    unbounded = build(model, [prop], any_size=True)
    design = unbounded.designs[0]
    sizes = {s.name: 2 for s in _sorts(unbounded)}
    system = at_sizes(unbounded, sizes)
    reached = reached_states(system, design, Limits())
    vectors = Vectors(system, design.barriers, reached.cells, sizes)
    compared = 0
    for arguments, condition in conditions(unbounded):
        sized = tuple(formula_at_sizes(a, system) for a in arguments)
        node = formula_at_sizes(condition, system)
        for values in fillings(sized):
            vectors.at({name: np.array([[value]]) for name, value in values.items()})
            found = np.broadcast_to(vectors.of(condition), (1, reached.states))[0]
            for column in range(0, reached.states, max(1, reached.states // 60)):
                state = tuple(int(v) for v in reached.cells[:, column])
                try:
                    expected = evaluate(system, design.barriers, state, values, node)
                except AssertionError:
                    continue  # a read out of range, which a decision in front of it excludes
                assert bool(found[column]) == bool(expected), (condition, values, state)
                compared += 1
    assert compared > 10 * len(system.actions)


def _sorts(system):
    from fencepost.core.sizes import sorts

    return sorts(system)


def test_reached_states_are_those_of_the_search():
    system = build(SlotReclaim, [own_bytes])
    design = system.design("safe")
    reached = reached_states(system, design, Limits())
    states = [tuple(int(v) for v in column) for column in reached.cells.T]
    assert len(set(states)) == reached.states
    assert set(initial_states(system, design.barriers)) <= set(states)
    from fencepost.engines.explore import explore

    assert reached.states == explore(system, design).answer.states
    assert reached.complete
    assert not reached_states(system, design, Limits(states=5)).complete


def test_members_of_one_index_are_different_and_in_order():
    system = at_sizes(build(SlotReclaim, [own_bytes], any_size=True), {"Request": 3, "Chunk": 2})
    vectors = Vectors(system, frozenset(), np.zeros((1, 1), dtype=np.int64), {"R": 3, "C": 2})
    plain, ordered = Index("R", 3), Index("R", 3, ordered=True)
    for index, count in ((plain, 6), (ordered, 3)):
        pair = (Variable("a", index), Variable("b", index), Variable("c", Index("C", 2)))
        found = distinct_values(pair, vectors)
        rows = list(zip(*(found[n][:, 0].tolist() for n in "abc"), strict=True))
        assert len(rows) == len(set(rows)) == 2 * count
        assert all(a < b if index.ordered else a != b for a, b, _ in rows)


def test_free_variables_are_those_that_no_quantifier_binds():
    system = build(SlotReclaim, [own_bytes], any_size=True)
    [prop] = (p for p in system.properties if isinstance(p, Property))
    assert [v.name for v in free_variables(prop.condition)] == ["request"]
    assert {n.name for n in walk(prop.condition) if isinstance(n, Variable)} > {"request"}
