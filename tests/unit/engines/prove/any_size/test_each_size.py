"""What is kept at several sizes is kept at each of them, and broken where one breaks it."""

from __future__ import annotations

import pytest
from recycling import PROPERTIES, Recycling

from fencepost import build
from fencepost.engines.prove.any_size import Counterexample, claim
from fencepost.engines.prove.any_size.sized import EachSize, Kept, Sized

SYSTEM = build(Recycling, PROPERTIES, any_size=True)
CLAIMS = tuple(claim(m) for m in SYSTEM.lemmas)
ONE, TWO = {"Request": 1, "Slot": 1}, {"Request": 2, "Slot": 2}


@pytest.mark.parametrize("design", ["waiting", "hasty"])
@pytest.mark.parametrize("sizes", [(ONE, TWO), (TWO, ONE)])
def test_a_formula_is_kept_if_each_size_keeps_it(design, sizes):
    barriers = SYSTEM.design(design).barriers
    each, alone = EachSize(SYSTEM, barriers, sizes), [Sized(SYSTEM, barriers, s) for s in sizes]
    differ = 0
    for formula in CLAIMS:
        for under in (CLAIMS, ()):
            kept = [sized.keeps(formula, under) for sized in alone]
            differ += len(set(kept)) > 1
            assert each.keeps(formula, under) is all(kept)
            assert (each.core(formula, under) is not None) is all(kept)
            answer = each.broken(formula, under)
            assert isinstance(answer, Kept if all(kept) else Counterexample)
            if isinstance(answer, Counterexample):
                assert dict(answer.sizes) == sizes[kept.index(False)]
    assert differ, "one size said all that the other did"


def test_what_keeps_a_formula_at_one_of_the_sizes_is_named():
    barriers = SYSTEM.design("waiting").barriers
    each = EachSize(SYSTEM, barriers, (ONE, TWO))
    larger = Sized(SYSTEM, barriers, TWO)
    smaller = Sized(SYSTEM, barriers, ONE)
    more = 0
    for formula in CLAIMS:
        cores = [sized.core(formula, CLAIMS) for sized in (smaller, larger)]
        together = each.core(formula, CLAIMS)
        assert together is not None and None not in cores
        assert together == cores[0] | cores[1]
        more += cores[0] != cores[1]
    assert more, "both sizes took the same"
