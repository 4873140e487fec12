"""A model as a test: collected by pytest, run by Hypothesis, and readable where it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import fencepost
from fencepost import (
    Barrier,
    Design,
    Index,
    Maybe,
    Model,
    Parameter,
    Var,
    action,
    always,
    holds,
    require,
    violates,
)
from fencepost.core.errors import InputError
from fencepost.language import Sized

MODEL = '''
"""A slot that is given away again."""

from fencepost import *


class Lane(Model):
    requests = Parameter(2)
    Request = Index(requests)
    waits = Barrier("waits until the slot is free", buys=["one_writer"])
    writing = Array(Request, of=bool)
    done = Array(Request, of=bool)

    @action(request=Request)
    def begin(self, request):
        require(not self.done[request] and not self.writing[request])
        if self.waits:
            require(not exists(self.Request, lambda other: self.writing[other]))
        self.writing[request] = True

    @action(request=Request)
    def end(self, request):
        require(self.writing[request])
        self.writing[request] = False
        self.done[request] = True

    @final
    def all_done(self):
        return for_all(self.Request, lambda request: self.done[request])

    hasty = Design(expect=violates("one_writer", steps=2))
    patient = hasty.plus(waits, expect=holds)
'''
PROPERTY = '''
from fencepost import *
from models.lane import Lane


@always(Lane)
def one_writer(m, one: Lane.Request, other: Lane.Request):
    """Two requests never write at once."""
    return one == other or not (m.writing[one] and m.writing[other])
'''
TESTS = """
import fencepost
from models.lane import Lane

TestPatient = fencepost.state_machine(Lane(requests=3), design="patient")
TestHasty = fencepost.state_machine(Lane(requests=3), design="hasty")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, text in (
        ("pyproject.toml", '[tool.fencepost]\n[tool.pytest.ini_options]\npythonpath = ["."]\n'),
        ("models/lane.py", MODEL),
        ("properties/lane.py", PROPERTY),
        ("tests/test_lane.py", TESTS),
    ):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path


def pytest_in(project: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """What a real pytest says of a project."""
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "GITHUB_ACTIONS")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
        cwd=project,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_a_broken_design_fails_with_a_readable_run_and_a_safe_one_passes(project: Path) -> None:
    code, told = pytest_in(project, "-vv")
    assert code == 1, told
    assert "TestPatient::runTest PASSED" in told
    assert "TestHasty::runTest FAILED" in told
    shown = [line[1:].strip() for line in told.splitlines() if line.startswith("E ")]
    start = next(n for n, line in enumerate(shown) if "Violated: " in line)
    story = shown[start : shown.index("state.teardown()") + 1]
    assert re.fullmatch(
        r"\S*Violated: one_writer \(one=\d, other=\d\) is violated in "
        r"Lane hasty at requests=3",
        story[0],
    )
    assert story[1:3] == ['"Two requests never write at once."', "a short run to it has 2 steps:"]
    assert re.fullmatch(r"1  begin\(request=\d\)    writing\[\d\]: False -> True", story[3])
    assert re.fullmatch(r"2  begin\(request=\d\)    writing\[\d\]: False -> True", story[4])
    taken = [line for line in story if line.startswith("state.take(")]
    assert len(taken) == 2
    assert all(re.fullmatch(r"state\.take\(step=begin\(request=\d\)\)", line) for line in taken)
    assert "nearby" not in told  # no line of the package, only of the run


def test_the_example_database_is_used_and_a_profile_can_switch_it_off(project: Path) -> None:
    pytest_in(project)
    assert (project / ".hypothesis" / "examples").is_dir()
    conftest = """
        from hypothesis import settings
        settings.register_profile("bare", database=None, max_examples=3, derandomize=True)
        settings.load_profile("bare")
    """
    (project / "conftest.py").write_text(textwrap.dedent(conftest))
    for kept in (project / ".hypothesis").rglob("*"):
        if kept.is_file():
            kept.unlink()
    code, told = pytest_in(project, "--hypothesis-show-statistics")
    assert code == 1
    assert not [f for f in (project / ".hypothesis" / "examples").rglob("*") if f.is_file()]
    assert "max_examples=3" in told


