"""Who finds a fault: the first of conformance, properties and the race detector that does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fencepost.core.errors import Location
from fencepost.core.system import System
from fencepost.engines.conform.adapter import Adapter
from fencepost.engines.conform.differences import Differs
from fencepost.engines.conform.random_runs import random_runs
from fencepost.engines.conform.runs import Subject
from fencepost.engines.conform.space import Explored, Space
from fencepost.engines.conform.tour import Tour
from reference_impl.adapters.faults.fault import FoundBy
from reference_impl.adapters.outcomes import Outcome

TRACES, LENGTH = 16, 120
MOST_FITTING = 4096


MOST_TO_TOUR = 1000
"""So many states of a model are visited, with every step that it takes or disables there."""


def differs(system: System, design: str, adapter: type[Adapter]) -> str:
    """How the implementation parts from its model on a tour where the model is small, and on random
    runs; "" where it does not."""
    chosen = next(d for d in system.designs if d.name == design)
    space = Space(system, chosen.barriers, adapter.unseen, adapter.left_out, MOST_FITTING)
    held = Subject(system, chosen, adapter, space, lambda: None, Location(adapter.__name__, 1))
    try:
        if (explored := _explored(space, held)) is not None:
            Tour(held, explored).go()
        random_runs(held, TRACES, LENGTH, 0)
    except Differs as found:
        return found.difference.kind.value
    return ""


def _explored(space: Space, held: Subject) -> Explored | None:
    def check() -> None:
        if space.count - len(held.initial) > MOST_TO_TOUR:
            raise _TooLarge

    with held.begin() as run:
        starts = held.starts or sorted(run.ready)
    try:
        return space.explored(starts, check)
    except _TooLarge:
        return None


class _TooLarge(Exception):
    pass


def first_finder(
    differs: Callable[[], str], runs: Callable[[], Iterable[Outcome]]
) -> tuple[FoundBy, str] | None:
    """Who finds something first, and what; None where nobody does."""
    if difference := differs():
        return "conformance", difference
    outcomes = list(runs())
    for outcome in outcomes:
        if outcome.failed:
            return "properties", min(outcome.failed)
        if outcome.changed:
            return "properties", str(outcome.changed[0])
    for outcome in outcomes:
        if outcome.races:
            return "races", outcome.races[0].kind
    return None
