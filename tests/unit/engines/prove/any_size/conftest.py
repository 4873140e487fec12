"""Tests of proofs import the models beside them, and the random models of `tests/agreement`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parents[3] / "agreement"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
