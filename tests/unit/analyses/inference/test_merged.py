"""Attributes that go together, as one."""

import numpy as np
import pytest

from fencepost import *
from fencepost.analyses.inference.attributes import attributes
from fencepost.analyses.inference.harvest import asked_by
from fencepost.analyses.inference.merged import merged, with_merged
from fencepost.analyses.inference.tables import Template, distinct_rows, rows_of, unique
from fencepost.analyses.inference.templates import variables_of
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core.limits import Limits
from fencepost.core.sizes import at_sizes
from fencepost.engines.explore.reached import reached_states


class Store(Model):
    """Three flags that are set one after the other, and one that has nothing to do with them."""

    requests = Parameter(2)
    Request = Index(requests)
    queued = Array(Request, of=bool)
    stored = Array(Request, of=bool)
    seen = Array(Request, of=bool)
    other = Array(Request, of=bool)

    @action(request=Request)
    def queue(self, request):
        self.queued[request] = True

    @action(request=Request)
    def store(self, request):
        require(self.queued[request])
        self.stored[request] = True

    @action(request=Request)
    def see(self, request):
        require(self.stored[request])
        self.seen[request] = True

    @action(request=Request)
    def turn(self, request):
        self.other[request] = not self.other[request]


@always(Store)
def seen_is_stored(m, request: Store.Request):
    return not m.seen[request] or m.stored[request]


@pytest.fixture(scope="module")
def looked_at():
    system = build(Store, [seen_is_stored], any_size=True)
    sizes = {"Request": 2}
    sized = at_sizes(system, sizes)
    cells = reached_states(sized, system.designs[0], Limits()).cells
    [request] = variables_of(((system.fields[0].indices[0], 1),))
    plain = attributes(asked_by(system), (request,))
    vectors = Vectors(sized, frozenset(), cells, sizes)
    rows = distinct_rows(Template((request,), plain), vectors)
    return request, plain, rows, vectors


def test_what_is_said_of_it_is_what_its_cases_say(looked_at):
    request, plain, rows, vectors = looked_at
    [one] = merged(plain, rows)
    template = Template((request,), (*plain, one))
    every = rows_of(template, vectors)
    assert (
        unique(every, template.sizes) == unique(with_merged(rows, plain, [one]), template.sizes)
    ).all()
    last = 1 << len(one.occurring)
    masks = [m for m in range(1, last - 1) if one.parts(m | last) == (m,)]
    assert masks
    for mask in masks:
        complement = (last << 1) - 1 & ~mask
        said = np.broadcast_to(vectors.of(one.within(complement)), (2, vectors.cells.shape[1]))
        assert (said.reshape(-1) == ((mask >> every[:, -1] & 1) == 0)).all(), bin(mask)


def test_parts_are_the_largest_sets_that_can_be_said(looked_at):
    _, plain, rows, _ = looked_at
    [one] = merged(plain, rows)
    # nothing, queued, stored, seen: first and last alone are no set of values of each flag
    by_state = {case: n for n, case in enumerate(one.occurring)}
    lowest, highest = min(by_state, key=sum), max(by_state, key=sum)
    apart = 1 << by_state[lowest] | 1 << by_state[highest]
    assert set(one.parts(apart)) == {1 << by_state[lowest], 1 << by_state[highest]}
