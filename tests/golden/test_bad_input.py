"""Every input that is at fault gets its numbered message, byte for byte, and exit code 2."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.golden import bad_inputs

HERE = Path(__file__).parent
MESSAGE = re.compile(r"^(\S+:\d+: )?error F\d{2,3}: ", re.MULTILINE)


def named(cases):
    return [pytest.param(case, id=case.name) for case in cases]


def refused(workshop, golden, case):
    ran = workshop.run(*case.arguments)
    assert ran.code == 2
    assert MESSAGE.match(ran.err)
    assert ran.out == "" or "as expected" in ran.out
    golden(f"bad_input/{case.name}.txt", ran.err.replace(f"{workshop.folder}", "FOLDER"))


@pytest.mark.parametrize(
    "case",
    named((*bad_inputs.COMMAND_LINE, *bad_inputs.NAMES_AND_SIZES, *bad_inputs.PROJECTS_AND_FILES)),
)
def test_refused(workshop, golden, case):
    case.lay_out(workshop.folder)
    refused(workshop, golden, case)


@pytest.mark.parametrize("case", named(bad_inputs.TRACES))
def test_refused_trace(workshop, golden, case):
    if case.change is None:
        case.lay_out(workshop.folder)
    else:
        shutil.copytree(HERE / "project", workshop.folder, dirs_exist_ok=True)
        workshop.run("check", "--design", "early")
        stored = workshop.folder / ".fencepost/traces/handoff-early-reads_whole.json"
        trace = json.loads(stored.read_text())
        case.change(trace)
        workshop.write("trace.json", json.dumps(trace))
    refused(workshop, golden, case)


def test_there_are_many_bad_inputs():
    cases = [
        *bad_inputs.COMMAND_LINE,
        *bad_inputs.NAMES_AND_SIZES,
        *bad_inputs.PROJECTS_AND_FILES,
        *bad_inputs.TRACES,
    ]
    names = [case.name for case in cases]
    assert len(names) == len(set(names)) >= 60
    stored = {file.stem for file in (HERE / "bad_input").glob("*.txt")}
    assert stored == set(names), "golden messages without a case, or cases without a message"
