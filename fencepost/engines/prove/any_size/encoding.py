"""A system at one design as obligations: what a solver has to refute, for any size or at some.

An obligation is a set of conditions that no state (and step) may satisfy together: the hypotheses,
each under its name, and the negation of what is claimed. If they are unsatisfiable the claim holds
in a model of any size; the names in the unsatisfiable core are what it took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from fencepost.core.domains import Index, SetOf
from fencepost.core.expressions import TRUE, Constant, Variable
from fencepost.core.system import Field, System
from fencepost.core.trees import Fault
from fencepost.engines.prove.any_size.barriers import fix_barriers, fixed_condition
from fencepost.engines.prove.any_size.formulas import Claim, Formula
from fencepost.engines.prove.any_size.steps import Steps, fields_of
from fencepost.engines.prove.any_size.terms import Terms
from fencepost.engines.prove.any_size.values import Term, Value
from fencepost.engines.prove.any_size.vocabulary import Vocabulary


@dataclass(frozen=True)
class Obligation:
    """Conditions that must not hold together.

    `trivial`: nothing is left to refute, since the step writes nothing that the claim reads.
    """

    background: tuple[Term, ...]
    hypotheses: tuple[tuple[str, Term], ...]
    refuted: Term
    trivial: bool = False


class Encoding:
    """One system at one design in a solver context of its own.

    `system` is recorded for any size (`build(..., any_size=True)`). Without `sizes` the obligations
    are about every size; with them (members of each Index, by its name) about that size alone, and
    without quantifiers, so that a solver decides each of them.
    """

    def __init__(
        self,
        system: System,
        barriers: frozenset[str],
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        if not system.any_size:
            raise ValueError(f"{system.name} is recorded at sizes, not for any size")
        self.system = fix_barriers(system, barriers)
        self.barriers = barriers
        self.sizes = dict(sizes) if sizes is not None else None
        self.words = Vocabulary(self.system, sizes)
        self.before = Terms(self.words, self.words.read)
        self._steps: dict[str, Steps] = {}
        self._formulas: dict[Formula, Term] = {}
        self._without_barriers: dict[Formula, Formula] = {}
        self._after: dict[tuple[str, int], Terms] = {}

    @cached_property
    def background(self) -> tuple[Term, ...]:
        """What holds of every state: orders and bounds."""
        return tuple(self.words.axioms())

    def steps(self, action: str) -> Steps:
        """The steps of an action."""
        if action not in self._steps:
            self._steps[action] = Steps(self.words, self.system.action[action])
        return self._steps[action]

    def formula(self, formula: Formula) -> Term:
        """A formula of the state before a step, for every value of its arguments."""
        if formula not in self._formulas:
            condition = self._fixed(formula)
            names = [a.name for a in condition.arguments]
            self._formulas[formula] = self.words.for_all(
                list(condition.arguments),
                lambda *chosen: self.before.condition(
                    condition.condition, dict(zip(names, chosen, strict=True))
                ),
            )
        return self._formulas[formula]

    def initially(self, formula: Formula) -> Obligation:
        """The formula holds in every initial state."""
        asked = (("initial", self.initial),)
        return Obligation(self.background, asked, self._false_somewhere(formula))

    def implied(self, formula: Formula, under: Iterable[Formula]) -> Obligation:
        """The formula holds wherever others do."""
        refuted = self._false_somewhere(formula)
        return Obligation(self.background, self._under(under), refuted)

    def preserved(self, formula: Formula, by: str, under: Iterable[Formula]) -> Obligation:
        """Where it and others hold, it holds after every step of an action."""
        steps, reads = self.steps(by), fields_of(self._fixed(formula).condition)
        ways = [n for n, way in enumerate(steps.ways) if way.written & reads]
        if not ways:
            return Obligation((), (), self.words.true(False), trivial=True)
        scope, bounds = self._somewhere(formula)
        broken = [
            self.words.both(
                [steps.condition(n), self._false_at(formula, self._terms_after(by, n), scope)]
            )
            for n in ways
        ]
        refuted = self.words.both([steps.bounds, bounds, self.words.either(broken)])
        return Obligation(self.background, self._under([*under, formula]), refuted)

    def fault_free(self, action: str, under: Iterable[Formula]) -> Obligation:
        """No step of an action faults where the formulas hold."""
        steps = self.steps(action)
        faults = [n for n, way in enumerate(steps.ways) if isinstance(way.leaf, Fault)]
        if not faults:
            return Obligation((), (), self.words.true(False), trivial=True)
        refuted = self.words.both(
            [steps.bounds, self.words.either(steps.condition(n) for n in faults)]
        )
        return Obligation(self.background, self._under(under), refuted)

    @cached_property
    def initial(self) -> Term:
        """That a state is initial."""
        parts = [self._starts(declared) for declared in self.system.fields]
        if self.system.initial != TRUE:
            parts.append(self.before.condition(self.system.initial, {}))
        return self.words.both(parts)

    def _starts(self, declared: Field) -> Term:
        """That the cells of a field have one of their starting values."""
        words, before = self.words, self.before
        spelt = [[None] if isinstance(of, Index) else list(of.values()) for of in declared.indices]
        open_ = [Variable(f"i{n}", of) for n, of in enumerate(declared.indices)]
        parts = []
        for kind, values in zip(product(*spelt), declared.initial, strict=True):
            if not values:
                continue
            free = [v for v, fixed in zip(open_, kind, strict=True) if fixed is None]

            def starts(
                *chosen: Value,
                kind: tuple[int | None, ...] = kind,
                values: tuple[int, ...] = values,
            ) -> Term:
                left = iter(chosen)
                place = tuple(
                    next(left) if fixed is None else words.constant(of, fixed)
                    for fixed, of in zip(kind, declared.indices, strict=True)
                )
                cell = words.read(declared, place)
                if isinstance(declared.domain, SetOf):
                    member = Variable("member", declared.domain.of)
                    return words.for_all([member], lambda e: words.negation(cell.has(e)))
                return words.either(
                    before.same_value(
                        cell, before.stored(Constant(v, declared.domain), declared.domain, {})
                    )
                    for v in values
                )

            parts.append(words.for_all(free, starts))
        return words.both(parts)

    def _under(self, formulas: Iterable[Formula]) -> tuple[tuple[str, Term], ...]:
        return tuple((f.name, self.formula(f)) for f in dict.fromkeys(formulas))

    def _somewhere(self, formula: Formula) -> tuple[dict[str, Value], Term]:
        """Values of a formula's arguments, as constants of the solver that are of their domains."""
        scope, bounds = {}, []
        for argument in formula.arguments:
            value, _ = self.words.named(argument, f"some.{argument.name}:{argument.of}")
            scope[argument.name] = value
            bounds.append(self.words.within(argument.of, value))
        return scope, self.words.both(bounds)

    def _terms_after(self, by: str, number: int) -> Terms:
        """Expressions read after a step that goes one way through an action."""
        if (by, number) not in self._after:
            self._after[by, number] = Terms(self.words, self.steps(by).after(number))
        return self._after[by, number]

    def _false_at(self, formula: Formula, terms: Terms, scope: Mapping[str, Value]) -> Term:
        return self.words.negation(terms.condition(self._fixed(formula).condition, scope))

    def _false_somewhere(self, formula: Formula) -> Term:
        scope, bounds = self._somewhere(formula)
        return self.words.both([bounds, self._false_at(formula, self.before, scope)])

    def _fixed(self, formula: Formula) -> Formula:
        """The formula with barriers as constants."""
        if formula not in self._without_barriers:
            condition = fixed_condition(formula.condition, self.barriers)
            fixed = Claim(formula.name, formula.arguments, condition)
            self._without_barriers[formula] = fixed
        return self._without_barriers[formula]
