"""A condition that one path settles and another leaves open counts as passed on both."""

from fencepost import Model, Range, Var, action, require
from fencepost.engines.explore import explore, explore_by_interpreter
from fencepost.language import build


class Shared(Model):
    """`send` is asked where `on` may be either, and where it is known to be off.

    The first action never runs with `on` off, so only the second passes that outcome.
    """

    on = Var(bool, initial=True)
    at = Var(Range(0, 2), initial=0)

    def send(self):
        if self.on:
            self.at = 1
        else:
            self.at = 2

    @action
    def first(self):
        require(self.at == 0)
        self.send()

    @action
    def second(self):
        require(self.at == 1 and not self.on)
        self.send()

    @action
    def switch(self):
        require(self.at == 1 and self.on)
        self.on = False


def test_what_a_path_settles_is_covered_by_it():
    system = build(Shared)
    for search in (explore, explore_by_interpreter):
        coverage = search(system, system.designs[0]).answer.coverage
        never = coverage.branches_in_all - coverage.branches
        assert never == frozenset()


def test_what_no_path_takes_is_still_missed():
    class Never(Shared):
        @action
        def second(self):
            require(self.at == 2)
            self.send()

    system = build(Never)
    coverage = explore(system, system.designs[0]).answer.coverage
    # `at` is never 2, so `second` is never possible and `send` never sees `on` off.
    assert len(coverage.branches_in_all - coverage.branches) == 2
