"""At sizes, what a step breaks is found, and what every step keeps is known to be kept."""

from __future__ import annotations

import pytest
from recycling import PROPERTIES, Recycling

from fencepost import build
from fencepost.engines.prove.any_size import Counterexample, claim
from fencepost.engines.prove.any_size.sized import Kept, Sized

SYSTEM = build(Recycling, PROPERTIES, any_size=True)
CLAIMS = {m.name: claim(m) for m in SYSTEM.lemmas}


@pytest.mark.parametrize("name", sorted(CLAIMS))
@pytest.mark.parametrize("design", ["waiting", "hasty"])
def test_a_formula_is_kept_exactly_if_no_step_breaks_it(design: str, name: str):
    sized = Sized(SYSTEM, SYSTEM.design(design).barriers, {"Request": 2, "Slot": 2})
    formula = CLAIMS[name]
    for under in (CLAIMS.values(), ()):
        broken = sized.broken(formula, under)
        assert isinstance(broken, Kept | Counterexample)
        assert sized.keeps(formula, under) is isinstance(broken, Kept)


def test_some_are_kept_and_some_are_broken():
    sized = Sized(SYSTEM, SYSTEM.design("hasty").barriers, {"Request": 2, "Slot": 2})
    kept = {name for name, formula in CLAIMS.items() if sized.keeps(formula, CLAIMS.values())}
    assert kept
    assert "posted_is_held" not in kept
    assert kept < set(CLAIMS)
