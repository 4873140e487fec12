"""Rows of tables say which case of each attribute holds of the members chosen."""

import numpy as np
import pytest

from fencepost import build
from fencepost.analyses.inference.attributes import attributes
from fencepost.analyses.inference.harvest import asked_by
from fencepost.analyses.inference.tables import Template, rows_of
from fencepost.analyses.inference.templates import variables_of
from fencepost.analyses.inference.vectors import Vectors, distinct_values
from fencepost.core.limits import Limits
from fencepost.core.semantics import evaluate
from fencepost.core.sizes import at_sizes, formula_at_sizes, sorts
from fencepost.engines.explore.reached import reached_states
from tests.unit.analyses.inference.protocols import (
    LateWrite,
    SlotReclaim,
    own_bytes,
    posted_write_has_a_tag,
)


@pytest.mark.parametrize(
    ("model", "prop"), [(SlotReclaim, own_bytes), (LateWrite, posted_write_has_a_tag)]
)
def test_a_row_names_the_case_that_holds(model, prop):
    unbounded = build(model, [prop], any_size=True)
    design = unbounded.designs[0]
    every = sorts(unbounded)
    sizes = {s.name: 2 for s in every}
    system = at_sizes(unbounded, sizes)
    cells = reached_states(system, design, Limits()).cells[:, ::29][:, :40]
    vectors = Vectors(system, design.barriers, cells, sizes)
    kept, compared = {}, 0
    for shape in ([(every[0], 1)], [(every[0], 2)], [(s, 1) for s in every[:2]]):
        variables = variables_of(tuple(shape))
        found = attributes(asked_by(unbounded), variables)
        values = distinct_values(variables, vectors)
        choices = len(next(iter(values.values())))
        rows = rows_of(Template(variables, found), vectors, kept=kept)
        assert (rows == rows_of(Template(variables, found), vectors)).all()
        rows = rows.reshape(choices, cells.shape[1], len(found))
        for choice, place, column in np.ndindex(*rows.shape):
            case = formula_at_sizes(found[column].cases[rows[choice, place, column]], system)
            state = tuple(int(v) for v in cells[:, place])
            chosen = {name: int(v[choice, 0]) for name, v in values.items()}
            try:
                holds = evaluate(system, design.barriers, state, chosen, case)
            except AssertionError:
                continue  # a read out of range, which the interpreter looks at before its guard
            assert holds
            compared += 1
    assert compared > 100
