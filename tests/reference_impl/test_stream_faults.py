"""Each seeded fault of the two tiers and of the layer split is found, by the one who must find it;
without it nobody finds anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from fencepost.checking import prepare
from fencepost.core.system import System
from fencepost.loading import load_model
from reference_impl.adapters import hierarchical_runs, layer_split_runs
from reference_impl.adapters.conformance.async_cache_load import TwoTiers
from reference_impl.adapters.conformance.layer_split import Ranks
from reference_impl.adapters.designs import design
from reference_impl.adapters.faults.fault import Fault
from reference_impl.adapters.faults.finding import differs, first_finder
from reference_impl.adapters.faults.hierarchical import TWO_TIERS
from reference_impl.adapters.faults.layer_split import LAYER_SPLIT
from reference_impl.adapters.outcomes import Outcome
from reference_impl.adapters.rounds import Rounds
from reference_impl.barriers import ABSENT, AsyncCacheLoad, LayerSplit

ROOT = Path(__file__).parents[2]
FAULTS = (*TWO_TIERS, *LAYER_SPLIT)
WHOLE = {(f.model, f.design, tuple(f.sizes.items())): f for f in FAULTS}
SEEDS = 14
"""Schedules on which properties, tokens and races are looked at."""


def adapter(fault: Fault):
    if fault.model == "async_cache_load":
        return TwoTiers
    return Rounds if fault.sizes.get("turns") == 1 else Ranks


@cache
def recorded(model: str, sizes: tuple[tuple[str, int], ...]) -> System:
    return prepare(load_model(model, ROOT), dict(sizes))


def outcomes(fault: Fault) -> Iterator[Outcome]:
    barriers = design(fault.model, fault.design)
    for seed in range(SEEDS):
        if fault.model == "async_cache_load":
            yield hierarchical_runs.run(AsyncCacheLoad.on(barriers), seed)
        else:
            on, assumed = LayerSplit.on(barriers - ABSENT.keys()), barriers & ABSENT.keys()
            yield layer_split_runs.run(on, assumed, seed)


def found(fault: Fault):
    held = adapter(fault)
    made = recorded(fault.model, tuple(sorted({**held.sizes, **fault.sizes}.items())))
    return first_finder(lambda: differs(made, fault.design, held), lambda: outcomes(fault))


def cases(faults: Iterable[Fault]) -> Iterator[object]:
    """What conformance does not find is looked for along every edge of the model first."""
    for fault in faults:
        slow = [] if fault.found_by == "conformance" else [pytest.mark.slow]
        yield pytest.param(fault, id=fault.name, marks=slow)


@pytest.mark.parametrize("fault", cases(FAULTS))
def test_a_fault_is_found_first_by_who_must_find_it(fault: Fault):
    with fault.apply():
        who, _ = found(fault) or ("nobody", "")
    assert who == fault.found_by


@pytest.mark.slow
@pytest.mark.parametrize("fault", WHOLE.values(), ids=lambda fault: f"{fault.model}-{fault.design}")
def test_without_a_fault_nothing_is_found(fault: Fault):
    assert found(fault) is None
