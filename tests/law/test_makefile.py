"""The two commands install what is missing, once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
        os.utime(tmp_path / name, (1000, 1000))
    return tmp_path


def install(clone: Path) -> None:
    """What an installation leaves behind, as far as make looks."""
    (clone / ".venv/bin").mkdir(parents=True)
    for name in ("bin/python", "installed", "installed-test"):
        (clone / ".venv" / name).touch()


def make(clone: Path, *words: str) -> str:
    """What make prints, as from a shell: the tests themselves may run below another make."""
    outside = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", *words], cwd=clone, env=outside, capture_output=True, text=True, check=True
    ).stdout


def planned(clone: Path, target: str) -> str:
    """The commands that make would run."""
    return make(clone, "--dry-run", target)


@pytest.mark.parametrize("target", ["check", "test"])
def test_a_fresh_clone_gets_an_environment_with_pinned_versions(clone: Path, target: str):
    commands = planned(clone, target)
    assert "-m venv .venv" in commands
    assert "--constraint constraints.txt" in commands


@pytest.mark.parametrize("target", ["check", "test", "matrix"])
def test_a_second_run_installs_nothing(clone: Path, target: str):
    install(clone)
    commands = planned(clone, target)
    assert "pip" not in commands
    assert "venv .venv" not in commands


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed(clone: Path, changed: str):
    install(clone)
    os.utime(clone / changed)
    later = (clone / ".venv/installed").stat().st_mtime + 10
    os.utime(clone / changed, (later, later))
    assert "pip" in planned(clone, "check")


def test_make_test_runs_every_check(clone: Path):
    install(clone)
    commands = planned(clone, "test")
    for tool in ("ruff check", "ruff format --check", "mypy", "pytest"):
        assert tool in commands


def test_make_alone_explains_itself(clone: Path):
    shown = make(clone)
    assert [line.split()[0] for line in shown.splitlines()] == [
        "help",
        "check",
        "test",
        "matrix",
        "clean",
    ]


def test_every_requirement_is_pinned_and_no_host_is_named():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert "://" not in text


def test_the_integration_script_is_a_script():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert "make test SLOW=1" in text
    assert "for tool in spin rumur g++; do" in text
