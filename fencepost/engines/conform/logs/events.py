"""A log as numbers: what was done, in which order, and what was seen after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fencepost.core.system import Step

Seen = tuple[tuple[str, tuple[int, ...], int], ...]
"""Values seen at one moment: a field, the indices of one of its cells, and the value."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a log: a step that was taken, and what was seen between it and the next."""

    line: int
    step: Step
    seen: Seen = ()


@dataclass(frozen=True)
class Log:
    """A whole log: from the start to an end that it states.

    `names` are those that the members of each Index have in the log, in the order of their numbers;
    `seen` is what was seen before the first event, and `unlogged` are the actions whose steps may
    happen between events without a line of their own.
    """

    file: str
    events: Sequence[Event]
    names: Mapping[str, Sequence[str]]
    seen: Seen = ()
    unlogged: tuple[str, ...] = ()
