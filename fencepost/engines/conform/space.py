"""The states of a design that an implementation can be in, found as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count

from fencepost.core.questions import all_questions
from fencepost.core.semantics import perform
from fencepost.core.system import State, System
from fencepost.core.trees import Fault
from fencepost.kernel.compiled import compiled
from fencepost.kernel.layout import Words
from fencepost.kernel.stepping import Stepper

Fitting = frozenset[int]
"""States, by number, none of which what was seen so far tells from the others."""

NODE_BYTES, EDGE_BYTES = 1200, 100
"""About what a state and a step from it take, as Python keeps them."""


class TooMany(Exception):
    """More states fit what was seen than are kept."""


class Space:
    """The states of a design, by number, without the steps of actions that are left out.

    Steps of `unseen` actions are taken when nobody sees it, all others are performed.
    """

    def __init__(
        self,
        system: System,
        barriers: frozenset[str],
        unseen: Iterable[str] = (),
        left_out: Iterable[str] = (),
        most_fitting: int = 4096,
    ) -> None:
        self.system, self.barriers, self.most_fitting = system, barriers, most_fitting
        self._stepper = Stepper(system, compiled(system), barriers)
        hidden, absent = set(unseen), set(left_out)
        self.silent = frozenset(n for n, s in enumerate(system.steps) if s.action in hidden)
        self.driven = tuple(
            n for n, s in enumerate(system.steps) if s.action not in hidden | absent
        )
        self._kept = frozenset(self.driven) | self.silent
        self._numbers: dict[Words, int] = {}
        self._words: list[Words] = []
        self._states: list[State | None] = []
        self._moves: list[dict[int, int] | None] = []
        self._faults: dict[int, frozenset[int]] = {}
        self._failing: dict[int, frozenset[str]] = {}
        self._always = {
            q.number: q.property.name for q in all_questions(system) if q.property.kind == "always"
        }
        self.questions = {q.number: q for q in all_questions(system)}
        self.edges = 0
        """How many steps were found that can be performed."""

    @property
    def count(self) -> int:
        """How many states were found."""
        return len(self._words)

    @property
    def bytes(self) -> int:
        """About how much memory they take."""
        return NODE_BYTES * self.count + EDGE_BYTES * self.edges

    def number(self, state: State) -> int:
        """The number of a state."""
        return self._number(self._stepper.pack(state))

    def _number(self, words: Words) -> int:
        number = self._numbers.setdefault(words, len(self._words))
        if number == len(self._words):
            self._words.append(words)
            self._states.append(None)
            self._moves.append(None)
        return number

    def state(self, number: int) -> State:
        found = self._states[number]
        if found is None:
            found = self._states[number] = self._stepper.unpack(self._words[number])
        return found

    def moves(self, number: int) -> dict[int, int]:
        """The steps that can be taken in a state, by number, with where they lead."""
        found = self._moves[number]
        if found is None:
            taken = self._stepper.numbered(self._words[number])
            faults = self._stepper.faults
            found = {n: self._number(words) for n, words in taken if n in self._kept}
            self._moves[number] = found
            self.edges += sum(n not in self.silent for n in found)
            if faults:
                self._faults[number] = self._faulting(number)
        return found

    def _faulting(self, number: int) -> frozenset[int]:
        state, steps = self.state(number), self.system.steps
        return frozenset(
            n
            for n in self._kept
            if isinstance(perform(self.system, self.barriers, state, steps[n]), Fault)
        )

    def faults(self, number: int) -> frozenset[int]:
        """The steps that fault in a state: they are neither possible there nor disabled."""
        self.moves(number)
        return self._faults.get(number, frozenset())

    def failing(self, number: int) -> frozenset[str]:
        """The properties `always` that a state violates."""
        if number not in self._failing:
            met = self._stepper.met(self._words[number])
            self._failing[number] = frozenset(self._always[n] for n in met if n in self._always)
        return self._failing[number]

    def satisfies(self, number: int, question: int) -> bool:
        """Whether a state satisfies what a `reachable` asks, for one filling."""
        return question in self._stepper.met(self._words[number])

    def closed(self, fitting: Fitting) -> Fitting:
        """The states with those that unseen steps lead to from them."""
        if not self.silent:
            return fitting
        found = set(fitting)
        waiting = list(fitting)
        while waiting:
            for step, after in self.moves(waiting.pop()).items():
                if step in self.silent and after not in found:
                    found.add(after)
                    waiting.append(after)
                    if len(found) > self.most_fitting:
                        raise TooMany
        return frozenset(found)

    def explored(self, starts: Iterable[int], check: Callable[[], None]) -> Explored:
        """Every state that can be come to, nearest first; `check` is called now and then."""
        parents: dict[int, tuple[int, int] | None] = dict.fromkeys(starts)
        waiting = list(parents)
        for done in count():
            if done == len(waiting):
                return Explored(self, parents)
            if done % 256 == 0:
                check()
            for step, after in self.moves(waiting[done]).items():
                if after not in parents:
                    parents[after] = waiting[done], step
                    waiting.append(after)
        raise AssertionError("counting does not end")


class Explored:
    """All states that can be come to from where implementations start."""

    def __init__(self, space: Space, parents: dict[int, tuple[int, int] | None]) -> None:
        self.space, self._parents = space, parents

    def __iter__(self) -> Iterator[int]:
        """The states, nearest first."""
        return iter(self._parents)

    def __contains__(self, number: int) -> bool:
        return number in self._parents

    def __len__(self) -> int:
        return len(self._parents)

    def way(self, number: int) -> tuple[int, tuple[int, ...]]:
        """The shortest way to a state: where it starts, and the steps."""
        steps: list[int] = []
        while (parent := self._parents[number]) is not None:
            number, step = parent
            steps.append(step)
        return number, tuple(reversed(steps))
