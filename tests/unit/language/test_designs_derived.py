"""A design made from another one: `plus` and `without`."""

import pytest

from fencepost import Barrier, Design, Index, Model, Var, action, holds
from fencepost.core.errors import InputError
from fencepost.language import build


class Two(Model):
    Thing = Index(1)
    first = Barrier("orders one", buys=[])
    second = Barrier("orders another", buys=[])
    done = Var(bool)

    @action
    def go(self):
        self.done = self.first or self.second

    one = Design(first, expect=holds)
    both = one.plus(second, expect=holds)
    other = both.without(first, expect=holds)


def test_a_derived_design_has_a_name_and_barriers_of_its_own():
    barriers = {d.name: set(d.barriers) for d in build(Two).designs}
    assert barriers == {
        "one": {"first"},
        "both": {"first", "second"},
        "other": {"second"},
    }


def test_a_derived_design_differs_from_the_one_it_is_made_from():
    with pytest.raises(InputError, match="'first' is switched on in a design that has it on"):
        Two.one.plus(Two.first, expect=holds)
    with pytest.raises(InputError, match="'second' is switched off in a design that has it off"):
        Two.one.without(Two.second, expect=holds)
