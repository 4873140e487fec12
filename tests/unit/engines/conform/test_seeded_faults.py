"""Each fault of a small implementation is found, by what is meant to find it and by few steps."""

from __future__ import annotations

import pytest

from fencepost.engines.conform.differences import Kind
from fencepost.engines.conform.driver import Driving, conform
from fencepost.engines.conform.outcomes import Conformity
from tests.unit.engines.conform.lending import lending, with_fault

SHORT = Driving(traces=4, length=60, examples=4)

FAULTS = [
    ("starts full", "start", Kind.STARTS, []),
    ("owner is off by one", "tour", Kind.SHOWS, ["lend(request=0, slot=0)"]),
    (
        "never given back",
        "tour",
        Kind.SHOWS,
        ["lend(request=0, slot=0)", "read(request=0)", "abort(request=0)", "done(request=0)"],
    ),
    (
        "does not wait",
        "tour",
        Kind.SHOWS,
        ["lend(request=0, slot=0)", "read(request=0)", "abort(request=0)"],
    ),
    (
        "refuses again",
        "tour",
        Kind.REFUSES,
        ["lend(request=0, slot=0)", "abort(request=0)", "again(request=0)"],
    ),
    (
        "abort while reading fails",
        "tour",
        Kind.FAILS,
        ["lend(request=0, slot=0)", "read(request=0)", "abort(request=0)"],
    ),
    # Found because steps that the model disables are tried too.
    (
        "refusal counts",
        "tour",
        Kind.CHANGES,
        ["lend(request=0, slot=0)", "lend(request=0, slot=0)"],
    ),
    (
        "reads twice",
        "tour",
        Kind.TAKES,
        ["lend(request=0, slot=0)", "read(request=0)", "read(request=0)"],
    ),
]


@pytest.mark.parametrize(("fault", "found_by", "kind", "steps"), FAULTS, ids=lambda x: str(x)[:24])
def test_a_fault_is_found_by_few_steps(fault, found_by, kind, steps):
    system = lending()
    found = conform(system, system.design("careful"), with_fault(fault), driving=SHORT)
    assert found.verdict is Conformity.DIFFERS
    assert found.found_by == found_by
    assert found.difference is not None
    assert found.difference.kind is kind
    assert [system.show_step(step) for step in found.difference.steps] == steps
    assert found.again


def test_without_a_fault_everything_is_performed():
    system = lending()
    found = conform(system, system.design("careful"), with_fault(""), driving=SHORT)
    assert found.verdict is Conformity.HOLDS
    scope = found.scope
    assert (scope.states, scope.edges, scope.taken) == (26, 48, 48)
    assert scope.refused == 26 * len(system.steps) - 48
    assert (scope.traces, scope.examples, scope.blurred) == (4, 4, False)


def test_what_is_seen_after_a_fault_violates_a_property():
    system = lending()
    found = conform(system, system.design("careful"), with_fault("does not wait"), driving=SHORT)
    assert found.difference is not None
    assert found.difference.violated == ("reads_own_slot (request=0)",)


def test_a_barrier_that_is_missing_is_the_other_design_and_no_difference():
    system = lending()
    found = conform(system, system.design("hasty"), with_fault("does not wait"), driving=SHORT)
    assert found.verdict is Conformity.VIOLATED
    assert [one.property for one in found.violated] == ["reads_own_slot"]
    shown = [system.show_step(step) for step in found.violated[0].steps]
    assert shown == ["lend(request=0, slot=0)", "read(request=0)", "abort(request=0)"]


def test_hidden_state_is_shown_by_the_run_itself_without_its_needless_steps():
    system = lending(rounds=3)
    fault = with_fault("third abort")
    found = conform(system, system.design("careful"), fault, driving=SHORT)
    assert found.difference is not None and found.again
    aborts = [step for step in found.difference.steps if step.action == "abort"]
    assert len(aborts) == 3
    assert len(found.difference.steps) == 7  # lend, abort, three times, and once `again`


LATE = [("random", Driving(examples=0)), ("hypothesis", Driving(traces=0))]


@pytest.mark.parametrize(("found_by", "driving"), LATE)
def test_what_only_a_long_run_comes_to(found_by, driving):
    """The twelfth read in a run is wrong, and the runs of the tour are shorter."""
    system = lending()
    found = conform(system, system.design("careful"), with_fault("twelfth read"), driving=driving)
    assert found.verdict is Conformity.DIFFERS
    assert found.found_by == found_by
    assert found.difference is not None
    reads = [a for a in found.difference.attempts if a.step.action == "read" and a.taken]
    assert len(reads) == 12
    assert len(found.difference.steps) == 24  # a lend, twelve reads, eleven times done


def test_an_implementation_that_fails_when_it_is_closed():
    system = lending()
    found = conform(system, system.design("careful"), with_fault("leaks"), driving=SHORT)
    assert found.difference is not None
    assert found.difference.kind is Kind.FAILS
    assert "AssertionError: a slot is not back" in found.difference.failure
    assert "when it is closed" in found.difference.failure
    assert [system.show_step(step) for step in found.difference.steps] == [
        "lend(request=0, slot=0)"
    ]


def test_a_fault_that_comes_and_goes_is_told_as_it_was_seen():
    system = lending()
    found = conform(system, system.design("careful"), with_fault("once"), driving=SHORT)
    assert found.verdict is Conformity.DIFFERS
    assert not found.again
    assert found.difference is not None and found.difference.kind is Kind.SHOWS
