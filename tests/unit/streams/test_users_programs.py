"""Programs as users write them are clean, and with one piece of synchronisation missing are not."""

from __future__ import annotations

import pytest

from tests.unit.streams import programs_of_engines, users_programs
from tests.unit.streams.users_programs import broken, correct

PROGRAMS = users_programs.PROGRAMS | programs_of_engines.PROGRAMS
POLICIES = ("in-order", "newest-first")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_correct_program_is_clean(workshop, name, policy):
    workshop.write("program.py", correct(PROGRAMS[name]))
    ran = workshop.run("audit", "--policy", policy, "program.py")
    assert ran.code == 0, ran.err
    assert "conflicts is ordered" in ran.err


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_broken_program_is_found(workshop, name, policy):
    workshop.write("program.py", broken(PROGRAMS[name]))
    ran = workshop.run("audit", "--policy", policy, "program.py")
    assert ran.code == 1, ran.err
    assert "  missing: " in ran.err


def test_each_program_is_broken_in_some_line():
    assert all(correct(text) != broken(text) for text in PROGRAMS.values())
