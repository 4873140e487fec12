"""Models that are hard to export are counted by Spin and Rumur as by us."""

from __future__ import annotations

from pathlib import Path

import peers
import pytest
from hard_models import MODELS
from peers import Counts

from fencepost import Model
from fencepost.engines.explore import explore_by_interpreter
from fencepost.export import murphi, promela
from fencepost.language import build


@pytest.mark.usefixtures("both_peers")
@pytest.mark.parametrize("model", MODELS)
def test_counts(model: type[Model], tmp_path: Path) -> None:
    system = build(model)
    for design in system.designs:
        answer = explore_by_interpreter(system, design).answer
        ours = Counts(answer.states, answer.transitions)
        assert peers.spin(system, design, tmp_path) == ours
        assert peers.rumur(system, design, tmp_path) == ours


@pytest.mark.parametrize("model", MODELS)
def test_an_export_is_always_the_same(model: type[Model]) -> None:
    for export in (promela, murphi):
        once, again = build(model), build(model)
        assert export(once, once.designs[0]) == export(again, again.designs[0])
