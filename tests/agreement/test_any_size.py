"""What is proved for any size is never contradicted by exploring at any small size.

Small sizes show whatever is wrong with a design of this repository, and nothing else. So a proof
contradicts one of them exactly if it proves what a design is expected to violate; of every design
of the large models, `tests/detection/test_proofs.py` holds that it does not.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from small_sizes import contradictions, small_sizes

from fencepost.analyses.proofs import for_any_size, is_safety, prove
from fencepost.core.results import Verdict
from fencepost.core.system import NO_FAULT, Design, System
from fencepost.language import build
from fencepost.loading import load_models

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "models").glob("*.py"))
LARGE = (
    "async_cache_load",
    "layer_split",
    "rdma_write_completion",
    "slot_lifecycle",
    "speculation_monitor",
)
"""A proof of one of their designs takes seconds; they are here with their first."""


@cache
def systems() -> dict[str, System]:
    found = load_models([], ROOT, [])
    return {source.name: build(source.model, source.properties) for source in found}


def safety(system: System) -> list[str]:
    return [p.name for p in system.properties if p.kind == "always"] + [NO_FAULT]


def expected(system: System, design: Design) -> set[str]:
    return {v.property for v in design.expect.violations if is_safety(v.property, system)}


@pytest.mark.parametrize("name", NAMES)
def test_small_sizes_show_whatever_is_wrong_and_nothing_else(name: str) -> None:
    system = systems()[name]
    assert len(list(small_sizes(for_any_size(system)))) > 2
    for design in system.designs:
        found = contradictions(system, design, safety(system))
        assert found.keys() == expected(system, design), (design.name, found)


@pytest.mark.parametrize("name", NAMES)
def test_no_proof_is_contradicted(name: str) -> None:
    system = systems()[name]
    for design in system.designs[: 1 if name in LARGE else None]:
        findings = prove(system, design).answer.findings
        proved = [f.property for f in findings if f.verdict is Verdict.HOLDS]
        assert not contradictions(system, design, proved), design.name
        assert not expected(system, design) & set(proved), design.name
