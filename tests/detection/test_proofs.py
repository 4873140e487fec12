"""Every safe design is proved for any size; every broken one is not, and names what to blame."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fencepost import build
from fencepost.analyses.expectations import Judgement
from fencepost.analyses.proofs import Proof, is_safe, prove_and_judge
from fencepost.core.results import Verdict
from fencepost.core.system import NO_FAULT, System
from fencepost.loading import load_model

ROOT = Path(__file__).parents[2]
MODELS = sorted(path.stem for path in (ROOT / "models").glob("*.py"))
LONG = ("async_cache_load", "layer_split", "speculation_monitor")
QUICK_ENOUGH = (
    "fork_without_wait",
    "host_page_lock_dropped",
    "broadcast_before_load",
    "full_rank_stops_early",
    "length_only",
    "frees_at_abort",
)
"""Broken designs of models with many that are tried in every run: together they take minutes."""


@cache
def recorded(model: str) -> System:
    source = load_model(model, ROOT)
    return build(source.model, source.properties)


def designs(*, safe: bool) -> list[object]:
    found = []
    for model in MODELS:
        system = recorded(model)
        for design in system.designs:
            if safe is not is_safe(design, system):
                continue
            broken = bool(design.expect.violations)
            long = broken and model in LONG and design.name not in QUICK_ENOUGH
            marks = [pytest.mark.slow] if long else []
            found.append(pytest.param(model, design.name, id=f"{model}-{design.name}", marks=marks))
    return found


def proof(model: str, design: str) -> Proof:
    system = recorded(model)
    return prove_and_judge(system, system.design(design))


@pytest.mark.parametrize(("model", "design"), designs(safe=True))
def test_a_safe_design_is_proved(model: str, design: str):
    """Whether or not it breaks a promise, which no proof decides: a fix that livelocks is safe."""
    done, system = proof(model, design), recorded(model)
    assert done.judged.judgement is Judgement.AS_EXPECTED, done.judged.reasons
    findings = done.result.answer.findings
    assert {f.verdict for f in findings} == {Verdict.HOLDS}
    assert all(f.scope.startswith("any number of ") for f in findings)
    safety = {p.name for p in system.properties if p.kind == "always"} | {NO_FAULT}
    assert {f.property for f in findings} == safety


@pytest.mark.parametrize(("model", "design"), designs(safe=False))
def test_a_broken_design_blames_its_step(model: str, design: str):
    done = proof(model, design)
    assert done.judged.judgement is Judgement.AS_EXPECTED, done.judged.reasons
    system = recorded(model)
    expected = {v.property for v in system.design(design).expect.violations}
    findings = done.result.answer.findings
    assert {f.property for f in findings if f.verdict is Verdict.UNDECIDED} & expected
    assert not {f.property for f in findings if f.verdict is Verdict.HOLDS} & expected
    # Initiation and every other action pass: only those that are blamed break anything.
    assert set(done.blamed) == set(system.design(design).blames)


@pytest.mark.parametrize("model", MODELS)
def test_each_unsafe_design_says_whom_it_blames(model: str):
    system = recorded(model)
    for design in system.designs:
        assert bool(design.blames) is not is_safe(design, system), design.name


@pytest.mark.parametrize("model", MODELS)
def test_each_lemma_is_used(model: str):
    """By the proof of some safe design; one that is not would be prose."""
    system, used = recorded(model), set()
    for design in system.designs:
        if is_safe(design, system):
            facts = dict(proof(model, design.name).result.answer.facts)
            used |= set(facts.get("lemmas used", "").split(", ")) - {""}
    assert used == {lemma.name for lemma in system.lemmas}
