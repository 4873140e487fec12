"""Runs drawn by Hypothesis from a seed, outside of any test."""

from __future__ import annotations

from collections.abc import Callable

from fencepost.core.system import State
from fencepost.engines.fuzz.machine import SystemMachine, machine_class
from fencepost.engines.fuzz.runs import Run, Surroundings
from fencepost.engines.seeded import run_machine


def run_examples(
    around: Surroundings,
    starts: tuple[State, ...],
    looked: Callable[[Run], None],
    examples: int,
    steps: int,
    number: int,
) -> None:
    """Let Hypothesis draw runs; `looked` is called in each of their states, and may end them."""
    made = machine_class(
        "FuzzedSystem",
        SystemMachine,
        around=around,
        starts=starts,
        looked=lambda _machine, run: looked(run),
    )
    run_machine(made, examples=examples, steps=steps + 1, number=number)
