"""Tests of proofs import the models beside them, and the random models of `tests/agreement`."""

import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE.parents[3] / "agreement"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@pytest.fixture(autouse=True)
def no_models_of_other_tests() -> None:
    """A model and its properties are loaded together, whatever other tests have loaded before."""
    for name in list(sys.modules):
        if re.match(r"(models|properties)(\.|$)", name):
            del sys.modules[name]
