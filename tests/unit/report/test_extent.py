"""What is told of an answer that is open is what its engine covered, in its own words."""

from __future__ import annotations

import pytest

COUNTER = '''from fencepost import *


class Counter(Model):
    """Counts, and turns back at the end."""

    count = Var(Range(0, 40), initial=0)

    @action
    def turn(self):
        self.count = choose(self.count < 40, self.count + 1, 0)

    only = Design(expect=holds.within(15))


@always(Counter)
def small(m):
    """It is small."""
    return m.count < 20


@always(Counter)
def natural(m):
    """It is a number."""
    return m.count >= 0
'''


@pytest.fixture
def told(workshop):
    workshop.write("counter.py", COUNTER)

    def run(*arguments: str) -> tuple[int, str]:
        ran = workshop.run("check", "counter.py", *arguments)
        return ran.code, ran.out

    return run


def test_an_exhaustive_search_tells_of_states_and_of_the_depth_that_is_complete(told):
    code, out = told("--max-states", "10")
    assert code == 3
    assert "limit of states reached: " in out
    assert "states expanded, depth " in out
    assert "no violation so far: small, natural" in out


@pytest.mark.parametrize("engine", ["walk", "fuzz"])
def test_random_runs_cover_nothing_however_long_they_are(told, engine):
    """`within` is met by 15 steps that were covered, and by no run of 15 steps."""
    steps = ["--timeout", "0.5"] if engine == "fuzz" else []
    code, out = told("--engine", engine, "--property", "natural", *steps)
    assert code == 3, out
    assert "counter only: undecided" in out
    assert "states expanded" not in out
    assert "no violation in " in out
    assert "random" in out


def test_a_bounded_search_tells_of_steps(told):
    code, out = told("--engine", "bounded", "--steps", "9", "--property", "natural")
    assert code == 3
    assert "no violation in 9 steps" in out
    assert "states expanded" not in out
    assert told("--engine", "bounded", "--steps", "15", "--property", "natural")[0] == 0
