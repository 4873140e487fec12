"""Sizes and names of files, and words that must not stay behind."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 400
MOST_LINES_OF_A_MODEL = 800  # a protocol is one file, its prose and its designs included
BANNED_NAMES = {
    "utils": "the name of what it does",
    "util": "the name of what it does",
    "helpers": "the name of what it helps with",
    "common": "the name of what is shared",
    "misc": "one file for each thing in it",
    "manager": "the name of what it does",
    "base": "the name of the idea",
}
REMINDERS = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b"
)


def tracked() -> list[Path]:
    """The files of the repository; outside of version control, those of its folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    folders = ("fencepost", "models", "properties", "reference_impl", "tests", "docs")
    return [file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file()]


FILES = tracked()
PYTHON = [file for file in FILES if file.suffix == ".py"]


@pytest.mark.parametrize("file", PYTHON, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_files_are_small(file: Path):
    lines = len(file.read_text(encoding="utf-8").splitlines())
    most = MOST_LINES_OF_A_MODEL if file.parent == ROOT / "models" else MOST_LINES
    assert lines <= most, f"{lines} lines: a file past {most} is asking to be two"


def test_names_say_what_is_inside():
    for file in PYTHON:
        for part in file.relative_to(ROOT).with_suffix("").parts:
            assert part not in BANNED_NAMES, f"{file}: write {BANNED_NAMES[part]}"


def test_no_reminder_is_left():
    for file in FILES:
        if file.suffix in (".py", ".md", ".toml") or file.name in ("Makefile", "run"):
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                assert not REMINDERS.search(line), f"{file}:{number}: do it, or make it an issue"


def test_package_opens_hold_names_only():
    for file in PYTHON:
        if file.name == "__init__.py":
            assert not re.search(
                r"^(def|class) ", file.read_text(encoding="utf-8"), re.MULTILINE
            ), file


def test_every_module_says_what_it_is():
    for file in (ROOT / "fencepost").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert text.startswith('"""'), f"{file}: one sentence first"
