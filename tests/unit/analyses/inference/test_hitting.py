"""Minimal hitting sets against every combination of columns."""

from itertools import combinations

import numpy as np
import pytest

from fencepost.analyses.inference.boxes import Box
from fencepost.analyses.inference.hitting import hitting_sets
from fencepost.analyses.inference.on_demand import Occurring

COLUMNS = 7


def telling(table, row, size):
    """The sets of so many columns in which no row is like the given one, none of them needless."""

    def apart(columns):
        return not any(all(other[c] == row[c] for c in columns) for other in table)

    return [
        columns
        for columns in combinations(range(COLUMNS), size)
        if apart(columns) and not any(apart([c for c in columns if c != n]) for n in columns)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_they_are_the_shortest_clauses(seed):
    random = np.random.default_rng(seed)
    table = np.unique(random.integers(0, 3, (random.integers(1, 40), COLUMNS)), axis=0)
    row = random.integers(0, 3, COLUMNS)
    masks = Occurring(table, [3] * COLUMNS).differences(row, range(COLUMNS))
    found = [sorted(hitting_sets(masks, size)) for size in range(5)]
    assert found[1:] == [telling(table, row, size) for size in range(1, 5)]


def test_a_row_of_the_table_is_told_from_nothing():
    table = np.array([[0, 1], [1, 0]])
    masks = Occurring(table, [2, 2]).differences((1, 0), range(2))
    assert [list(hitting_sets(masks, size)) for size in range(3)] == [[], [], []]


def test_a_row_that_is_learnt_is_told_from_nothing_until_it_is_forgotten():
    occurring = Occurring(np.array([[0, 1], [1, 0]]), [2, 2])
    occurring.learn(np.array([[1, 1]]))
    assert not occurring.differences((1, 1), range(2)).min()
    occurring.forget()
    assert occurring.differences((1, 1), range(2)).min()


def test_there_is_evidence_for_an_empty_box_where_chance_would_have_filled_it():
    often = np.array([[a, b] for a, b in np.ndindex(2, 2) if (a, b) != (1, 1)] * 50)
    seldom = np.concatenate([np.zeros((98, 2), dtype=np.int64), np.eye(2, dtype=np.int64)])
    box = Box((0, 1), (0b10, 0b10))
    # A third of 150 rows has a 1 in each column; of 100 rows one has.
    assert Occurring(often, [2, 2]).evidence(box) == pytest.approx(150 / 9)
    assert Occurring(seldom, [2, 2]).evidence(box) == pytest.approx(100 / 10_000)
