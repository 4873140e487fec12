"""The shortest run that shows a difference: its steps are left out, on fresh implementations."""

from __future__ import annotations

from collections.abc import Sequence

from fencepost.core.minimise import shortened
from fencepost.core.system import State, Step
from fencepost.engines.conform.differences import Difference, Differs
from fencepost.engines.conform.runs import Subject
from fencepost.engines.conform.space import Explored, TooMany


class Replays:
    """Runs of given steps, each on a fresh implementation."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.best: Difference | None = None
        self._number = {step: number for number, step in enumerate(subject.system.steps)}

    def difference(self, initial: State, steps: Sequence[Step]) -> Difference | None:
        """The first difference that trying these steps shows, if they show any."""
        try:
            with self.subject.begin(self.subject.space.number(initial)) as run:
                for step in steps:
                    run.attempt(self._number[step])
        except Differs as found:
            return found.difference
        except TooMany:
            return None
        return None

    def shorten(self, found: Difference, explored: Explored | None) -> bool:
        """Look for as few steps as show a difference, in `best`; False where none comes again.

        The shortest way of the model to where it was found comes first; where that does not show
        it, as the implementation hides what matters, steps of the run itself are left out.
        """
        self.best = self._by_the_model(found, explored) or self.difference(
            found.initial, found.steps
        )
        if self.best is None:
            return False
        initial = self.best.initial
        shortened(self.best.steps, lambda steps: self._kept(initial, steps))
        return True

    def _kept(self, initial: State, steps: tuple[Step, ...]) -> tuple[Step, ...] | None:
        shown = self.difference(initial, steps)
        if shown is None:
            return None
        if self.best is None or len(shown.steps) < len(self.best.steps):
            self.best = shown
        return shown.steps

    def _by_the_model(self, found: Difference, explored: Explored | None) -> Difference | None:
        if explored is None or not found.steps:
            return None
        space = self.subject.space
        node = space.number(found.before)
        if node not in explored:
            return None
        start, way = explored.way(node)
        steps = [space.system.steps[n] for n in way if n not in space.silent]
        shown = self.difference(space.state(start), [*steps, found.steps[-1]])
        return shown if shown is not None and len(shown.steps) <= len(found.steps) else None
