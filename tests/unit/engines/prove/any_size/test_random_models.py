"""What is proved of a random model for any size is never violated at a small one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from random_models import load

from fencepost.core.errors import InputError
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.sizes import at_sizes, sorts
from fencepost.engines.explore import explore
from fencepost.engines.prove.any_size import prove_any_size

SIZES = ((1, 1), (2, 1), (1, 2), (2, 2))
FEW = Limits(states=3000)
NOT_ASKED = ("F49", "F63", "F82")
"""Conditions that nothing uses, models that cannot start, and too many branches."""


def compared(seed: int, folder: Path) -> Counter[str]:
    """How often each verdict was given; a contradiction is an error."""
    told: Counter[str] = Counter()
    try:
        text, unbounded = load(seed, folder)
    except InputError as error:
        if error.code not in NOT_ASKED:
            raise
        return told
    names = {sort.name for sort in sorts(unbounded)}
    for design in unbounded.designs:
        findings = prove_any_size(unbounded, design).answer.findings
        proved = {f.property for f in findings if f.verdict is Verdict.HOLDS}
        told.update(f.verdict.value for f in findings)
        told["unknown"] += sum(
            f.verdict is not Verdict.HOLDS and f.induction is None for f in findings
        )
        for a, b in SIZES:
            system = at_sizes(unbounded, {"A": a, "B": b} if len(names) == 2 else {})
            try:
                found = explore(system, design, properties=sorted(proved), limits=FEW).answer
            except InputError as error:
                if error.code not in NOT_ASKED:
                    raise
                continue
            wrong = [f for f in found.findings if f.verdict is Verdict.VIOLATED]
            assert not wrong, f"seed {seed}, {a} {b}, {wrong[0]}\n{text}"
            told["explored"] += 1
    return told


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_exploring_never_contradicts_a_proof(start: int, tmp_path: Path):
    told: Counter[str] = Counter()
    for seed in range(start, start + 10):
        told += compared(seed, tmp_path)
    assert told["HOLDS"] > 3
    assert told["UNDECIDED"] > 3
    assert told["explored"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1350, 1600, 50))
def test_many_more(start: int, tmp_path: Path):
    for seed in range(start, start + 50):
        compared(seed, tmp_path)
