"""What plays no part in a counterexample is left out of it."""

from things import Things

from fencepost import NONE, always, build
from fencepost.core.semantics import initial_states
from fencepost.core.sizes import at_sizes
from fencepost.core.system import Step
from fencepost.engines.prove.any_size import Counterexample, claim
from fencepost.engines.prove.any_size.counterexamples import confirmed
from fencepost.engines.prove.any_size.smaller import smallest


@always(Things)
def stays_away(m, thing: Things.Thing):
    return m.at[thing] == NONE


def test_a_member_goes_though_a_cell_that_plays_no_part_refers_to_it():
    system = build(Things, (stays_away,), any_size=True)
    claimed = claim(system.properties[0])
    sizes = (("Place", 2), ("Thing", 2))
    sized = at_sizes(system, dict(sizes))
    choices = slice(sized.offsets["choice"], sized.offsets["choice"] + 2)
    apart = next(s for s in initial_states(sized, frozenset()) if s[choices] == (0, 1))

    def confirm(found: Counterexample) -> Counterexample:
        return confirmed(found, frozenset(), (), claimed)

    found = confirm(Counterexample(sized, sizes, apart, Step("visit", (0, 0))))
    small = smallest(system, found, confirm)
    assert dict(small.sizes) == {"Place": 1, "Thing": 1}
    assert small.step == Step("visit", (0, 0))
