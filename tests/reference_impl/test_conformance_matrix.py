"""The conformance matrix of the documentation has every design, and no cell that differs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reference_impl.adapters.designs import system

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "conformance_matrix.md"
MODELS = ["async_cache_load", "layer_split", "rdma_write_completion", "slot_lifecycle"]


def shown(model: str) -> dict[str, list[str]]:
    """The cells of a model's rows, by design."""
    rows = [re.split(r"  +", line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return {row[1]: row[2:] for row in rows if row[0] == model}


@pytest.mark.parametrize("model", MODELS)
def test_every_design_is_in_the_matrix_and_as_its_model(model):
    rows = shown(model)
    assert set(rows) == {design.name for design in system(model).designs}
    for cells in rows.values():
        if cells[1].startswith("not driven: "):
            continue
        assert cells[2].startswith(("yes", "as far as it goes: "))
        taken, of = cells[3].split(" of ")
        assert taken == of
