"""Lemmas of the protocols are found, and no broken design is proved."""

from pathlib import Path

import pytest

from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.proofs import is_safe
from fencepost.core.results import Verdict
from fencepost.engines.prove.any_size import prove_any_size
from fencepost.language import build
from fencepost.loading import load_model

ROOT = Path(__file__).parents[2]
CALCULATING = {"speculation_monitor"}
"""A model whose lemmas calculate, which none that are found do: docs/explanation/warts.md."""
MODELS = sorted({path.stem for path in (ROOT / "models").glob("*.py")} - CALCULATING)
SMALL = {"deferred_free", "staged_handoff"}
QUICK = {"safe_with_guards", "lease", "tag_alone", "hands_over_rejected"}


def recorded(model):
    source = load_model(model, ROOT)
    declared = [one for one in source.properties if one.kind != "lemma"]
    return build(source.model, declared, any_size=True)


SYSTEMS = {model: recorded(model) for model in MODELS}
CASES = [
    pytest.param(
        model,
        design.name,
        id=f"{model}-{design.name}",
        marks=[] if model in SMALL or design.name in QUICK else [pytest.mark.slow],
    )
    for model, system in SYSTEMS.items()
    for design in system.designs
]


@pytest.mark.parametrize(("model", "name"), CASES)
def test_lemmas_are_found_for_safe_designs_alone(model, name):
    system = SYSTEMS[model]
    assert system.lemmas == ()
    design = system.design(name)
    found = infer_lemmas(system, design)
    assert found.stopped == ""
    assert found.proved == is_safe(design, system)
    if found.proved:
        answer = prove_any_size(system, design, lemmas=found.lemmas).answer
        assert {f.verdict for f in answer.findings} == {Verdict.HOLDS}
    else:
        assert found.violation is not None
        assert found.violation.property in {v.property for v in design.expect.violations}
