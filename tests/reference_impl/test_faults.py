"""Each seeded fault is found, by the one who must find it; without it nobody finds anything."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from reference_impl.adapters.faults.fault import Fault
from reference_impl.adapters.faults.finding import first_finder
from reference_impl.adapters.faults.table import ADAPTERS, FAULTS, SEEDS, found, found_with, main
from reference_impl.adapters.matrix import Case
from reference_impl.prefill import PrefillNode
from tests.reference_impl.test_stream_conformance import TOURED

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "seeded_faults.md"
GUARDED = {"success_before_tagged_record"}
"""Designs in which a guard leaves the race that it guards against."""
WHOLE = sorted({(f.model, f.design, tuple(f.sizes.items())) for f in FAULTS})


def cells() -> dict[str, list[str]]:
    """The table of the page, by the name of the fault."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [re.split(r"  +", line.strip()) for line in lines]
    return {row[0]: row for row in rows if len(row) == 5 and row[0] != "fault"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_found_first_by_who_must_find_it(fault: Fault):
    who, what = found_with(fault) or ("nobody", "")
    assert who == fault.found_by
    assert cells()[fault.name] == [fault.name, fault.model, fault.design, who, what]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "design", "sizes"), WHOLE)
def test_without_a_fault_nothing_is_found(model: str, design: str, sizes: tuple):
    """A design that another test tours at these sizes is only run here."""
    if not sizes and (model, ADAPTERS[model], design) in TOURED:
        case = Case(model, "", design)
        seen = first_finder(lambda: "", lambda: (case.run(seed, on=True) for seed in range(SEEDS)))
    else:
        seen = found(model, design, dict(sizes))
    who, what = seen or ("nobody", "")
    guarded = design in GUARDED and who == "races"
    assert guarded or who == "nobody", what


def test_the_page_names_every_fault_once_and_says_what_it_is():
    assert list(cells()) == [fault.name for fault in FAULTS]
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert [f.name for f in FAULTS if f.text.rstrip(".") not in text] == []
    assert max(Counter(fault.name for fault in FAULTS).values()) == 1


def test_a_fault_is_taken_out_again():
    before = PrefillNode.look_at
    fault = next(fault for fault in FAULTS if fault.name == "count_is_popped")
    with fault.apply():
        assert PrefillNode.look_at is not before
    assert PrefillNode.look_at is before


def test_a_fault_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["no_such_fault"]) == 2
    assert "slot_is_free_twice" in capsys.readouterr().err
