"""Every barrier of the models that the cache builds is a switch, or said to be absent and why."""

from __future__ import annotations

import pytest

from reference_impl.adapters.absent import ASSUMED, SAME
from reference_impl.adapters.designs import absent, handoff, system
from reference_impl.adapters.expectations import NO_ROW
from reference_impl.adapters.matrix import PERFORM, cases
from reference_impl.barriers import AsyncCacheLoad, Handoff, LayerSplit, SpeculationMonitor

SWITCHES = {
    "slot_lifecycle": set(Handoff.names()),
    "rdma_write_completion": set(Handoff.names()) | SAME.keys(),
    "async_cache_load": set(AsyncCacheLoad.names()),
    "layer_split": set(LayerSplit.names()),
    "speculation_monitor": set(SpeculationMonitor.names()),
}


@pytest.mark.parametrize("model", PERFORM)
def test_every_barrier_is_a_switch_or_absent_for_a_reason(model: str):
    barriers = {barrier.name for barrier in system(model).barriers}
    assert barriers - SWITCHES[model] == absent(model).keys()


def test_every_switch_is_a_barrier():
    for model, switches in SWITCHES.items():
        others = SWITCHES["rdma_write_completion"] | SWITCHES["slot_lifecycle"]
        known = {barrier.name for barrier in system(model).barriers}
        if model in ("slot_lifecycle", "rdma_write_completion"):
            known = {
                barrier.name
                for name in ("slot_lifecycle", "rdma_write_completion")
                for barrier in system(name).barriers
            }
            assert switches <= others
        assert switches <= known


def test_every_barrier_has_a_row_or_a_reason():
    rows = {(case.model, case.barrier) for case in cases()}
    for model in PERFORM:
        for barrier in system(model).barriers:
            has_none = barrier.name in NO_ROW or absent(model).get(barrier.name, ASSUMED) != ASSUMED
            assert ((model, barrier.name) in rows) != has_none


def test_a_design_is_told_from_its_assumptions():
    made = handoff("slot_lifecycle", {"abort_is_deferred", "aborts_arrive"})
    assert made.on.abort_is_deferred
    assert "aborts_arrive" in made.assumed


def test_an_unknown_switch_is_refused():
    with pytest.raises(ValueError, match="no switch of Handoff: abort_is_defered"):
        Handoff.on({"abort_is_defered"})
