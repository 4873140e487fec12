"""`fencepost barriers` and `fencepost mutate`: exit codes, refusals, interrupts."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "golden" / "project"

LARGE = '''from fencepost import *


class Counters(Model):
    """Sets of barriers that take long to search, after some that do not."""

    small = Barrier("the counters stay small", buys=["in_range"])
    counters = Parameter(7)
    Counter = Index(counters)
    value = Array(Counter, of=Range(0, 9), initial=0)

    @action(counter=Counter)
    def turn(self, counter):
        if self.small:
            require(self.value[counter] < 1)
        self.value[counter] = choose(self.value[counter] < 9, self.value[counter] + 1, 0)

    @action(counter=Counter)
    def back(self, counter):
        self.value[counter] = 0

    only = Design(small, expect=holds)


@always(Counters)
def in_range(m, counter: Counters.Counter):
    """A counter has a value."""
    return m.value[counter] >= 0
'''


@pytest.fixture
def project(workshop):
    shutil.copytree(SAMPLE, workshop.folder, dirs_exist_ok=True)
    return workshop


def report_of(ran):
    return json.loads(ran.out)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("barriers", "handoff", "--barrier", "read_wait"), "F168"),
        (("barriers", "handoff", "--design", "saef"), "F10"),
        (("barriers", "lamp"), "F165"),
        (("mutate", "handoff", "--design", "saef"), "F10"),
        (("mutate", "handoff", "--max-states", "0"), "F19"),
        (("barriers", "handoff", "--svg", "missing/lattice.svg"), "F18"),
    ],
)
def test_input_at_fault(project, arguments, code):
    if code == "F165":
        file = project.folder / "models/lamp.py"
        assert "Barrier" not in file.read_text(), "a model without barriers is needed here"
    ran = project.run(*arguments)
    assert ran.code == 2
    assert f"error {code}" in ran.err


def many(barriers):
    """A model that asks for no barrier, so that one search tells of all sets."""
    declared = [f'    b{n} = Barrier("barrier {n}", buys=["fine"])' for n in range(barriers)]
    on = ", ".join(f"b{n}" for n in range(barriers))
    return "\n".join(
        [
            "from fencepost import *\n\n\nclass Many(Model):",
            *declared,
            "    on = Var(bool)\n\n    @action\n    def flip(self):",
            "        self.on = not self.on\n",
            f"    all_on = Design({on}, expect=holds)",
            "    one_on = Design(b0, expect=holds)\n\n\n@always(Many)\ndef fine(m):",
            "    return m.on or not m.on\n",
        ]
    )


def test_a_picture_of_too_many_sets_is_refused(workshop):
    workshop.write("many.py", many(9))
    ran = workshop.run("barriers", "many.py", "--svg", "lattice.svg")
    assert ran.code == 2
    assert "error F167" in ran.err
    ran = workshop.run("barriers", "many.py")
    assert ran.code == 0
    assert "512 sets" in ran.out or "of 512 sets" in ran.out
    assert "sets of" not in ran.err


def test_many_sets_are_announced_with_what_asks_for_less(workshop):
    workshop.write("many.py", many(17))
    ran = workshop.run("barriers", "many.py")
    assert ran.code == 0
    assert "131 072 sets of 17 barriers" in ran.err
    assert "--design for the barriers of one design (1 of `--design one_on`)" in ran.err
    assert "Ctrl-C prints" in ran.err
    asked_for_less = workshop.run("barriers", "many.py", "--design", "one_on")
    assert asked_for_less.code == 0
    assert "sets of" not in asked_for_less.err


def test_too_many_sets_are_refused_with_their_number(workshop):
    workshop.write("many.py", many(23))
    ran = workshop.run("barriers", "many.py", "--design", "all_on")
    assert ran.code == 2
    assert "error F166" in ran.err
    assert "23 barriers have 8 388 608 sets" in ran.err
    assert "--barrier for each one that may be left out, 22 of them at most" in ran.err


def test_json_goes_to_standard_output_alone(project):
    report = report_of(project.run("barriers", "handoff", "--json", "-"))
    (question,) = report["questions"]
    assert question["sufficient"]["minimal"] == [["read_waits", "lock_is_freed", "one_reader"]]
    without = {each["barrier"]: each for each in question["without"]}
    assert [s["action"] for s in without["read_waits"]["trace"]["steps"]] == ["begin", "read"]


def test_every_set_has_its_verdict(project):
    (question,) = report_of(project.run("barriers", "handoff", "--json", "-"))["questions"]
    assert len(question["verdicts"]) == question["sets"] == 8
    assert question["counts"]["sufficient"] == 1


def test_a_limit_leaves_sets_undecided(project):
    ran = project.run("barriers", "handoff", "--max-states", "3", "--json", "-")
    assert ran.code == 3
    (question,) = report_of(ran)["questions"]
    assert question["counts"]["undecided"] > 0
    assert question["sufficient"]["needed"] == []


def test_mutants_are_listed_with_their_places(project):
    report = report_of(project.run("mutate", "handoff", "--json", "-"))
    assert {m["status"] for m in report["mutants"]} >= {"killed"}
    lines = (project.folder / "models/handoff.py").read_text().splitlines()
    for mutant in report["mutants"]:
        if mutant["kind"] == "require dropped":
            text = " ".join(lines[mutant["line"] - 1 :][:2])
            assert "require" in text or "in" in text or "if" in text, mutant


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "counters.py").write_text(LARGE)
    return subprocess.Popen(
        [sys.executable, "-m", "fencepost", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["barriers", "mutate"])
def test_ctrl_c_prints_what_was_established(tmp_path: Path, command):
    running = start(tmp_path, command, "counters.py", "--set", "counters=9")
    assert running.stderr is not None
    import time

    time.sleep(6)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode in (1, 3), err
    assert "interrupted" in out
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize("command", ["barriers", "mutate"])
def test_time_ends_the_whole(tmp_path: Path, command):
    out, _ = start(
        tmp_path, command, "counters.py", "--set", "counters=9", "--timeout", "3"
    ).communicate(timeout=60)
    assert "time limit reached" in out
