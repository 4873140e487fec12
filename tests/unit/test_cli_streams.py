"""Standard output that is closed, broken or full, interrupts while loading, and internal errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fencepost.starting_files import whole_text


@pytest.fixture
def model(tmp_path: Path) -> Path:
    text = whole_text("Buffer").replace("steps=2", "steps=5")
    (tmp_path / "buffer.py").write_text(text)
    return tmp_path


def shell(folder: Path, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = f'fencepost() {{ "{sys.executable}" -m fencepost "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_closed_pipe_keeps_the_exit_code_quietly(model):
    ran = shell(model, "fencepost check buffer.py | true; echo ${PIPESTATUS[0]}")
    assert (ran.stdout, ran.stderr) == ("1\n", "")


def test_a_closed_standard_output_keeps_the_exit_code_quietly(model):
    ran = shell(model, "fencepost check buffer.py >&-")
    assert (ran.returncode, ran.stderr) == (1, "")


def test_a_full_disk_is_an_error_of_input(model):
    ran = shell(model, "fencepost check buffer.py > /dev/full")
    assert ran.returncode == 2
    assert ran.stderr.startswith("error F18: standard output cannot be written: No space left")
    assert "Exception ignored" not in ran.stderr


def test_json_for_a_closed_standard_output_is_an_error_of_input(model):
    ran = shell(model, "fencepost check buffer.py --json - >&-")
    assert ran.returncode == 2
    assert "error F18: --json '-' cannot be written: standard output is closed" in ran.stderr


def test_a_closed_standard_error_is_no_crash(model):
    assert shell(model, "fencepost check buffer.py 2>&-").returncode == 1
    assert shell(model, "fencepost check nothing.py 2> /dev/full").returncode == 2


@pytest.mark.parametrize("loaded", ["fencepost.language", "click", "fencepost.loading"])
def test_an_interrupt_while_loading_is_one_line(model, loaded):
    """The interrupt comes as an import of the module begins, whatever the machine's speed."""
    (model / "sitecustomize.py").write_text(
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {loaded!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    root = Path(__file__).parents[2]
    ran = shell(model, "fencepost check buffer.py", PYTHONPATH=f"{model}:{root}")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.strip() == "interrupted before the end"


def test_an_internal_error_is_not_a_verdict(workshop, monkeypatch):
    from fencepost import checking

    def fail(*_):
        raise AssertionError("two and two are five")

    monkeypatch.setattr(checking, "prepare", fail)
    workshop.write("buffer.py", whole_text("Buffer"))
    ran = workshop.run("check", "buffer.py")
    assert ran.code == 4
    assert ran.err.startswith("internal error: AssertionError: two and two are five\n")
    assert "a fault of fencepost and not of the model" in ran.err
    assert "Traceback" in ran.err
