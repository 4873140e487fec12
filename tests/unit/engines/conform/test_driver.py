"""Limits, interrupts, seeds, and what an adapter does wrong while it is driven."""

from __future__ import annotations

import pytest

from fencepost import Adapter, Refused
from fencepost.core.errors import InputError, Location
from fencepost.core.limits import INTERRUPTED, MEMORY_LIMIT, TIME_LIMIT, Limits
from fencepost.engines.conform.driver import STEPS_LIMIT, Driving, conform, replay
from fencepost.engines.conform.outcomes import Conformity
from tests.unit.engines.conform.lending import LendingAdapter, lending, with_fault

AT = Location("adapter.py", 5)


def driven(adapter: type[Adapter], **driving: object):
    system = lending()
    return conform(system, system.design("careful"), adapter, driving=Driving(**driving), at=AT)


@pytest.mark.parametrize(
    ("driving", "stopped"),
    [
        ({"steps": 40}, STEPS_LIMIT),
        ({"limits": Limits(seconds=1e-6)}, TIME_LIMIT),
        ({"limits": Limits(memory_bytes=1000)}, MEMORY_LIMIT),
    ],
)
def test_a_limit_leaves_it_undecided(driving, stopped):
    found = driven(LendingAdapter, **driving)
    assert found.verdict is Conformity.UNDECIDED
    assert found.stopped == stopped
    assert found.scope.performed <= 40


def test_a_difference_that_was_found_stays_when_a_limit_is_met():
    found = driven(with_fault("never given back"), steps=153)
    assert found.verdict is Conformity.DIFFERS
    assert found.scope.performed == 153
    assert driven(with_fault("never given back"), steps=152).verdict is Conformity.UNDECIDED


def test_an_interrupt_keeps_what_was_covered():
    class Interrupted(LendingAdapter):
        performed = 0

        def perform(self, action, **arguments):
            super().perform(action, **arguments)
            type(self).performed += 1
            if self.performed == 30:
                raise KeyboardInterrupt

    found = driven(Interrupted)
    assert found.verdict is Conformity.UNDECIDED
    assert found.stopped == INTERRUPTED
    assert 0 < found.scope.taken < found.scope.edges


def test_an_interrupt_while_a_difference_is_shortened_keeps_the_difference():
    class Interrupted(LendingAdapter):
        fault = "never given back"
        performed = 0

        def perform(self, action, **arguments):
            type(self).performed += 1
            if self.performed > 153:
                raise KeyboardInterrupt
            super().perform(action, **arguments)

    found = driven(Interrupted)
    assert found.verdict is Conformity.DIFFERS
    assert found.difference is not None and len(found.difference.steps) >= 4


def test_every_adapter_is_closed_once_whatever_becomes_of_its_run():
    class Counted(LendingAdapter):
        opened = closed = 0

        def __init__(self, sizes, barriers):
            super().__init__(sizes, barriers)
            type(self).opened += 1

        def close(self):
            type(self).closed += 1

    for fault in ("", "never given back", "abort while reading fails", "starts full"):
        Counted.opened = Counted.closed = 0
        Counted.fault = fault
        driven(Counted, traces=2, examples=2)
        assert Counted.opened == Counted.closed > 0, fault


def test_the_same_seed_performs_the_same_steps():
    def performed(seed: int) -> list[tuple[str, tuple[int, ...]]]:
        noted: list[tuple[str, tuple[int, ...]]] = []

        class Noting(LendingAdapter):
            def perform(self, action, **arguments):
                noted.append((action, tuple(arguments.values())))
                super().perform(action, **arguments)

        driven(Noting, traces=3, length=40, examples=3, seed=seed)
        return noted

    assert performed(7) == performed(7)
    assert performed(7) != performed(8)


def test_how_far_it_is_can_be_watched(monkeypatch):
    from fencepost.engines.conform import driver

    monkeypatch.setattr(driver, "PROGRESS_S", 0.0)
    system, told = lending(), []
    conform(
        system,
        system.design("careful"),
        LendingAdapter,
        driving=Driving(traces=3, examples=2),
        watch=told.append,
    )
    assert {one.doing for one in told} >= {"tour", "random", "hypothesis"}
    assert told[-1].taken == told[-1].edges == 48


def test_an_adapter_that_cannot_be_set_up():
    class Broken(LendingAdapter):
        def __init__(self, sizes, barriers):
            raise RuntimeError("no room")

    with pytest.raises(InputError) as caught:
        driven(Broken)
    assert caught.value.code == "F253"
    assert "Broken cannot be set up: RuntimeError: no room" in str(caught.value)
    assert caught.value.at is not None and caught.value.at.file == __file__


def test_an_adapter_that_shows_what_cannot_be_read():
    class Wrong(LendingAdapter):
        def observe(self):
            return {"phase": ["HELD", "IDLE"]}

    with pytest.raises(InputError) as caught:
        driven(Wrong)
    assert (caught.value.code, caught.value.at) == ("F256", AT)


def test_observe_that_fails_is_a_finding():
    class Blind(LendingAdapter):
        def observe(self):
            if self.cache.lent:
                raise LookupError("nothing to see")
            return super().observe()

    found = driven(Blind)
    assert found.difference is not None
    assert found.difference.failure.startswith("LookupError: nothing to see (")
    assert [step.action for step in found.difference.steps] == ["lend"]


def test_steps_tried_again_show_the_difference_until_it_is_mended():
    system = lending()
    design = system.design("careful")
    found = conform(system, design, with_fault("never given back")).difference
    assert found is not None
    again = replay(system, design, with_fault("never given back"), found.initial, found.steps, AT)
    assert again == found
    assert replay(system, design, with_fault(""), found.initial, found.steps, AT) is None


def test_an_adapter_has_to_perform_and_observe():
    class Half(Adapter):
        def perform(self, action, **arguments):
            raise Refused

    with pytest.raises(TypeError, match="observe"):
        Half({}, frozenset())
