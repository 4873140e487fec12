"""Runs drawn by Hypothesis from a seed, outside of any test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.stateful import run_state_machine_as_test

from fencepost.core.system import State
from fencepost.engines.fuzz.machine import SystemMachine, machine_class
from fencepost.engines.fuzz.runs import Run, Surroundings

BACKEND = "fencepost"


class SeededProvider(HypothesisProvider):
    """Hypothesis's own choices, without the constants that it collects from the modules that happen
    to be loaded: with them, a seed would mean something else in every process."""

    def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
        return None


def run_examples(
    around: Surroundings,
    starts: tuple[State, ...],
    looked: Callable[[Run], None],
    examples: int,
    steps: int,
    number: int,
) -> None:
    """Let Hypothesis draw runs; `looked` is called in each of their states, and may end them."""
    AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{SeededProvider.__name__}"
    made = machine_class(
        "FuzzedSystem",
        SystemMachine,
        around=around,
        starts=starts,
        looked=lambda _machine, run: looked(run),
    )
    run_state_machine_as_test(
        seed(number)(made),
        settings=settings(
            backend=BACKEND,
            max_examples=examples,
            stateful_step_count=steps + 1,
            database=None,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            derandomize=False,
            print_blob=False,
        ),
    )
