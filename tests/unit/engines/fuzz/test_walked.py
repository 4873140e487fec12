"""States that walks come to are reachable ones, and the same in every run."""

import pytest

from fencepost.core.limits import Limits
from fencepost.core.semantics import initial_states
from fencepost.engines.explore.reached import reached_states
from fencepost.engines.fuzz.walked import walked_states
from fencepost.language import build
from fencepost.loading import load_model
from tests.unit.engines.fuzz.test_walk import ROOT


def columns(cells):
    return [tuple(int(v) for v in column) for column in cells.T]


def test_they_are_different_reachable_states_the_same_in_every_run():
    source = load_model("rdma_write_completion", ROOT)
    system = build(source.model, source.properties)
    design = system.design("safe")
    reached = set(columns(reached_states(system, design, Limits()).cells))
    found = columns(walked_states(system, design, most=500))
    assert len(found) == len(set(found)) == 500
    assert set(found) <= reached
    assert found == columns(walked_states(system, design, most=500))
    assert found != columns(walked_states(system, design, most=500, seed=1))


def test_where_there_are_fewer_the_walks_end():
    source = load_model("deferred_free", ROOT)
    system = build(source.model, source.properties)
    design = system.designs[0]
    reached = set(columns(reached_states(system, design, Limits()).cells))
    found = set(columns(walked_states(system, design, most=2 * len(reached))))
    assert found <= reached
    assert len(found) > len(reached) // 2


@pytest.mark.parametrize("limits", [Limits(seconds=0.0), Limits(memory_bytes=1)])
def test_a_limit_of_time_or_memory_ends_the_walks_where_they_begin(limits):
    source = load_model("rdma_write_completion", ROOT)
    system = build(source.model, source.properties)
    design = system.design("safe")
    starts = set(initial_states(system, design.barriers))
    assert set(columns(walked_states(system, design, most=500, limits=limits))) == starts


def test_walks_begin_anew_in_the_rarest_states_that_were_come_to():
    """Two write-backs take several unlikely steps: a request is launched and backed up before it is
    released, and another after it."""
    source = load_model("async_cache_load", ROOT)
    sizes = {"requests": 4, "pages": 2, "prompts": 2, "host_pages": 2, "layers": 1}
    system = build(source.model, source.properties, sizes)
    design = system.design("by_streams")
    cells = walked_states(system, design, most=6_000)
    first = system.offsets["backed_up"]
    several = cells[first : first + 4].sum(axis=0) > 1
    assert several.mean() > 0.04  # 0.015 of the states that walks from the start come to
