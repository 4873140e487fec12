"""What `docs/explanation/warts.md` admits of the search for lemmas."""

import pytest

from fencepost import *
from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.inference.attributes import attributes
from fencepost.analyses.inference.harvest import asked_by
from fencepost.analyses.inference.merged import merged
from fencepost.analyses.inference.tables import Template, distinct_rows
from fencepost.analyses.inference.templates import variables_of
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.sizes import at_sizes
from fencepost.engines.explore.reached import reached_states
from fencepost.engines.prove.any_size import prove_any_size
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


class Verdicts(Model):
    """Each step is judged before the next one, and the last of `limit` verdicts ends the count."""

    requests = Parameter(2, low=1)
    Request = Index(requests)
    limit = Var(Range(1, 9), initial=2)
    missed = Array(Request, of=Range(0, 10), initial=0)
    verdicts = Array(Request, of=Range(0, 10), initial=0)
    judged = Array(Request, of=bool, initial=True)

    @action(request=Request)
    def verify(self, request):
        require(self.judged[request])
        self.judged[request] = False
        self.missed[request] += 1

    @action(request=Request)
    def judge(self, request):
        require(not self.judged[request])
        self.judged[request] = True
        self.verdicts[request] += 1
        if self.verdicts[request] == self.limit:
            self.verdicts[request] = self.missed[request] = 0


@always(Verdicts)
def missed_is_bounded(m, request: Verdicts.Request):
    return m.missed[request] <= m.limit


@lemma(Verdicts)
def each_step_is_judged_or_waits(m, request: Verdicts.Request):
    waits = choose(m.judged[request], 0, 1)
    below = m.verdicts[request] < m.limit
    return below and m.missed[request] == m.verdicts[request] + waits


def test_a_lemma_that_calculates_is_not_found_and_nothing_is_called_wrong():
    """It is a sum of two counts; written by hand it proves the property."""
    system = build(Verdicts, [missed_is_bounded, each_step_is_judged_or_waits], any_size=True)
    by_hand = prove_any_size(system, system.designs[0], lemmas=system.lemmas).answer
    assert {f.verdict for f in by_hand.findings} == {Verdict.HOLDS}
    found = infer_lemmas(build(Verdicts, [missed_is_bounded], any_size=True), system.designs[0])
    assert not found.proved
    assert found.violation is None
    assert found.obstacle is not None


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
