"""What Hypothesis does that fuzzing has to live with: `docs/explanation/warts.md` says it."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.errors import InvalidDefinition
from hypothesis.internal.conjecture import providers
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fencepost.core.questions import select
from fencepost.engines.fuzz.testing import Violated, case_of
from fencepost.engines.seeded import SeededProvider
from tests.unit.kernel.slot_protocol import slot_protocol

DRAWN = settings(database=None, phases=[Phase.generate], max_examples=60, stateful_step_count=20)


def test_hypothesis_shows_a_run_of_its_own_that_may_be_longer() -> None:
    system = slot_protocol(2, 1, 2)
    design = system.design("as_reported")
    case = case_of(
        "Slots", system, design, select(system, None), 64, lambda finding: str(len(finding.trace))
    )
    case.settings = settings(case.settings, database=None, derandomize=True)
    case.setUpClass()
    with pytest.raises(Violated) as caught:
        case("runTest").runTest()
    notes = "\n".join(caught.value.__notes__)
    own = len(re.findall(r"state\.take\(", notes))
    assert str(caught.value) == "10"
    assert own >= 10
    assert len(caught.value.finding.trace) == own


def test_a_machine_without_an_enabled_rule_is_an_error() -> None:
    class Ends(RuleBasedStateMachine):
        steps = 0

        @precondition(lambda self: self.steps < 3)
        @rule()
        def step(self):
            self.steps += 1

    with pytest.raises(InvalidDefinition, match="No progress can be made"):
        run_state_machine_as_test(Ends, settings=DRAWN)


def test_rules_are_switched_off_for_whole_runs() -> None:
    """Of eight rules that are always enabled, many runs of twenty steps never take half."""
    runs: list[Counter[str]] = []

    def machine() -> type[RuleBasedStateMachine]:
        def init(self):
            RuleBasedStateMachine.__init__(self)
            runs.append(Counter())

        def taking(name):
            def take(self):
                runs[-1][name] += 1

            take.__name__ = name
            return rule()(take)

        rules = {name: taking(name) for name in "abcdefgh"}
        return type("Eight", (RuleBasedStateMachine,), {"__init__": init, **rules})

    run_state_machine_as_test(seed(1)(machine()), settings=DRAWN)
    long = [run for run in runs if sum(run.values()) >= 20]
    few = [run for run in long if len(run) <= 4]
    # Of even draws, less than one run in a million would have at most four of the eight.
    assert len(few) > len(long) / 10


def test_constants_of_loaded_modules_are_drawn() -> None:
    """Hypothesis draws them; the provider that fuzzing draws with does not."""
    assert hasattr(providers.HypothesisProvider, "_maybe_draw_constant")

    def drawn(kind: type[providers.HypothesisProvider]) -> set[object]:
        provider = kind(None)
        provider._random = random.Random(0)
        constraints = {
            "min_value": 0,
            "max_value": 10**9,
            "weights": None,
            "shrink_towards": 0,
        }
        return {provider._maybe_draw_constant("integer", constraints) for _ in range(400)}

    assert len(drawn(providers.HypothesisProvider)) > 5
    assert drawn(SeededProvider) == {None}
