"""The surviving mutants of the protocols are those that the page explains, and no others."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from fencepost.analyses.mutation import Mutating
from fencepost.engines.explore import explore, keeps_every_step, same_graph
from fencepost.language import build
from fencepost.loading import load_model
from fencepost.report.mutant_tables import edit_text
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "explanation" / "mutants.md"
ROW = re.compile(r"^\| (?P<action>\S+) \| `(?P<edit>[^`]+)` \| (?P<runs>\w+) \| (?P<why>.+) \|$")
MODELS = sorted(path.stem for path in (ROOT / "models").glob("*.py"))
QUICK = ("deferred_free", "staged_handoff")
KINDS = ("spare guard", "lost run", "left over", "environment", "elsewhere")


def explained(model):
    """The survivors that the page names below the heading of a model, with their reasons."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"\n## {model}\n")[1].split("\n## ")[0]
    lines = section.splitlines()
    rows = [ROW.match(line) for line in lines if line.startswith("| ") and "`" in line]
    assert all(rows), "every row has an action, an edit, how its runs compare and a reason"
    assert counts_of(section, "survive") == len(rows)
    return rows, section


def counts_of(section, word):
    found = re.search(rf"(\d+) {word}", section)
    assert found
    return int(found[1])


@pytest.mark.parametrize("model", MODELS)
def test_every_survivor_has_a_kind_of_reason(model):
    rows, _ = explained(model)
    for row in rows:
        assert row["why"].startswith(KINDS), row[0]
        if row["why"].startswith("spare guard"):
            assert row["runs"] == "more"
        if row["why"].startswith("lost run"):
            assert row["runs"] == "fewer"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "model",
    [pytest.param(m, marks=[] if m in QUICK else [pytest.mark.slow]) for m in MODELS],
)
def test_the_page_names_the_survivors(model):
    source = load_model(model, ROOT)
    system = build(source.model, source.properties, {})
    mutation = Mutating(system, system.designs, explore, same_graph, keeps_every_step).run()
    assert not mutation.of("undecided")
    found = Counter(
        (t.mutant.action or "(barriers)", re.sub(" +", " ", edit_text(t.mutant)), t.relation)
        for t in mutation.of("survived")
    )
    rows, section = explained(model)
    named = Counter((r["action"], r["edit"].replace("\\|", "|"), r["runs"]) for r in rows)
    assert found - named == Counter(), "survivors without a reason"
    assert named - found == Counter(), "reasons without a survivor"
    assert counts_of(section, "killed") == len(mutation.of("killed"))
    assert counts_of(section, "equivalent") == len(mutation.of("equivalent"))
