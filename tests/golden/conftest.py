"""Golden texts: what is printed, byte for byte; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
UPDATE = os.environ.get("UPDATE_GOLDEN", "") not in ("", "0")
DIGESTS = re.compile(r"\b[0-9a-f]{16}\b")
TIMES = re.compile(r"  +(\d+\.\d\d s|\d+ ms|time)$", re.MULTILINE)


@pytest.fixture
def sample(workshop):
    """A workshop that holds the sample project."""
    shutil.copytree(HERE / "project", workshop.folder, dirs_exist_ok=True)
    return workshop


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a golden file of this folder; durations count as equal."""

    def compare(name: str, text: str) -> None:
        text = DIGESTS.sub("DIGEST", TIMES.sub("  TIME", text))
        file = HERE / name
        if UPDATE:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare
