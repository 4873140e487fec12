"""`python -m tests.docs.sglang FOLDER FOLDER` writes the reports of the SGLang page anew.

The folders hold `pip install --no-deps --target FOLDER sglang==VERSION` for each of `RELEASES`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs/how_to/sglang"
PROGRAM = "docs/how_to/sglang/restore_a_prefix.py"
RELEASES = {"0.5.10.post1": "before_the_fix.txt", "0.5.11": "after_the_fix.txt"}


def report(folder: Path) -> str:
    """What an audit of the program prints with this release, its paths as in a fresh folder."""
    ran = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "fencepost"),
            *("audit", "--adapter", "sglang", PROGRAM),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder.resolve())},
    )
    told = ran.stderr.replace(f"{os.path.relpath(folder, ROOT)}/", "")
    return f"{told.replace(f'{folder.resolve()}/', '')}exit code {ran.returncode}\n"


def main(folders: list[str]) -> None:
    for folder, name in zip(folders, RELEASES.values(), strict=True):
        (STORED / name).write_text(report(Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
