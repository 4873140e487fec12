"""Runs of a system for a solver: states one after the other, and the step between two of them.

Of all shortest runs to a state, where states that differ only in the names of interchangeable
indices count as one, the first in the order of the steps' numbers is kept; so depths stay exact:

- had it a step right behind another that need not be taken before it (`exchanges`), exchanging the
  two would give an earlier run, or leaving one out a shorter one;
- did an index occur in it as an argument before a lower one of its sort ever did, exchanging these
  two names throughout would give an earlier run, since arguments are counted up in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from fencepost.core.evidence import Way
from fencepost.core.semantics import fillings
from fencepost.core.system import Property, Step, System
from fencepost.engines.prove import raw
from fencepost.engines.prove.exchanges import Exchanges
from fencepost.engines.prove.one_hot import OneHot
from fencepost.engines.prove.pattern import Moment, Pattern
from fencepost.engines.prove.solver import Bounded, work_of
from fencepost.engines.prove.symmetry import interchangeable
from fencepost.engines.prove.truths import Truth, all_of, any_of, negation

WORK_A_QUESTION = 150_000
"""How much work of the solver, in its resource units, lets one question be asked about steps that
can be exchanged, which takes about as long: the questions take about as long as the search, at
most."""
WORK_A_PAIR = 100
"""The same for a pair of steps, to find which pairs there are to ask about."""


class Runs:
    """The runs of one design, made longer step by step in one solver.

    `ordered` leaves out runs that differ from another in the order of steps, `named` those that
    differ in names. Where a question is about one filling of arguments, names matter; and
    induction, which may start anywhere, needs all runs.
    """

    def __init__(
        self,
        system: System,
        barriers: frozenset[str],
        run: Bounded,
        *,
        ordered: bool,
        named: bool,
    ) -> None:
        self.system = system
        self.encoding = OneHot(system, barriers, run)
        self.ordered = ordered
        self.sorts = interchangeable(system) if named else {}
        self.moments: list[Moment] = []
        self.used: list[dict[tuple[str, int], Any]] = []
        self._pattern = Pattern(self.encoding)
        self._exchanges = Exchanges(self.encoding)

    def begin(self, solver: Any, *, anywhere: bool = False) -> None:
        """The first state: an initial one, or any."""
        cells, constraints = self.encoding.cells("0")
        solver.add(constraints)
        if not anywhere:
            solver.add(self.encoding.term(self.encoding.starts(cells)))
        self.moments.append(self._pattern.moment(0, cells))

    def extend(self, solver: Any) -> None:
        """One more step, and the state after it."""
        number = len(self.moments)
        cells, constraints = self.encoding.cells(str(number))
        solver.add(constraints)
        solver.add(self._pattern.step(self.moments[-1], cells))
        if self.sorts:
            solver.add(list(self._names_in_order(number - 1)))
        if self.ordered:
            self._leave_out(solver, number)
        self.moments.append(self._pattern.moment(number, cells))

    def way(self, model: Any, length: int, last: Step | None = None) -> Way:
        """The run of a solver's model, perhaps with one more step that faults."""
        encoding = self.encoding
        steps = [
            next(s for s, taken in moment.takes.items() if encoding.is_true(model, taken))
            for moment in self.moments[:length]
        ]
        if last is not None:
            steps.append(last)
        return Way(encoding.state(model, self.moments[0].cells), tuple(steps))

    # Which runs stand for others.

    def _leave_out(self, solver: Any, number: int) -> None:
        """Runs that take steps in another order than they could; what is new about steps holds for
        the earlier moments, too."""
        work = work_of(solver) - WORK_A_PAIR * self._exchanges.pairs
        fresh = self._exchanges.needless(max(0, work // WORK_A_QUESTION))
        for earlier in range(1, number - 1):
            solver.add(list(self._in_order(earlier, fresh)))
        for step, others in fresh.items():
            self._needless[step] += others
        if number > 1:
            solver.add(list(self._in_order(number - 1, self._needless)))

    @cached_property
    def _needless(self) -> dict[Step, list[Step]]:
        """For each step those that are known not to be needed right before it."""
        return {step: list(others) for step, others in self._exchanges.apart.items()}

    def _in_order(self, number: int, needless: Mapping[Step, Sequence[Step]]) -> Iterator[Any]:
        """No step comes right behind one that need not be taken before it."""
        before, here = self.moments[number - 1], self.moments[number]
        for step, taken in here.takes.items():
            others = [before.takes[s] for s in needless.get(step, ()) if s in before.takes]
            if others:
                yield raw.implication(taken, raw.negation(raw.disjunction(others)))

    def _names_in_order(self, number: int) -> Iterator[Any]:
        """An index is an argument only when every lower one of its sort has been, or is too."""
        here = self.moments[number]
        known = self.used[-1] if self.used else {}
        now: dict[tuple[str, int], Any] = {}
        for name, count in self.sorts.items():
            for index in range(count):
                users = [t for s, t in here.takes.items() if (name, index) in self._names[s]]
                before = [known[name, index]] if (name, index) in known else []
                used = self.encoding.variable(f"{name} {index} used@{number}")
                now[name, index] = used
                some = self.encoding.term(any_of([*users, *before]))
                yield raw.equality(used, some)
                if index:
                    yield raw.implication(used, now[name, index - 1])
        self.used.append(now)

    @cached_property
    def _names(self) -> dict[Step, set[tuple[str, int]]]:
        """The indices among the arguments of each step, with their sorts."""
        return {
            step: {
                (getattr(a.of, "name", ""), value)
                for a, value in zip(
                    self.system.action[step.action].arguments, step.arguments, strict=True
                )
            }
            for step in self.system.steps
        }


def satisfied(
    runs: Runs, at: int, prop: Property, values: dict[str, int] | None = None
) -> Iterator[Truth]:
    """Whether the state at a moment satisfies a property, for one filling or for each."""
    cells, encoding = runs.moments[at].cells, runs.encoding
    for filling in fillings(prop.arguments) if values is None else (values,):
        unknown = encoding.truth(prop.fault, filling, cells)
        yield all_of((negation(unknown), encoding.truth(prop.condition, filling, cells)))
