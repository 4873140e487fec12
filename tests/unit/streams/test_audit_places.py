"""The end of a program frees nothing, and each place that is named is one of the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fencepost

PACKAGE = Path(fencepost.__file__).parent

USED = """
import sys
import torch


def use(x):
    s = torch.cuda.Stream()
    s.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(s):
        x.fill_(1.0)


"""
KEPT = USED + 'x = torch.zeros(8, device="cuda")\nuse(x)\n'
WITHIN = 'def main():\n    x = torch.zeros(8, device="cuda")\n    use(x)\n\n\n'


@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("sys.exit(0)\n", 0), ("sys.exit(3)\n", 2), ("raise ValueError\n", 2)],
)
def test_what_is_alive_at_the_end_is_not_freed(workshop, end, code):
    workshop.write("program.py", KEPT + end)
    ran = workshop.run("audit", "program.py")
    assert ran.code == code
    assert "finding" not in ran.err


def test_what_is_alive_at_the_end_of_a_module_is_not_freed(workshop):
    workshop.write("program.py", KEPT)
    assert workshop.run("audit", "-m", "program").code == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (KEPT + "del x\n", 15),
        (KEPT + "x = None\nprint('later')\n", 15),
        (USED + WITHIN + "main()\n", 18),
        (USED + WITHIN + "main()\ntorch.cuda.current_stream()\n", 18),
    ],
)
def test_what_the_program_lets_go_of_is_freed_where_it_does(workshop, text, line):
    workshop.write("program.py", text)
    ran = workshop.run("audit", "program.py")
    assert ran.code == 1
    assert f"free writes on the default stream, at program.py:{line}\n" in ran.err


def places(value: object) -> list[str]:
    """Every file that a report as JSON names."""
    if isinstance(value, dict):
        here = [value["file"]] if value.get("line") else []
        return here + [place for item in value.values() for place in places(item)]
    if isinstance(value, list):
        return [place for item in value for place in places(item)]
    return []


EVERY_KIND = """
import torch
from tests.gpu.programs import PROGRAMS

for program in PROGRAMS:
    program.body(False, lambda: torch.cuda._sleep(1000))
"""


@pytest.mark.parametrize("text", [EVERY_KIND, KEPT + "del x\n", USED + WITHIN + "main()\n"])
def test_no_place_is_one_of_fencepost(workshop, text, monkeypatch):
    monkeypatch.syspath_prepend(str(PACKAGE.parent))
    workshop.write("program.py", text)
    assert workshop.run("audit", "--json", "found.json", "program.py").code == 1
    report = json.loads((workshop.folder / "found.json").read_text())
    assert report["findings"]
    assert all(
        f["first"]["site"]["line"] and f["second"]["site"]["line"] for f in report["findings"]
    )
    named = places(report)
    assert named
    assert not [place for place in named if PACKAGE in Path(place).resolve().parents]
