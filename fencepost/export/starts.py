"""The initial states an export writes out one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from fencepost.core.errors import InputError
from fencepost.core.system import State, System

MOST_STARTS = 5_000


def starts(system: System, states: Iterator[State]) -> list[State]:
    """Every initial state, at least one and not too many to write out."""
    found = list(islice(states, MOST_STARTS + 1))
    if len(found) > MOST_STARTS:
        raise InputError(
            "F64",
            f"{system.name} has more than {MOST_STARTS} initial states",
            why="an export writes them out one by one",
            write="smaller sizes for the export (`--set`)",
        )
    return found
