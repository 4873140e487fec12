"""The model's counterexamples, followed by an implementation that is broken as the model is."""

from __future__ import annotations

from collections.abc import Iterator

from fencepost.core.semantics import is_final
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE
from fencepost.engines.conform.outcomes import Claim
from fencepost.engines.conform.runs import Run, Subject
from fencepost.engines.conform.space import Explored

MOST_TRIES = 20
"""So often an implementation with unseen steps is taken along a counterexample that it leaves."""


class Followed:
    """Which of the model's violations an implementation was seen to have, with the steps there."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.shown: dict[str, tuple[int, ...]] = {}
        self.beyond: list[str] = []
        """The properties that the model violates where the implementation cannot be taken: from
        another start, or by steps that it leaves out."""
        self._unreached: list[Claim] = []

    def follow(self, claim: Claim, explored: Explored) -> None:
        """Take an implementation to where a property is violated; `Differs` where it parts.

        An `always` has to be violated there in every state that fits, which the run looks at in
        each of its states. Where a trace starts elsewhere or takes a step that is left out,
        another way is looked for.
        """
        subject = self.subject
        if claim.kind == "reachable":
            self._unreached.append(claim)
            return
        way = self._way(claim, explored)
        if way is None:
            if claim.trace is not None:
                self.beyond.append(claim.property)
            return
        start, steps = way
        for _ in range(MOST_TRIES if subject.space.silent else 1):
            with subject.begin(start) as run:
                if self._taken(run, steps, claim) and self._shows(run, claim):
                    self.shown.setdefault(claim.property, tuple(n for n, _ in run.attempts))
            if claim.property in self.shown or claim.property in subject.violations:
                return

    def _way(self, claim: Claim, explored: Explored) -> tuple[int, tuple[int, ...]] | None:
        """Where to start, and the steps to perform; None where no way is known from where the
        implementation starts, and without what is left out."""
        space = self.subject.space
        if claim.trace is None:
            return None
        number = {step: n for n, step in enumerate(space.system.steps)}
        start = space.number(claim.trace.initial)
        steps = tuple(number[step] for step in claim.trace.steps)
        known = {*space.driven, *space.silent}
        if start in explored and known.issuperset(steps):
            return start, steps
        return next(self._other_ways(claim, explored), None)

    def _other_ways(
        self, claim: Claim, explored: Explored
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The shortest way to what breaks a property of states, without what is left out."""
        for node in explored:
            stuck = claim.property == NO_STUCK_STATE and self._is_stuck(node)
            if stuck or claim.property in self.subject.space.failing(node):
                yield explored.way(node)
            elif claim.property == NO_FAULT and self.subject.space.faults(node):
                start, steps = explored.way(node)
                yield start, (*steps, min(self.subject.space.faults(node)))

    def _taken(self, run: Run, steps: tuple[int, ...], claim: Claim) -> bool:
        """Whether every step was taken; the last one may be the one that faults."""
        space = self.subject.space
        for position, number in enumerate(steps):
            if number in space.silent:
                continue
            if claim.property == NO_FAULT and position == len(steps) - 1:
                return run.attempt_fault(number)
            if not run.attempt(number):
                return False
        return True

    def _shows(self, run: Run, claim: Claim) -> bool:
        """Whether the last state of a run that took all steps is what the property forbids."""
        if claim.kind == "always" and claim.property not in (NO_FAULT, NO_STUCK_STATE):
            return claim.property in self.subject.violations
        if claim.property == NO_STUCK_STATE:
            for number in run.choices().disabled:
                run.attempt(number)
            return all(self._is_stuck(node) for node in run.fitting)
        return True

    def _is_stuck(self, node: int) -> bool:
        space = self.subject.space
        if space.moves(node) or space.faults(node):
            return False
        return not is_final(space.system, space.barriers, space.state(node))

    def unreached(self, explored: Explored) -> Iterator[str]:
        """The properties `reachable` of the claims that no state which was come to satisfies."""
        space = self.subject.space
        for claim in self._unreached:
            asked = [
                number
                for number, question in space.questions.items()
                if question.property.name == claim.property
            ]
            unmet = [n for n in asked if not any(space.satisfies(node, n) for node in explored)]
            if unmet:
                yield claim.property
