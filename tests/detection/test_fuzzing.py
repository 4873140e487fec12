"""Random runs find what the broken designs violate; the page about fuzzing has a row for each."""

from __future__ import annotations

import re
from functools import cache

import pytest

from fencepost.checking import prepare
from fencepost.core.system import System
from fencepost.engines.fuzz import fuzz
from fencepost.loading import load_models
from tests.benchmarks.fuzzing import violations
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "explanation" / "fuzzing.md"
ROW = re.compile(
    r"^(?P<model>\w+) +(?P<design>\w+) +(?P<violated>\w+) +(?P<found>\d+)/10 +"
    r"(?P<lengths>[\d.]*) +(?P<shortest>\d+) +[\d.]+$"
)
ALWAYS_SHORTEST = 6
"""Violations of so many steps are found by their shortest run."""


@cache
def systems() -> tuple[System, ...]:
    return tuple(prepare(source) for source in load_models([], ROOT, []))


SHALLOW = [
    pytest.param(system, design, id=f"{system.name}-{design.name}")
    for system in systems()
    for design in system.designs
    if any((v or ALWAYS_SHORTEST) <= ALWAYS_SHORTEST for v in violations(system, design).values())
]


@pytest.mark.parametrize("engine", ["fuzz", "walk"])
def test_the_page_has_a_row_for_every_violation_that_a_run_can_show(engine: str) -> None:
    tables = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = tables[("fuzz", "walk").index(engine)].splitlines()[1:]
    rows = [ROW.match(line) for line in lines]
    assert all(rows), "each row has all of its columns"
    shown = {(r["model"], r["design"], r["violated"]): int(r["shortest"]) for r in rows if r}
    expected = {
        (system.name, design.name, name): steps
        for system in systems()
        for design in system.designs
        for name, steps in violations(system, design).items()
    }
    assert shown == expected
    for row in filter(None, rows):
        if int(row["shortest"]) <= ALWAYS_SHORTEST:
            assert (row["found"], row["lengths"]) == ("10", row["shortest"]), row[0]


@pytest.mark.parametrize(("system", "design"), SHALLOW)
def test_what_is_shallow_is_found_by_a_shortest_run(system, design) -> None:
    expected = {
        name: steps
        for name, steps in violations(system, design).items()
        if steps is not None and steps <= ALWAYS_SHORTEST
    }
    answer = fuzz(system, design, properties=list(expected), seed=0).answer
    found = {f.property: len(f.trace) for f in answer.findings if f.trace is not None}
    assert found == expected
