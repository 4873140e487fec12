"""A counterexample to induction: a state of a few members, and the step that leads out of it.

It is taken from a solver's model of some sizes, and is none before the interpreter has confirmed
it: hypotheses hold before, the step is enabled, and what was claimed is false after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import z3

from fencepost.core.domains import Bool, Domain, Enum, Index, Maybe, Range, SetOf
from fencepost.core.evidence import Mismatch
from fencepost.core.semantics import Successor, evaluate, fillings, perform
from fencepost.core.sizes import formula_at_sizes
from fencepost.core.system import Action, State, Step, System
from fencepost.core.trees import Fault
from fencepost.engines.prove.any_size.formulas import Formula, closed
from fencepost.engines.prove.any_size.values import Value
from fencepost.engines.prove.any_size.vocabulary import Vocabulary


@dataclass(frozen=True)
class Counterexample:
    """What keeps a claim from being proved. `system` is the model at `sizes`, whose states these
    are: `core.semantics.evaluate(system, barriers, before, values, expression)` reads them.

    Without a step the state itself is the counterexample (of initiation, or of an implication).
    `after` is None where there is no step or the step faults.
    """

    system: System
    sizes: tuple[tuple[str, int], ...]
    before: State
    step: Step | None = None
    after: State | None = None
    fault: Fault | None = None

    @property
    def last(self) -> State:
        """The state in which the claim is false (before a fault)."""
        return self.before if self.after is None else self.after


class ModelReader:
    """A solver's model at sizes as states and steps."""

    def __init__(self, words: Vocabulary, model: Any) -> None:
        self._words = words
        self._model = model
        self._members = {
            name: [self._evaluated(m) for m in members] for name, members in words.members.items()
        }

    def _evaluated(self, term: Any) -> Any:
        return self._model.eval(term, model_completion=True)

    def state(self, system: System) -> State:
        """The state before the step; `system` is at the sizes of the vocabulary."""
        cells: list[int] = []
        for declared in self._words.system.fields:
            sized = system.field[declared.name]
            places = list(self._words.cells(declared)) if declared.indices else [()]
            if len(places) != sized.cells:
                raise Mismatch(f"{declared.name}: {len(places)} cells, not {sized.cells}")
            cells += (self.number(declared.domain, self._words.read(declared, p)) for p in places)
        return tuple(cells)

    def step(self, action: Action, scope: Mapping[str, Value]) -> Step:
        """The step, from the solver's constants for the arguments of its action."""
        values = (self.number(a.of, scope[a.name]) for a in action.arguments)
        return Step(action.name, tuple(values))

    def number(self, domain: Domain, value: Value) -> int:
        """The integer of a value."""
        match domain:
            case Bool():
                return int(z3.is_true(self._evaluated(value)))
            case Range():
                return int(self._evaluated(value).as_long())
            case Enum():
                found = self._evaluated(value)
                return next(v for v in domain.values() if self._words.constant(domain, v).eq(found))
            case Index():
                found = self._evaluated(value)
                return next(n for n, m in enumerate(self._members[domain.name]) if m.eq(found))
            case Maybe():
                absent = z3.is_true(self._evaluated(value.absent))
                return -1 if absent else self.number(domain.of, value.value)
            case SetOf():
                members = self._words.members[domain.of.name]
                inside = (z3.is_true(self._evaluated(value.has(m))) for m in members)
                return sum(1 << n for n, is_in in enumerate(inside) if is_in)
            case _:
                raise TypeError(domain)


def holds(system: System, barriers: frozenset[str], state: State, formula: Formula) -> bool:
    """Whether a formula holds in a state for every value of its arguments.

    The formula is one of a system for any size: its Index domains get the sizes of `system`.
    """
    sized = formula_at_sizes(closed(formula), system)
    return bool(evaluate(system, barriers, state, {}, sized))


def confirmed(
    found: Counterexample,
    barriers: frozenset[str],
    under: Iterable[Formula],
    claimed: Formula | None,
    *,
    initial: bool = False,
) -> Counterexample:
    """The counterexample, once the interpreter agrees; `claimed` is None for "no fault"."""
    system = found.system
    for formula in under:
        if not holds(system, barriers, found.before, formula):
            raise Mismatch(f"{formula.name} is false before the step of a counterexample")
    if initial and not _is_initial(system, barriers, found.before):
        raise Mismatch("a counterexample to initiation is no initial state")
    if found.step is not None:
        outcome = perform(system, barriers, found.before, found.step)
        if isinstance(outcome, Successor):
            found = Counterexample(
                system, found.sizes, found.before, found.step, outcome.state, None
            )
        elif isinstance(outcome, Fault):
            found = Counterexample(system, found.sizes, found.before, found.step, None, outcome)
        else:
            raise Mismatch(f"{found.step} of a counterexample is disabled")
    if claimed is None:
        if found.fault is None:
            raise Mismatch("a counterexample to no_fault does not fault")
    elif found.fault is not None or holds(system, barriers, found.last, claimed):
        raise Mismatch(f"{claimed.name} holds at the end of a counterexample")
    return found


def _is_initial(system: System, barriers: frozenset[str], state: State) -> bool:
    starts = [values for declared in system.fields for values in declared.initial]
    inside = all(cell in values for cell, values in zip(state, starts, strict=True))
    return inside and bool(evaluate(system, barriers, state, {}, system.initial))


def failing(found: Counterexample, barriers: frozenset[str], formula: Formula) -> dict[str, int]:
    """The values of a formula's arguments at which it is false in the end."""
    system = found.system
    arguments = tuple(formula_at_sizes(a, system) for a in formula.arguments)
    condition = formula_at_sizes(formula.condition, system)
    for values in fillings(arguments):  # type: ignore[arg-type]  # a Variable stays one
        if not evaluate(system, barriers, found.last, values, condition):
            return values
    return {}
