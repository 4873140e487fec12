"""Inferred lemmas against the interpreter, with no solver: every state of a small size, reachable
or not, that satisfies them is stepped, and all of its successors satisfy them too."""

from itertools import product

import numpy as np
import pytest

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core.expressions import Quantified
from fencepost.core.semantics import Successor, outcomes
from fencepost.core.sizes import at_sizes
from tests.unit.analyses.inference.protocols import (
    LateWrite,
    PrefixBlock,
    SlotReclaim,
    held_is_there,
    own_bytes,
    posted_write_has_a_tag,
)

CASES = [
    (SlotReclaim, own_bytes, {"Request": 2, "Slot": 1, "Chunk": 1}),
    (SlotReclaim, own_bytes, {"Request": 1, "Slot": 1, "Chunk": 2}),
    (LateWrite, posted_write_has_a_tag, {"Slot": 1, "Write": 2, "Generation": 2}),
    (PrefixBlock, held_is_there, {"Request": 2, "Block": 2}),
]


def every_state(system):
    domains = [list(declared.domain.values()) for declared, _ in system.cells]
    return np.array(list(product(*domains)), dtype=np.int64).T


def holding(system, design, sizes, formulas, cells):
    """For each state whether every formula holds in it."""
    vectors = Vectors(system, design.barriers, cells, sizes)
    good = np.ones(cells.shape[1], dtype=bool)
    vectors.at({})
    for formula in formulas:
        node = formula.condition
        if formula.arguments:
            node = Quantified("for_all", formula.arguments, node)
        good &= np.broadcast_to(vectors.of(node), (1, cells.shape[1]))[0]
    return good


@pytest.mark.parametrize(("model", "prop", "sizes"), CASES)
def test_states_that_satisfy_the_lemmas_lead_to_no_others(model, prop, sizes):
    unbounded = build(model, [prop], any_size=True)
    design = unbounded.design("safe")
    found = infer_lemmas(unbounded, design)
    assert found.proved
    from fencepost.engines.prove.any_size import claim

    formulas = [*found.lemmas, *(claim(p) for p in unbounded.properties)]
    system = at_sizes(unbounded, sizes)
    cells = every_state(system)
    good = holding(system, design, sizes, formulas, cells)
    assert 0 < good.sum() < cells.shape[1]
    chosen = [tuple(int(v) for v in cells[:, n]) for n in np.nonzero(good)[0]]
    after = set()
    for state in chosen:
        for step, outcome in outcomes(system, design.barriers, state):
            assert isinstance(outcome, Successor), (state, step)
            after.add(outcome.state)
    inside = {*chosen}
    assert after <= inside


def test_a_lemma_less_lets_states_out():
    """The check notices a set of lemmas that is not inductive."""
    unbounded = build(SlotReclaim, [own_bytes], any_size=True)
    design = unbounded.design("safe")
    found = infer_lemmas(unbounded, design)
    sizes = {"Request": 2, "Slot": 1, "Chunk": 1}
    system = at_sizes(unbounded, sizes)
    cells = every_state(system)
    good = holding(system, design, sizes, found.lemmas[1:], cells)
    chosen = {tuple(int(v) for v in cells[:, n]) for n in np.nonzero(good)[0]}
    leaving = any(
        not isinstance(outcome, Successor) or outcome.state not in chosen
        for state in chosen
        for _, outcome in outcomes(system, design.barriers, state)
    )
    assert leaving
