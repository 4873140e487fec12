"""Runs that Hypothesis draws from a seed, outside of any test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

BACKEND = "fencepost"


class SeededProvider(HypothesisProvider):
    """Hypothesis's own choices, without the constants that it collects from the modules that happen
    to be loaded: with them, a seed would mean something else in every process."""

    def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
        return None


def run_machine(
    machine: type[RuleBasedStateMachine],
    *,
    examples: int,
    steps: int,
    number: int,
    phases: Iterable[Phase] = (Phase.generate,),
) -> None:
    """Run a state machine so many times, of up to so many steps; the same number of a seed gives
    the same runs. What a run raises is raised."""
    AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{SeededProvider.__name__}"
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            backend=BACKEND,
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            phases=list(phases),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            derandomize=False,
            report_multiple_bugs=False,
            print_blob=False,
        ),
    )
