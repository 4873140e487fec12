"""Bounded search finds what exhaustive search finds, at the same depth, and claims no more."""

from __future__ import annotations

import pytest

from fencepost.core.limits import Limits
from fencepost.core.results import Answer, Finding, Verdict
from fencepost.core.system import Design, System
from fencepost.engines.explore import explore
from fencepost.engines.prove import bounded
from tests.unit.kernel.random_systems import random_system
from tests.unit.kernel.slot_protocol import slot_protocol

SMALL = Limits(states=3_000)


def by_question(answer: Answer) -> dict[tuple[str, str], Finding]:
    """An `always` is decided as a whole; which filling is violated first may differ."""
    return {(f.property, "" if f.kind == "always" else f.instance): f for f in answer.findings}


def length(finding: Finding) -> int:
    assert finding.trace is not None
    return len(finding.trace)


def assert_same(system: System, design: Design, steps: int) -> bool:
    """What both decide is equal; what is deeper than the bound, bounded search leaves open.

    False where a cell has more values than it can encode; then it decides nothing.
    """
    seen = explore(system, design).answer
    assert seen.complete
    found = bounded(system, design, steps=steps).answer
    assert list(by_question(found)) == list(by_question(seen))
    if found.stopped:
        assert "too many" in found.stopped
        assert {f.verdict for f in found.findings} == {Verdict.UNDECIDED}
        return False
    for question, exact in by_question(seen).items():
        mine = by_question(found)[question]
        where = (system.name, design.name, question, mine, exact.scope)
        if exact.kind not in ("always", "reachable"):
            assert mine.verdict is Verdict.UNDECIDED, where
        elif exact.trace is not None and length(exact) <= steps:
            assert mine.verdict is exact.verdict, where
            assert length(mine) == length(exact), where
        elif mine.bound is None and mine.verdict is not Verdict.UNDECIDED:
            # No run is longer than what was searched: then both have seen everything.
            assert mine.verdict is exact.verdict, where
            assert seen.depth <= steps, where
        elif exact.kind == "always":
            assert (mine.verdict, mine.bound) == (Verdict.HOLDS, steps), where
    return True


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_random_systems(start: int) -> None:
    compared = 0
    for seed in range(start, start + 20):
        system = random_system(seed)
        for design in system.designs:
            if explore(system, design, limits=SMALL).answer.complete:
                compared += assert_same(system, design, 5)
    assert compared > 15


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 1, 1), (2, 2, 1), (2, 1, 2)])
def test_a_protocol(size: tuple[int, int, int]) -> None:
    system = slot_protocol(*size)
    for design in system.designs:
        assert assert_same(system, design, 10)
