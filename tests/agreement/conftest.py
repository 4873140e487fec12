"""The modules beside these tests are importable from them, and say when a peer is missing."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def both_peers() -> None:
    """Spin, Rumur and a C compiler are installed."""
    missing = [tool for tool in ("spin", "rumur", "gcc") if shutil.which(tool) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} not found, and on CI they must be", pytrace=False)
    if missing:
        pytest.skip(f"{', '.join(missing)} not found: counts are not compared with Spin and Rumur")
