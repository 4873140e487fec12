"""Where an implementation and its model part: what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fencepost.core.system import State, Step
from fencepost.engines.conform.seen import Seen


class Kind(Enum):
    """How an implementation parts from its model."""

    STARTS = "starts in a state that the model cannot start in"
    TAKES = "takes a step that the model disables"
    REFUSES = "refuses a step that the model takes"
    SHOWS = "shows a state that the model is not in"
    CHANGES = "refuses a step, and is changed by it"
    FAILS = "fails"


@dataclass(frozen=True)
class Attempt:
    """A step as it was tried, and whether it was taken; None where the implementation failed."""

    step: Step
    taken: bool | None


@dataclass(frozen=True)
class Difference:
    """An implementation parts from its model at the end of a run.

    `attempts` are all steps that were tried, the one that shows the difference last; there is none
    where the implementation starts differently. `before` is the state of the model before that
    step and `expected` the one that it should be in then; of several that fit what was seen
    before, the one nearest to what is seen now, and `others` is how many more there are.
    """

    kind: Kind
    attempts: tuple[Attempt, ...]
    initial: State
    before: State
    expected: State
    others: int
    seen: Seen
    """What is seen after the step; nothing where the implementation failed."""
    failure: str = ""
    """The exception by which it failed, and where."""
    violated: tuple[str, ...] = ()
    """The properties that what is seen violates, whatever is not seen."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps to try to see it again."""
        return tuple(attempt.step for attempt in self.attempts)


class Differs(Exception):
    """An implementation parts from its model here."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.kind.value)
        self.difference = difference
