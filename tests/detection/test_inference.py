"""Lemmas of the three protocols are found, and no broken design is proved."""

import pytest

from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.proofs import is_safe
from fencepost.core.results import Verdict
from fencepost.engines.prove.any_size import prove_any_size
from fencepost.language import build
from models.rdma_write_completion import RdmaWriteCompletion
from models.slot_lifecycle import SlotLifecycle
from properties import rdma_write_completion, slot_lifecycle

MODELS = {SlotLifecycle: slot_lifecycle, RdmaWriteCompletion: rdma_write_completion}
QUICK = {"safe_with_guards", "lease", "tag_alone", "hands_over_rejected"}


def recorded(model):
    declared = [
        value
        for value in vars(MODELS[model]).values()
        if getattr(value, "kind", "") in ("always", "reachable", "always_possible")
    ]
    return build(model, declared, any_size=True)


SYSTEMS = {model: recorded(model) for model in MODELS}
CASES = [
    pytest.param(
        model,
        design.name,
        id=f"{model.__name__}-{design.name}",
        marks=[] if design.name in QUICK else [pytest.mark.slow],
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
