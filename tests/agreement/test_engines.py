"""Every engine tells one story: on the models of this repository, and on random ones."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from generator import NOT_ASKED_OF_A_GENERATOR, generate

from fencepost.analyses.agreement import agree
from fencepost.analyses.proofs import is_safe, prove
from fencepost.core.errors import InputError
from fencepost.core.limits import Limits
from fencepost.core.results import Answer, Finding, Verdict
from fencepost.core.system import Design, System
from fencepost.engines.explore import explore
from fencepost.engines.fuzz import fuzz, walk
from fencepost.engines.prove import bounded, k_induction
from fencepost.language import build
from fencepost.loading import load_models
from tests.unit.engines.prove.any_size.random_models import load

ROOT = Path(__file__).parents[2]
STEPS = 6
MOST_K = 4
EXAMPLES = 5
"""Fuzzed runs of a design: many models, each with few runs, show more than few with many."""
FEW = Limits(states=2000)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("random_models")


def answers(system: System, design: Design, *, any_size: bool = True) -> list[Answer]:
    """What every engine says of a design, at its sizes and for any; the exhaustive search comes
    first. Where there is no reading for any size, that engine says so and nothing else."""
    asked = [
        explore(system, design),
        bounded(system, design, steps=STEPS),
        k_induction(system, design, most_k=MOST_K),
        fuzz(system, design, examples=EXAMPLES, steps=20),
        walk(system, design, walks=50, steps=50),
    ]
    if any_size:
        asked.append(prove(system, design))
    return [result.answer for result in asked]


def hold_together(system: System, design: Design, found: list[Answer]) -> Counter[str]:
    """No two engines contradict each other, and each finds what it has to find."""
    exhaustive, within, induction, *others = found
    assert exhaustive.complete
    together = agree(found)
    wrong = [f.detail for f in together.findings if f.verdict is Verdict.ERROR]
    assert not wrong, f"{system.name} {design.name}: {wrong}"
    for finding in exhaustive.findings:
        if finding.kind != "always":
            continue
        other = one_of(within, finding)
        if finding.verdict is Verdict.VIOLATED:
            assert finding.trace is not None
            if len(finding.trace) <= STEPS:
                assert other.verdict is Verdict.VIOLATED, finding
                assert other.trace is not None
                assert len(other.trace) == len(finding.trace), finding
        elif finding.verdict is Verdict.HOLDS:
            assert other.verdict is Verdict.HOLDS, finding
            assert other.bound in (STEPS, None), finding
            assert one_of(induction, finding).verdict is not Verdict.VIOLATED
        if finding.verdict is Verdict.VIOLATED:
            proved = [f for f in of(others[-1], finding) if f.verdict is Verdict.HOLDS]
            assert not proved, finding
    for answer in others[:2]:
        # A random run decides nothing but what it reaches.
        assert all(f.kind == "reachable" for f in answer.findings if f.verdict is Verdict.HOLDS)
    met: Counter[str] = Counter()
    for answer in found:
        met.update(f"{answer.engine} {f.verdict.value}" for f in answer.findings)
    return met


def one_of(answer: Answer, finding: Finding) -> Finding:
    (found,) = of(answer, finding)
    return found


def of(answer: Answer, finding: Finding) -> list[Finding]:
    return [f for f in answer.findings if f.property == finding.property]


def hold_on_random_models(seeds: range, folder: Path) -> Counter[str]:
    met: Counter[str] = Counter()
    for seed in seeds:
        system = generate(seed, folder).system
        for design in system.designs:
            met += hold_together(system, design, answers(system, design))
    return met


def test_random_models(folder: Path) -> None:
    met = hold_on_random_models(range(40), folder)
    for engine in ("bounded", "fuzz", "walk"):
        assert met[f"{engine} VIOLATED"] > 10, met
    for engine in ("bounded", "k-induction"):
        assert met[f"{engine} HOLDS"] > 10, met


def hold_on_models_of_any_size(seeds: range, folder: Path) -> Counter[str]:
    """The same on models that have a reading for any size, and few states at their own."""
    met: Counter[str] = Counter()
    for seed in seeds:
        try:
            _, system = load(seed, folder, any_size=False)
        except InputError as error:
            if error.code not in NOT_ASKED_OF_A_GENERATOR:
                raise
            continue
        for design in system.designs:
            if explore(system, design, limits=FEW).answer.complete:
                met += hold_together(system, design, answers(system, design))
    return met


def test_random_models_with_a_reading_for_any_size(folder: Path) -> None:
    met = hold_on_models_of_any_size(range(14), folder)
    for verdict in ("HOLDS", "UNDECIDED"):
        assert met[f"any-size {verdict}"] > 10, met
    assert met["explore VIOLATED"] > 10, met


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("start", range(1000, 1475, 25))
def test_many_more_random_models(start: int, folder: Path) -> None:
    """With the forty above five hundred and more; `test_random_models.py` holds the same ones
    against the interpreter."""
    hold_on_random_models(range(start, start + 25), folder)


@cache
def systems() -> dict[str, System]:
    found = load_models([], ROOT, [])
    return {source.name: build(source.model, source.properties) for source in found}


NAMES = sorted(path.stem for path in (ROOT / "models").glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_the_first_design_of_a_model(name: str) -> None:
    system = systems()[name]
    hold_together(system, system.designs[0], answers(system, system.designs[0]))


OTHERS = [(name, design.name) for name in NAMES for design in systems()[name].designs[1:]]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "design"), OTHERS, ids=["-".join(pair) for pair in OTHERS])
def test_every_other_design(name: str, design: str) -> None:
    system = systems()[name]
    asked = system.design(design)
    # Proofs of broken designs, which take longest, are held to this by tests/detection.
    found = answers(system, asked, any_size=is_safe(asked, system))
    hold_together(system, asked, found)