def test_in_continuous_integration_runs_are_the_same_each_time(project: Path) -> None:
    """Hypothesis's own profile for it: derandomised, and without a database."""
    told = {re.sub(r"\d+\.\d+s", "", pytest_in(project, CI="true")[1]) for _ in range(2)}
    assert len(told) == 1
    assert not (project / ".hypothesis" / "examples").exists()


def test_settings_are_those_of_the_case(project: Path) -> None:
    more = "\nfrom hypothesis import settings\n"
    more += "TestPatient.settings = settings(TestPatient.settings, max_examples=2)\n"
    (project / "tests" / "test_lane.py").write_text(TESTS + more)
    code, told = pytest_in(project, "-k", "Patient", "--hypothesis-show-statistics")
    assert code == 0
    assert "max_examples=2" in told


class Handover(Model):
    readers = Parameter(1)
    Reader = Index(readers)
    checks = Barrier("the reader checks", buys=["read_after_write"])
    written = Var(bool)
    reader = Var(Maybe(Reader))

    @action
    def write(self):
        require(not self.written)
        self.written = True

    @action(reader=Reader)
    def read(self, reader):
        require(self.written or not self.checks)
        self.reader = reader

    careless = Design(expect=violates("read_after_write"))
    careful = Design(checks, expect=holds)


@always(Handover)
def read_after_write(m):
    return m.written or m.reader == fencepost.NONE


def run(case: type) -> str:
    """What a test says where it fails, or nothing."""
    case.setUpClass()
    try:
        case("runTest").runTest()
    except AssertionError as error:
        return str(error)
    return ""


def test_properties_of_the_calling_module_are_found() -> None:
    assert run(fencepost.state_machine(Handover, design="careful")) == ""
    told = run(fencepost.state_machine(Handover(readers=2), design="careless"))
    assert told.startswith("read_after_write is violated in Handover careless at readers=2\n")
    assert "a short run to it has 1 step:\n" in told
    assert told.splitlines()[-1].startswith("   1  read(reader=")


def test_properties_that_are_given_are_the_only_ones() -> None:
    @always(Handover)
    def never_written(m):
        return not m.written

    told = run(fencepost.state_machine(Handover, design="careful", properties=[never_written]))
    assert told.startswith("never_written is violated")


def test_a_model_is_called_with_its_sizes() -> None:
    assert Handover(readers=3) == Sized(Handover, (("readers", 3),))
    assert isinstance(Handover(readers=3), Sized)


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("F91", lambda: Handover(3)),
        ("F91", Handover),
        ("F97", lambda: fencepost.state_machine(Handover(writers=3), design="careful")),
        ("F98", lambda: fencepost.state_machine(Handover(readers=-1), design="careful")),
        ("F160", lambda: fencepost.state_machine("handover")),
        ("F160", lambda: fencepost.state_machine(Model)),
        ("F161", lambda: fencepost.state_machine(Handover, properties=[])),
        ("F162", lambda: fencepost.state_machine(Handover)),
        ("F162", lambda: fencepost.state_machine(Handover, design="carefull")),
        ("F164", lambda: fencepost.state_machine(Handover, properties=["read_after_write"])),
    ],
)
def test_what_cannot_be_a_test_is_refused(code: str, make: object) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.code == code


def test_a_model_imported_under_another_name_is_refused(project: Path) -> None:
    wrong = TESTS.replace("from models.lane", "from lane")
    (project / "tests" / "test_lane.py").write_text(wrong)
    (project / "pyproject.toml").write_text(
        '[tool.fencepost]\n[tool.pytest.ini_options]\npythonpath = [".", "models"]\n'
    )
    code, told = pytest_in(project)
    assert code != 0
    assert "error F163: Lane was imported as `lane`" in told
    assert "from models.lane import Lane" in told


def test_importing_the_package_loads_no_hypothesis() -> None:
    code = "import fencepost, sys; fencepost.state_machine; print('hypothesis' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
