"""The cache follows its models: along their counterexamples, at random, and along every edge."""

from __future__ import annotations

from functools import cache

import pytest

from fencepost.core.errors import Location
from fencepost.core.results import Finding
from fencepost.core.system import Design
from fencepost.core.traces import Trace
from fencepost.engines.conform.random_runs import random_runs
from fencepost.engines.conform.runs import Subject
from fencepost.engines.conform.space import Space
from reference_impl.adapters.conformance.slot_lifecycle import SlotLifecycle
from reference_impl.adapters.designs import system, violations

ADAPTERS = {"slot_lifecycle": SlotLifecycle}
SHOWN_IN_NO_STATE = ("no_fault", "no_stuck_state")


def designs():
    for model in ADAPTERS:
        for design in system(model).designs:
            yield pytest.param(model, design, id=f"{model}-{design.name}")


def subject(model: str, design: Design) -> Subject:
    made = system(model)
    adapter = ADAPTERS[model]
    space = Space(made, design.barriers, adapter.unseen, adapter.left_out, 4096)
    return Subject(made, design, adapter, space, lambda: None, Location(model, 1))


@cache
def shortest(model: str, barriers: frozenset[str]) -> tuple[tuple[Finding, Trace], ...]:
    """What is violated at the default sizes, with a trace that the implementation can follow."""
    found = violations(model, barriers)
    return tuple((f, f.trace) for f in found if f.trace is not None and f.property != "no_fault")


@pytest.mark.parametrize(("model", "design"), designs())
def test_the_cache_follows_every_counterexample(model: str, design: Design):
    held = subject(model, design)
    number = {step: n for n, step in enumerate(held.system.steps)}
    kinds = {p.name: p.kind for p in held.system.properties}
    for finding, trace in shortest(model, design.barriers):
        with held.begin() as run:
            for step in trace.steps:
                assert run.attempt(number[step])
        if kinds.get(finding.property) == "always":
            assert finding.property in held.violations
    allowed = {v.property for v in design.expect.violations}
    assert held.violations.keys() <= allowed


@pytest.mark.parametrize(("model", "design"), designs())
def test_the_cache_follows_the_model_at_random(model: str, design: Design):
    held = subject(model, design)
    random_runs(held, 4, 120, 1)
    assert held.performed > 100
