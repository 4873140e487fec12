"""Obligations written as SMT-LIB are refuted by another solver too."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cvc5
import pytest
from recycling import PROPERTIES, Recycling
from things import PROPERTIES as ABOUT_THINGS
from things import Things

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.core.system import System
from fencepost.engines.prove.any_size import Claim, as_smtlib, claim
from fencepost.loading import load_model

ROOT = Path(__file__).parents[5]
MILLISECONDS = 20_000


def answers(scripts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What cvc5 says of each script."""
    said = {}
    for name, text in scripts:
        solver = cvc5.Solver()
        solver.setOption("enum-inst", "true")
        solver.setOption("tlimit-per", str(MILLISECONDS))
        parser = cvc5.InputParser(solver)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, name)
        symbols = parser.getSymbolManager()
        answer = ""
        while not (command := parser.nextCommand()).isNull():
            answer += command.invoke(solver, symbols)
        said[name] = answer.strip()
    return said


def claims_of(system: System, design: str, leave_out: str = "") -> list[Claim]:
    claims = [claim(m) for m in system.lemmas if m.concerns(design) and m.name != leave_out]
    return claims + [claim(p) for p in system.properties if p.kind == "always"]


def test_a_small_protocol():
    system = build(Recycling, PROPERTIES, any_size=True)
    barriers = system.design("waiting").barriers
    said = answers(as_smtlib(system, barriers, claims_of(system, "waiting")))
    assert len(said) >= 10
    assert set(said.values()) == {"unsat"}


def test_every_construct():
    told = [p for p in ABOUT_THINGS if p.name != "wrong"]
    system = build(Things, told, any_size=True)
    said = answers(as_smtlib(system, frozenset(), claims_of(system, "all_barriers")))
    assert set(said.values()) == {"unsat"}


def test_a_wrong_obligation_is_not_refuted():
    system = build(Recycling, PROPERTIES, any_size=True)
    barriers = system.design("hasty").barriers
    said = answers(as_smtlib(system, barriers, claims_of(system, "hasty")))
    assert said["posted_is_held-by-give_back"] != "unsat"
    assert all(
        answer == "unsat" for name, answer in said.items() if "posted_is_held-by" not in name
    )


@pytest.mark.parametrize(
    ("model", "design"),
    [
        ("rdma_write_completion", "safe"),
        ("slot_lifecycle", "safe"),
        ("speculation_monitor", "safe"),
        pytest.param("async_cache_load", "by_streams", marks=pytest.mark.slow),
        pytest.param("layer_split", "agreed_rounds", marks=pytest.mark.slow),
    ],
)
def test_a_protocol_of_the_project(model: str, design: str):
    source = load_model(model, ROOT)
    system = build(source.model, source.properties, any_size=True)
    barriers = system.design(design).barriers
    said = answers(as_smtlib(system, barriers, claims_of(system, design)))
    assert len(said) > 50
    assert {name: answer for name, answer in said.items() if answer != "unsat"} == {}


def test_lemmas_that_were_found():
    source = load_model("deferred_free", ROOT)
    declared = [p for p in source.properties if p.kind != "lemma"]
    system = build(source.model, declared, any_size=True)
    design = system.design("counts_soon_free_blocks")
    found = infer_lemmas(system, design).lemmas
    claims = [*map(claim, found), *claims_of(system, design.name)]
    assert len(claims) == 2
    for left_out in (None, *found):
        given = [each for each in claims if left_out is None or each.name != left_out.name]
        said = answers(as_smtlib(system, design.barriers, given))
        assert (set(said.values()) == {"unsat"}) is (left_out is None)
