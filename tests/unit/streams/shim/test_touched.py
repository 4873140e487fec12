"""The rows that an index names, against the addresses of their elements one by one."""

from __future__ import annotations

import itertools
import random

import pytest
import torch

from fencepost.streams.shim import touched


def by_hand(tensor: torch.Tensor, dim: int, index: torch.Tensor) -> set[int]:
    """The bytes of the rows, from the tensor's first element."""
    found: set[int] = set()
    for number in index.reshape(-1).tolist():
        row = tensor.select(dim, number)
        for element in row.reshape(-1) if row.is_contiguous() else _elements(row):
            start = element.data_ptr() - tensor.data_ptr()
            found |= set(range(start, start + tensor.element_size()))
    return found


def _elements(row: torch.Tensor) -> list[torch.Tensor]:
    if not row.dim():
        return [row]
    return [element for part in row.unbind(0) for element in _elements(part)]


@pytest.mark.parametrize("few", [0, touched.FEW])
@pytest.mark.parametrize("seed", range(30))
def test_rows(monkeypatch, seed: int, few: int):
    monkeypatch.setattr(touched, "FEW", few)
    rng = random.Random(seed)
    shape = [rng.randint(1, 5) for _ in range(rng.randint(1, 3))]
    tensor = torch.zeros([n + rng.randint(0, 2) for n in shape], dtype=torch.int16)
    for dim, n in enumerate(shape):
        tensor = tensor.narrow(dim, 0, n)
    tensor = tensor.permute(rng.sample(range(tensor.dim()), tensor.dim()))
    dim = rng.randrange(tensor.dim())
    count = tensor.shape[dim]
    index = torch.tensor([rng.randrange(-count, count) for _ in range(rng.randint(0, 6))])
    found = touched.rows(tensor, dim - rng.choice([0, tensor.dim()]), index)
    assert {byte for start, stop in found for byte in range(start, stop)} == by_hand(
        tensor, dim, index.long()
    )
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found)), "not merged"


def test_a_mask_names_the_rows_that_it_holds():
    tensor = torch.zeros(4, 2)
    mask = torch.tensor([False, True, True, False])
    assert touched.rows(tensor, 0, mask) == ((8, 24),)
    assert touched.rows(torch.zeros(()), 0, torch.tensor([0])) == ((0, 4),)
    assert touched.rows(torch.zeros(0, 2), 0, torch.tensor([], dtype=torch.int64)) == ()
