"""Bounded search, k-induction and exploring tell one story of our models and of random ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from generator import generate

from fencepost.core.limits import Limits
from fencepost.core.results import Answer, Finding, Verdict
from fencepost.core.system import Design, System
from fencepost.engines.explore import explore
from fencepost.engines.prove import bounded, k_induction
from fencepost.language import build
from fencepost.loading import load_models

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "models").glob("*.py"))
SHORT = 6


@cache
def system_of(name: str) -> System:
    [source] = load_models([name], ROOT, [])
    return build(source.model, source.properties)


def by_question(answer: Answer) -> dict[tuple[str, str], Finding]:
    return {(f.property, "" if f.kind == "always" else f.instance): f for f in answer.findings}


def compare(system: System, design: Design, steps: int) -> int:
    """How many runs both gave; each is as long as the other, and neither contradicts the other."""
    exact = explore(system, design).answer
    assert exact.complete
    found = bounded(system, design, steps=steps).answer
    if found.stopped:
        assert "too many" in found.stopped
        return 0
    both = 0
    for question, seen in by_question(exact).items():
        mine = by_question(found)[question]
        where = (system.name, design.name, mine, seen)
        if seen.kind not in ("always", "reachable"):
            assert mine.verdict is Verdict.UNDECIDED, where
        elif seen.trace is not None and len(seen.trace) <= steps:
            assert mine.trace is not None, where
            assert (mine.verdict, len(mine.trace)) == (seen.verdict, len(seen.trace)), where
            both += 1
        else:
            assert mine.trace is None, where
            assert mine.verdict is not Verdict.VIOLATED or seen.verdict is Verdict.VIOLATED, where
            plain = mine.verdict is Verdict.HOLDS and mine.bound is None
            assert not plain or seen.verdict is Verdict.HOLDS, where
    return both


def shortest(design: Design) -> float:
    return min((v.steps or 99 for v in design.expect.violations), default=99)


@pytest.mark.parametrize("name", NAMES)
def test_short_violations_of_the_models(name: str) -> None:
    system = system_of(name)
    design = min(system.designs, key=shortest)
    assert compare(system, design, SHORT) > 0


def random_systems(seeds: range, folder: Path, steps: int) -> int:
    both = 0
    for seed in seeds:
        system = generate(seed, folder).system
        for design in system.designs:
            if not explore(system, design, limits=Limits(states=2000)).answer.complete:
                continue
            both += compare(system, design, steps)
            exact = by_question(explore(system, design).answer)
            proof = k_induction(system, design, most_k=2).answer
            for question, finding in by_question(proof).items():
                if finding.verdict is not Verdict.UNDECIDED:
                    assert finding.verdict is exact[question].verdict, (seed, finding)
    return both


def test_random_models(tmp_path: Path) -> None:
    assert random_systems(range(12), tmp_path, 3) > 10
