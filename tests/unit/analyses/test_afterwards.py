from __future__ import annotations

from fencepost import *
from fencepost.analyses.afterwards import Afterwards, afterwards


class Descent(Model):
    """A way down with a round at some height, and an abyss that one falls into from another."""

    round_at = Parameter(9)
    abyss_at = Parameter(9)
    pit = Parameter(1)
    height = Var(Range(0, 4), initial=4)
    side = Var(bool)

    @action
    def step_down(self):
        require(self.height > 0)
        if self.height == self.abyss_at:
            assert self.side
        self.height -= 1

    @action
    def go_round(self):
        require(self.height == self.round_at)
        self.side = not self.side

    @final
    def home(self):
        return self.pit == 0

    only = Design(expect=holds)


@always(Descent)
def fine(m):
    return True


def after(most=200, **sizes) -> Afterwards:
    system = build(Descent, [fine], sizes)
    return afterwards(system, frozenset(), (4, 0), most)


def test_a_run_that_ends_stuck():
    assert after() == Afterwards(5, stuck=True)


def test_a_run_that_ends_where_it_may():
    assert after(pit=0) == Afterwards(5, ends=True)


def test_a_run_that_can_go_round_for_ever():
    assert after(round_at=2) == Afterwards(8, endless=True, stuck=True)


def test_a_step_that_faults_ends_a_run():
    assert after(abyss_at=4) == Afterwards(1, ends=True)


def test_nothing_happens_after_the_last_state():
    system = build(Descent, [fine])
    assert afterwards(system, frozenset(), (0, 0)) == Afterwards(1, stuck=True)


def test_no_more_is_looked_at_than_was_asked_for():
    assert after(most=4) == Afterwards(4, more=True)
    assert after(most=5) == Afterwards(5, stuck=True)
