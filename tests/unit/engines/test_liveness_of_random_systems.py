"""The compiled decision of liveness equals the slow one on networkx, on random systems."""

from __future__ import annotations

from collections import Counter

import pytest

from fencepost.core.limits import Limits
from fencepost.core.results import Answer, Finding
from fencepost.core.system import LIVENESS, System
from fencepost.engines.explore import explore, explore_by_interpreter
from tests.unit.kernel.random_systems import LivelyGenerator, random_system

LIMITS = Limits(states=300)


def questions(answer: Answer) -> dict[tuple[str, str], Finding]:
    return {(f.property, f.instance): f for f in answer.findings if f.kind in LIVENESS}


def hold_equal(system: System) -> Counter[str]:
    """The verdicts met, once both ways agree; runs differ, and each was performed again."""
    met: Counter[str] = Counter()
    for design in system.designs:
        fast = explore(system, design, limits=LIMITS).answer
        slow = explore_by_interpreter(system, design, limits=LIMITS).answer
        assert (fast.states, fast.complete) == (slow.states, slow.complete)
        found, wanted = questions(fast), questions(slow)
        assert found.keys() == wanted.keys()
        for question, finding in found.items():
            assert finding.verdict is wanted[question].verdict, (system.name, design.name, question)
            met[finding.verdict.value] += 1
            if finding.trace is not None:
                assert wanted[question].trace is not None
                assert finding.trace.loop is not None
                met["ends"] += finding.trace.loop == len(finding.trace.steps)
                met["stays"] += finding.trace.loop == len(finding.trace.steps) - 1
                met["goes round"] += finding.trace.loop < len(finding.trace.steps) - 1
        assert fast == explore(system, design, limits=LIMITS).answer
    return met


@pytest.mark.parametrize("start", range(0, 100, 25))
def test_random_systems(start: int) -> None:
    met: Counter[str] = Counter()
    for seed in range(start, start + 25):
        met += hold_equal(random_system(seed, LivelyGenerator))
    assert met["HOLDS"] and met["VIOLATED"], met


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("start", range(1000, 1400, 50))
def test_many_more_random_systems(start: int) -> None:
    for seed in range(start, start + 50):
        hold_equal(random_system(seed, LivelyGenerator))


def test_random_systems_have_every_kind_of_run_and_every_fairness_matters() -> None:
    met: Counter[str] = Counter()
    for seed in range(40):
        system = random_system(seed, LivelyGenerator)
        met += hold_equal(system)
        met.update(f"{a.fairness or 'un'}fair" for a in system.actions)
        met.update(p.kind for p in system.properties)
    wanted = "HOLDS VIOLATED UNDECIDED ends stays weakfair strongfair unfair leads_to eventually"
    assert [kind for kind in [*wanted.split(), "goes round"] if met[kind] < 3] == []
