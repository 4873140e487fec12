"""The same lemmas are found in every process, whatever the seed of Python's hashes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
CODE = """
from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.core.limits import Limits
from fencepost.report.lemma_text import lemmas_as_python
from tests.unit.analyses.inference.protocols import SlotReclaim, own_bytes

system = build(SlotReclaim, [own_bytes], any_size=True)
found = infer_lemmas(system, system.design("safe"))
limited = infer_lemmas(system, system.design("safe"), limits=Limits(seconds=1000))
assert limited.lemmas == found.lemmas, "a limit that is not reached changes nothing"
print(found.obligations, found.counterexamples, found.lemmas_dropped)
print(lemmas_as_python(found.lemmas, "SlotReclaim", "models.slot_reclaim"))
"""


def test_lemmas_do_not_depend_on_the_seed_of_hashes():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
    assert "@lemma(SlotReclaim" in outputs.pop()
