"""A machine without Spin and Rumur: comparisons are skipped with the reason, and fail on CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPARISON = "tests/agreement/test_hard_exports.py::test_counts[Nothing]"


def without_peers(**environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", COMPARISON],
        cwd=ROOT,
        env=kept | {"PATH": "/nonexistent"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_elsewhere_the_comparison_is_skipped_and_says_why() -> None:
    done = without_peers()
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert "spin, rumur, gcc not found" in done.stdout


def test_on_ci_the_comparison_fails() -> None:
    done = without_peers(CI="1")
    assert done.returncode == 1, done.stdout
    assert "spin, rumur, gcc not found" in done.stdout
    assert "skipped" not in done.stdout
