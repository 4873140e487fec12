"""What every test may use: slow tests on request, projects to run the command in."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# Tensors of a test are small: a second thread only spins, here and in the processes it starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SLOW = os.environ.get("SLOW", "") not in ("", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SLOW:
        return
    left_out = pytest.mark.skip(reason="slow; set SLOW=1")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(left_out)


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


class Workshop:
    """A folder to run the command in, inside this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, path: str, text: str | bytes) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def project(self) -> None:
        """Make the folder a project, and forget the models of other projects."""
        self.write("pyproject.toml", "[tool.fencepost]\n")

    def run(self, *arguments: str) -> Ran:
        from fencepost.cli import run

        self._capsys.readouterr()
        code = run(arguments)
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)


@pytest.fixture
def workshop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Workshop]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    kept = dict(sys.modules)
    yield Workshop(tmp_path, capsys)
    for name in set(sys.modules) - set(kept):
        if re.match(r"(models|properties|(model|adapter)_file_\w+)(\.|$)", name):
            del sys.modules[name]
