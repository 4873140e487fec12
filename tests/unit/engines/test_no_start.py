"""A model without an initial state is refused by every search: no state would be checked."""

import pytest

from fencepost import Model, Var, action, build, initial
from fencepost.core.errors import InputError
from fencepost.engines.explore import explore, explore_by_interpreter, graph


class NoStart(Model):
    on = Var(bool)

    @action
    def go(self):
        self.on = True

    @initial
    def on_at_first(self):
        return self.on


@pytest.mark.parametrize("search", [explore, explore_by_interpreter, graph])
def test_no_initial_state_is_an_error(search):
    system = build(NoStart)
    with pytest.raises(InputError, match="NoStart has no initial state") as refused:
        search(system, system.designs[0])
    assert refused.value.code == "F63"
    assert refused.value.at.line == NoStart.on_at_first.body.__code__.co_firstlineno + 2
