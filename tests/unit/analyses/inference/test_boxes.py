"""Maximal empty boxes against brute force."""

from itertools import combinations, product

import numpy as np
import pytest

from fencepost.analyses.inference.boxes import Box, maximal_empty_boxes
from fencepost.analyses.inference.on_demand import Occurring


def is_empty(rows, box):
    return not any(
        all(mask >> row[c] & 1 for c, mask in zip(box.columns, box.masks, strict=True))
        for row in rows
    )


def is_maximal(rows, box, sizes):
    for n, column in enumerate(box.columns):
        for value in range(sizes[column]):
            if not box.masks[n] >> value & 1:
                masks = (*box.masks[:n], box.masks[n] | 1 << value, *box.masks[n + 1 :])
                if is_empty(rows, Box(box.columns, masks)):
                    return False
    return True


def by_brute_force(rows, sizes):
    found = set()
    for count in (1, 2, 3):
        for columns in combinations(range(len(sizes)), count):
            for masks in product(*(range(1, (1 << sizes[c]) - 1) for c in columns)):
                box = Box(columns, masks)
                if is_empty(rows, box) and is_maximal(rows, box, sizes):
                    found.add(box)
    return found


def random_table(seed):
    chance = np.random.default_rng(seed)
    sizes = [int(n) for n in chance.integers(2, 5, size=chance.integers(1, 5))]
    whole = list(product(*(range(n) for n in sizes)))
    count = int(chance.integers(1, min(len(whole), 40) + 1))
    chosen = chance.permutation(len(whole))[:count]
    return np.array([whole[n] for n in chosen]), sizes


@pytest.mark.parametrize("start", range(0, 300, 25))
def test_boxes_are_those_of_brute_force(start):
    for seed in range(start, start + 25):
        rows, sizes = random_table(seed)
        found = maximal_empty_boxes(rows, sizes)
        assert len(found) == len(set(found))
        assert set(found) == by_brute_force(rows.tolist(), sizes), seed


@pytest.mark.parametrize("start", range(0, 200, 25))
def test_what_excludes_a_row_is_found_on_demand(start):
    for seed in range(start, start + 25):
        rows, sizes = random_table(seed)
        there = {tuple(row) for row in rows.tolist()}
        absent = [row for row in product(*(range(n) for n in sizes)) if row not in there]
        for row in absent[:3]:
            every = by_brute_force(rows.tolist(), sizes)
            excluding = {b for b in every if not is_empty([row], b)}
            occurring = Occurring(rows, sizes)
            for literals in (1, 2, 3):
                columns = list(occurring.without(row, range(len(sizes)), literals))
                grown = {occurring.grown(row, c) for c in columns}
                assert grown <= excluding, (seed, row)
                least = {
                    c
                    for c in combinations(range(len(sizes)), literals)
                    if is_empty(rows.tolist(), Box(c, tuple(1 << row[n] for n in c)))
                    and not any(
                        is_empty(rows.tolist(), Box(d, tuple(1 << row[n] for n in d)))
                        for d in combinations(c, literals - 1)
                        if d
                    )
                }
                assert set(columns) == least, (seed, row)


def test_a_table_of_many_rows_is_looked_at_whole():
    chance = np.random.default_rng(1)
    rows = chance.integers(0, 3, size=(20_000, 6))
    rows[:, 5] = np.where((rows[:, 0] == 1) & (rows[:, 1] == 2) & (rows[:, 5] == 0), 1, rows[:, 5])
    occurring = Occurring(rows, [3] * 6)
    assert list(occurring.without((1, 2, 0, 0, 0, 0), range(6), 3)) == [(0, 1, 5)]
    assert occurring.grown((1, 2, 0, 0, 0, 0), (0, 1, 5)) == Box((0, 1, 5), (2, 4, 1))


def test_a_table_without_rows_is_refused():
    with pytest.raises(ValueError, match="without rows"):
        maximal_empty_boxes(np.zeros((0, 2), dtype=np.int64), [2, 2])
