"""A transition tour: every step of the state graph is performed, in every state it can be taken in.

Greedy: a step that was not taken here yet, else the way to the nearest state that has one, else a
fresh run. In each state that is come to for the first time all steps that the model disables there
are tried too. Where an action aborts a request, the tour thereby aborts it in every state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from fencepost.engines.conform.runs import Run, Subject
from fencepost.engines.conform.space import Explored, Fitting

MOST_TRIES = 5
"""So often a step is tried in a state that does not come about, as others fit what is seen too."""


class Tour:
    """The tour of one design, with the steps that are left to be taken."""

    def __init__(self, subject: Subject, explored: Explored) -> None:
        self.subject, self.space, self.explored = subject, subject.space, explored
        driven = frozenset(self.space.driven)
        self._left = {
            node: {number for number in self.space.moves(node) if number in driven}
            for node in explored
        }
        self.edges = sum(len(steps) for steps in self._left.values())
        self._tries: dict[tuple[int, int], int] = {}
        self._met: set[Fitting] = set()
        self._dead: set[int] = set()
        self._waiting = deque(explored)
        self.gone_without: list[tuple[int, int]] = []
        """Steps whose state never came about, though they were tried often."""

    @property
    def covered(self) -> int:
        """How many steps of the graph were taken."""
        return len(self.subject.taken)

    def go(self) -> None:
        """Take every step that can be."""
        while self._is_left():
            with self.subject.begin(self._start()) as run:
                if not self._go_on(run, fresh=True):
                    return
                while self._go_on(run, fresh=False):
                    pass

    def _is_left(self) -> bool:
        """Whether some step was not taken; the state nearest to a start that has one comes next."""
        while self._waiting and not self._still_left(self._waiting[0]):
            self._waiting.popleft()
        return bool(self._waiting)

    def _start(self) -> int | None:
        """Where to start to get there; None where the implementation starts where it does."""
        return self.explored.way(self._waiting[0])[0] if self.subject.starts else None

    def _go_on(self, run: Run, *, fresh: bool) -> bool:
        """Take a step that was not taken, near or far; False where none is left ahead."""
        self._try_disabled(run)
        here = self._untaken(run.ready)
        if here is None:
            plan = (fresh and self._from_start(run)) or self._nearest(run.ready)
            if plan is None:
                return False
            self._follow(run, *plan)
            self._try_disabled(run)
            return True
        number, nodes = here
        run.attempt(number)
        self._account(number, nodes)
        return True

    def _try_disabled(self, run: Run) -> None:
        """Try all steps that are disabled in the states that fit, once for each such set."""
        while run.fitting not in self._met:
            self._met.add(run.fitting)
            run.try_disabled(run.choices().disabled)

    def _untaken(self, ready: Fitting) -> tuple[int, list[int]] | None:
        """A step that is left to be taken here, and in which of the states that fit it is."""
        for node in sorted(ready):
            left = self._still_left(node)
            if left:
                number = min(left)
                return number, [n for n in ready if number in self._left.get(n, ())]
        return None

    def _still_left(self, node: int) -> set[int]:
        """The steps of a state that were not taken, by the tour or by what came before it."""
        left = self._left.get(node, set())
        left -= {number for number in left if (node, number) in self.subject.taken}
        return left

    def _account(self, number: int, nodes: list[int]) -> None:
        """Count a try in states that it was not taken in; after so many, go without."""
        for node in nodes:
            if (node, number) in self.subject.taken:
                continue
            tries = self._tries[node, number] = self._tries.get((node, number), 0) + 1
            if tries >= MOST_TRIES:
                self._left[node].discard(number)
                self.gone_without.append((node, number))

    def _from_start(self, run: Run) -> tuple[tuple[int, ...], int] | None:
        """The shortest way to the state nearest to the start that has a step left."""
        if not self._is_left():
            return None
        start, steps = self.explored.way(self._waiting[0])
        return (steps, self._waiting[0]) if start in run.ready else None

    def _nearest(self, ready: Fitting) -> tuple[tuple[int, ...], int] | None:
        """The steps to the nearest state that has a step left. States from which there is none
        are looked at once."""
        parents: dict[int, tuple[int, int] | None] = {
            node: None for node in sorted(ready) if node not in self._dead
        }
        waiting = deque(parents)
        while waiting:
            node = waiting.popleft()
            for number, after in self.space.moves(node).items():
                if after in parents or after in self._dead:
                    continue
                parents[after] = node, number
                if self._still_left(after):
                    return _steps(parents.get, after), after
                waiting.append(after)
        self._dead.update(parents)
        return None

    def _follow(self, run: Run, steps: tuple[int, ...], target: int) -> None:
        """Take the steps of a plan; where it does not come about, that counts as a try."""
        for number in steps:
            if number not in self.space.silent and not run.attempt(number):
                break
        if target not in run.ready:
            left = self._still_left(target)
            if left:
                self._account(min(left), [target])


def _steps(parent: Callable[[int], tuple[int, int] | None], node: int) -> tuple[int, ...]:
    """The steps from where a search began to a state."""
    found: list[int] = []
    while (came := parent(node)) is not None:
        node, number = came
        found.append(number)
    return tuple(reversed(found))
