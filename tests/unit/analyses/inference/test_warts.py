"""What `docs/explanation/warts.md` admits of the search for lemmas."""

import pytest

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.inference.attributes import attributes
from fencepost.analyses.inference.harvest import asked_by
from fencepost.analyses.inference.merged import merged
from fencepost.analyses.inference.tables import Template, distinct_rows
from fencepost.analyses.inference.templates import variables_of
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core.limits import Limits
from fencepost.core.sizes import at_sizes
from fencepost.engines.explore.reached import reached_states
from tests.unit.analyses.inference.protocols import (
    CountedBlock,
    LateWrite,
    PrefixBlock,
    SlotReclaim,
    counted_is_there,
    held_is_there,
    own_bytes,
    posted_write_has_a_tag,
)
from tests.unit.analyses.inference.test_merged import Store, seen_is_stored


def test_a_counter_is_not_proved_and_is_not_called_wrong():
    """That the counter is the number of holders is no fact about a few members."""
    system = build(CountedBlock, [counted_is_there], any_size=True)
    found = infer_lemmas(system, system.design("counted"))
    assert not found.proved
    assert found.violation is None
    why = found.obstacle
    assert why is not None
    sized = at_sizes(system, dict(why.sizes))
    count = why.before[sized.offsets["count"]]
    hold = why.before[sized.offsets["hold"] :][: dict(why.sizes)["Request"]]
    assert count != sum(hold)


@pytest.mark.parametrize(
    ("model", "prop", "broken"),
    [
        (SlotReclaim, own_bytes, "hasty"),
        (LateWrite, posted_write_has_a_tag, "blind"),
        (PrefixBlock, held_is_there, "freed_by_the_first"),
    ],
)
def test_candidates_of_a_safe_design_do_not_prove_a_broken_one(model, prop, broken):
    """What candidates are read off is never trusted: only proofs count."""
    system = build(model, [prop], any_size=True)
    found = infer_lemmas(system, system.design(broken), filtered_by=system.design("safe"))
    assert not found.proved
    assert found.violation is not None


def test_a_queue_of_flags_is_one_attribute():
    system = build(Store, [seen_is_stored], any_size=True)
    sizes = {"Request": 2}
    sized = at_sizes(system, sizes)
    reached = reached_states(sized, system.designs[0], Limits())
    variables = variables_of(((system.fields[0].indices[0], 1),))
    plain = attributes(asked_by(system), variables)
    vectors = Vectors(sized, frozenset(), reached.cells, sizes)
    rows = distinct_rows(Template(variables, plain), vectors)
    [one] = merged(plain, rows)
    assert one.fields == {"queued", "stored", "seen"}
    assert len(one.occurring) == 4
