"""A set of states is asked once for all rows that a question does not tell apart."""

from __future__ import annotations

from itertools import product

from fencepost.engines.conform.logs.possible import States, Unknown


def test_rows_that_a_step_does_not_tell_apart_are_tried_as_one():
    cells: list[object] = [0, 0, 0]
    states = States(cells, [None] * 3, 1000)
    diagonal = {(a, b, a + b) for a, b in product(range(10), range(10))}
    states.replace((), (0, 1, 2), diagonal)
    calls = []

    def copy() -> object:
        calls.append(None)
        return [2, 7] if cells[1] == 3 else 0

    outcome = states.evaluate(copy, ())
    assert len(calls) == 10 + 2  # where the cell is not known, nor its group, and for each value
    assert sum(len(rows) for rows, _ in outcome.parts) == 100
    assert set(states.take(outcome)) == {0, 1, 2}
    first = cells[0]
    assert isinstance(first, Unknown)
    assert first.group.rows == {(a,) for a in range(10)}
    assert cells[1:] == [3, 7]
