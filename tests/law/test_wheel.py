"""The wheel holds the package and nothing else of the repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_fencepost_only(tmp_path: Path):
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"),
            *("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", tmp_path, ROOT),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    roots = {name.split("/")[0] for name in names}
    assert roots == {"fencepost", "fencepost-0.1.0.dist-info"}
    source = {f.relative_to(ROOT).as_posix() for f in (ROOT / "fencepost").rglob("*.py")}
    assert {name for name in names if name.startswith("fencepost/")} == source
    assert "fencepost-0.1.0.dist-info/entry_points.txt" in names
