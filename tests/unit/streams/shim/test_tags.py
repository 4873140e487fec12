"""The programs with generation tags and poison that `tests/gpu` runs, on the virtual device."""

from __future__ import annotations

import re

import pytest
import torch

from fencepost.streams.virtual import virtual_cuda
from tests.gpu.tags import TAGGED, Tagged, told

SCHEDULES = [("in-order", 0), ("eager", 0), ("newest-first", 0), *(("random", n) for n in range(8))]


def run(program: Tagged, schedule: tuple[str, int], *, fixed: bool):
    policy, seed = schedule
    with virtual_cuda(policy=policy, seed=seed) as device:
        seen = program.body(fixed, lambda: torch.cuda._sleep(1000))
    return device.audit(), told(seen)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: f"{s[0]} {s[1]}")
@pytest.mark.parametrize("program", TAGGED, ids=lambda p: p.name)
def test_a_corrected_program_shows_its_own_tags_and_is_clean(program: Tagged, schedule):
    audit, said = run(program, schedule, fixed=True)
    assert audit.clean
    assert said == []


@pytest.mark.parametrize("program", TAGGED, ids=lambda p: p.name)
def test_a_broken_program_is_found_always_and_its_tags_say_who_wrote(program: Tagged):
    runs = [run(program, schedule, fixed=False) for schedule in SCHEDULES]
    assert not any(audit.clean for audit, _ in runs)
    said = {each for _, told_of_run in runs for each in told_of_run}
    assert any(re.fullmatch(program.says, each) for each in said)


def test_what_tags_say():
    assert told([[1.0], [2.0]]) == []
    assert told([[-1.0, 2.0], [1.0, 2.0]]) == [
        "reader 1 saw a slot that was free",
        "reader 1 saw what generation 2 wrote after it",
        "reader 2 saw what generation 1 had left",
    ]
