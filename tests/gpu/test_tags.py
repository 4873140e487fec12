"""Who wrote what a reader saw, on a real GPU, where there is one.

Tags and poison say so by themselves. A broken program of which every reader saw its own generation
has shown nothing, and is reported as inconclusive.
"""

from __future__ import annotations

import re

import pytest
import torch

from tests.gpu.tags import TAGGED, Tagged, told
from tests.gpu.test_programs import TRIES, widen

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no GPU, so nothing is tried on one"
)


@pytest.mark.parametrize("program", TAGGED, ids=lambda p: p.name)
def test_readers_of_a_corrected_program_see_their_own_generation(program: Tagged):
    for _ in range(TRIES):
        assert told(program.body(True, widen)) == []


@pytest.mark.parametrize("program", TAGGED, ids=lambda p: p.name)
def test_tags_of_a_broken_program_say_who_wrote(program: Tagged):
    found = {said for _ in range(TRIES) for said in told(program.body(False, widen))}
    if not found:
        pytest.skip(f"inconclusive: all readers of {program.name} saw their own {TRIES} times")
    assert any(re.fullmatch(program.says, said) for said in found)
