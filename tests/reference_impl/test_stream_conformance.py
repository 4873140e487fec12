"""The cache in two tiers and the one split by layers follow their models, on streams that get on
when they are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from fencepost.core.errors import Location
from fencepost.engines.conform.adapter import Adapter
from fencepost.engines.conform.driver import Driving, conform
from fencepost.engines.conform.outcomes import Conformity
from fencepost.engines.conform.random_runs import random_runs
from fencepost.engines.conform.runs import Subject
from fencepost.engines.conform.space import Space
from reference_impl.adapters.conformance.async_cache_load import TwoTiers
from reference_impl.adapters.conformance.layer_split import Ranks
from reference_impl.adapters.designs import system
from reference_impl.adapters.rounds import Rounds

HELD: tuple[tuple[str, type[Adapter], Mapping[str, int]], ...] = (
    ("async_cache_load", TwoTiers, {"layers": 2}),
    ("async_cache_load", TwoTiers, {"prompts": 1}),
    ("layer_split", Ranks, {}),
    ("layer_split", Rounds, {}),
)
NOT_SEEN = {
    "event_recorded_again_by_load": "three requests",
    "copy_published_early": "three requests",
    "flag_of_earlier_load": "a layer that is loaded twice, so two prompts",
}
"""Broken designs that some sizes show nothing of, and what it would take."""

TOURED: tuple[tuple[str, type[Adapter], str], ...] = (
    ("async_cache_load", TwoTiers, "by_acknowledgement"),
    ("async_cache_load", TwoTiers, "by_streams"),
    ("async_cache_load", TwoTiers, "offload_connector"),
    ("layer_split", Ranks, "agreed_rounds"),
    ("layer_split", Ranks, "by_streams"),
    ("layer_split", Ranks, "one_transient_slot"),
    ("layer_split", Rounds, "agreed_rounds"),
)
"""Safe designs that are toured whole, at the sizes of their adapter."""


def subject(model: str, adapter: type[Adapter], sizes: Mapping[str, int], name: str) -> Subject:
    made = system(model, **{**adapter.sizes, **sizes})
    design = next(d for d in made.designs if d.name == name)
    space = Space(made, design.barriers, adapter.unseen, adapter.left_out)
    return Subject(made, design, adapter, space, lambda: None, Location(adapter.__name__, 1))


def designs() -> Iterator[object]:
    for model, adapter, sizes in HELD:
        for design in system(model).designs:
            name = f"{adapter.__name__}-{'-'.join(map(str, sizes.values()))}-{design.name}"
            yield pytest.param(model, adapter, sizes, design.name, id=name)


@pytest.mark.parametrize(("model", "adapter", "sizes", "design"), list(designs()))
def test_it_follows_every_design(model, adapter, sizes, design):
    """At random, and to the nearest state of each kind that a property forbids."""
    held = subject(model, adapter, sizes, design)
    random_runs(held, 2, 60, 1)
    wanted = nearest(held)
    for name, (start, steps) in wanted.items():
        with held.begin(start) as run:
            assert all(run.attempt(number) for number in steps)
        assert name in held.violations
    assert held.violations.keys() == wanted.keys()


def test_two_tiers_start_wherever_their_model_does():
    held = subject("async_cache_load", TwoTiers, {}, "by_acknowledgement")
    asks = {held.space.state(start) for start in held.starts}
    assert len(asks) == 2
    assert set(held.starts) == held.initial


def test_a_load_that_has_failed_does_not_finish_unseen():
    """A refused step leaves the load stream where it was: nothing is sent that waits for it."""
    held = subject("layer_split", Rounds, {}, "failures_unheard")
    found = conform(held.system, held.design, Rounds, driving=Driving(traces=0, examples=0))
    assert found.verdict is not Conformity.DIFFERS


def nearest(held: Subject) -> dict[str, tuple[int, tuple[int, ...]]]:
    """For each property that some state violates, the shortest way there: where it starts, and the
    steps."""
    with held.begin() as run:
        explored = held.space.explored(held.starts or sorted(run.ready), lambda: None)
    found: dict[str, tuple[int, tuple[int, ...]]] = {}
    for node in explored:
        for name in held.space.failing(node) - found.keys():
            found[name] = explored.way(node)
    return found


def test_every_broken_design_is_shown_broken_at_some_sizes():
    shown = {}
    for model, adapter, sizes in HELD:
        for design in system(model).designs:
            held = subject(model, adapter, sizes, design.name)
            shown[design.name] = shown.get(design.name, False) or bool(nearest(held))
    for model in ("async_cache_load", "layer_split"):
        kinds = {p.name: p.kind for p in system(model).properties}
        for design in system(model).designs:
            broken = any(kinds.get(v.property) == "always" for v in design.expect.violations)
            assert shown[design.name] == (broken and design.name not in NOT_SEEN), design.name


@pytest.mark.slow
@pytest.mark.parametrize(("model", "adapter", "design"), TOURED)
def test_a_safe_design_is_followed_along_every_edge(model, adapter, design):
    held = subject(model, adapter, {}, design)
    driving = Driving(traces=2, examples=0)
    found = conform(held.system, held.design, adapter, driving=driving)
    assert found.verdict is Conformity.HOLDS
    assert found.scope.taken == found.scope.edges
