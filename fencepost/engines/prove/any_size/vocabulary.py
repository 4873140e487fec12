"""The solver's names for a system: sorts, order, one function a field, variables.

With `sizes` every Index has that many members, each a constant of its own, and a quantifier over it
is spelt out; without, an Index is an uninterpreted sort, of which nothing is known but that it is
not empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import z3

from fencepost.core.domains import Bool, Domain, Enum, Index, Maybe, Range, SetOf
from fencepost.core.expressions import Variable
from fencepost.core.sizes import sorts
from fencepost.core.system import Field, System
from fencepost.engines.prove import raw
from fencepost.engines.prove.any_size.values import Members, Optional, Term, Value
from fencepost.engines.prove.raw import Function, identity

MOST_SPELT_OUT = 16
"""A quantifier over a Range of at most so many values is spelt out as their conjunction."""


class Vocabulary:
    """The names of one system in a solver context of its own."""

    def __init__(self, system: System, sizes: Mapping[str, int] | None = None) -> None:
        self.context = z3.Context()
        self.system = system
        self.sizes = sizes
        self._true, self._false = z3.BoolVal(True, self.context), z3.BoolVal(False, self.context)
        self._true_id, self._false_id = identity(self._true), identity(self._false)
        self._enums: dict[Enum, tuple[Any, list[Term]]] = {}
        self._numbers: dict[int, Term] = {}
        self._distinct: set[int] = set()
        """The numbers of terms that are all different: members of enums, integers."""
        self.sorts = {s.name: z3.DeclareSort(s.name, self.context) for s in sorts(system)}
        self.members: dict[str, list[Term]] = {}
        self._below = {
            s.name: Function(
                f"{s.name}<", self.sorts[s.name], self.sorts[s.name], z3.BoolSort(self.context)
            )
            for s in sorts(system)
            if s.ordered
        }
        if sizes is not None:
            for name, sort in self.sorts.items():
                names = (f"{name}#{number}" for number in range(sizes[name]))
                self.members[name] = [z3.Const(each, sort) for each in names]
        self._functions: dict[str, tuple[Function | None, Function]] = {}
        for declared in system.fields:
            self._functions[declared.name] = self._functions_of(declared)
        self._fresh = 0

    # Truth. Terms are told apart by their numbers, which the solver shares between equal ones.

    def true(self, value: bool) -> Term:
        return self._true if value else self._false

    def is_true(self, term: Term) -> bool:
        """Whether a condition is the constant true."""
        return identity(term) == self._true_id

    def is_false(self, term: Term) -> bool:
        """Whether a condition is the constant false."""
        return identity(term) == self._false_id

    def both(self, parts: Iterable[Term]) -> Term:
        """The conjunction of any number of conditions, with constants left out."""
        kept = []
        for part in parts:
            number = identity(part)
            if number == self._false_id:
                return part
            if number != self._true_id:
                kept.append(part)
        if not kept:
            return self._true
        return kept[0] if len(kept) == 1 else raw.conjunction(kept)

    def either(self, parts: Iterable[Term]) -> Term:
        """The disjunction of any number of conditions, with constants left out."""
        kept = []
        for part in parts:
            number = identity(part)
            if number == self._true_id:
                return part
            if number != self._false_id:
                kept.append(part)
        if not kept:
            return self._false
        return kept[0] if len(kept) == 1 else raw.disjunction(kept)

    def negation(self, part: Term) -> Term:
        if self.is_true(part):
            return self._false
        if self.is_false(part):
            return self._true
        return part.arg(0) if z3.is_not(part) else raw.negation(part)

    def same(self, left: Term, right: Term) -> Term:
        """Whether two terms of one sort are equal."""
        one, other = identity(left), identity(right)
        if one == other:
            return self._true
        if one in self._distinct and other in self._distinct:
            return self._false
        return raw.equality(left, right)

    def either_value(self, condition: Term, then: Term, otherwise: Term) -> Term:
        """`then` where the condition holds, else `otherwise`."""
        if self.is_true(condition) or identity(then) == identity(otherwise):
            return then
        if self.is_false(condition):
            return otherwise
        if isinstance(then, z3.BoolRef):
            if self.is_true(then):
                return self.either([condition, otherwise])
            if self.is_false(then):
                return self.both([self.negation(condition), otherwise])
            if self.is_true(otherwise):
                return self.either([self.negation(condition), then])
            if self.is_false(otherwise):
                return self.both([condition, then])
        return raw.choice(condition, then, otherwise)

    # Sorts and constants.

    def sort(self, domain: Domain) -> Any:
        """The solver's sort of the values of a domain (of a `Maybe`: of those that are there)."""
        match domain:
            case Bool():
                return z3.BoolSort(self.context)
            case Enum():
                return self._enum(domain)[0]
            case Range():
                return z3.IntSort(self.context)
            case Index():
                return self.sorts[domain.name]
            case Maybe():
                return self.sort(domain.of)
            case _:
                raise TypeError(domain)

    def _enum(self, domain: Enum) -> tuple[Any, list[Term]]:
        if domain not in self._enums:
            name = f"{domain.name}{len(self._enums)}"
            members = [f"{name}.{member}" for member in domain.members]
            self._enums[domain] = z3.EnumSort(name, members, self.context)
            self._distinct |= {identity(member) for member in self._enums[domain][1]}
        return self._enums[domain]

    def constant(self, domain: Domain, value: int) -> Term:
        """A value of a domain; a member of an Index only where there are sizes."""
        match domain:
            case Bool():
                return self.true(bool(value))
            case Enum():
                return self._enum(domain)[1][value - domain.first]
            case Range():
                return self.integer(value)
            case Index():
                return self.members[domain.name][value]
            case _:
                raise TypeError(domain)

    def integer(self, value: int) -> Term:
        """A number."""
        if value not in self._numbers:
            self._numbers[value] = z3.IntVal(value, self.context)
            self._distinct.add(identity(self._numbers[value]))
        return self._numbers[value]

    def values(self, domain: Domain) -> list[Value] | None:
        """Every value of a domain that is spelt out, or None for one that is quantified over."""
        match domain:
            case Index():
                return self.members.get(domain.name)
            case Range() if domain.size > MOST_SPELT_OUT and self.sizes is None:
                return None
            case Bool() | Enum() | Range():
                return [self.constant(domain, value) for value in domain.values()]
            case Maybe():
                inner = self.values(domain.of)
                if inner is None:
                    return None
                some = inner[0]
                absent, there = self.true(True), self.true(False)
                return [Optional(absent, some), *(Optional(there, each) for each in inner)]
            case _:
                raise TypeError(domain)

    def below(self, sort: Index, left: Term, right: Term) -> Term:
        """Whether a member of an ordered Index comes before another."""
        if identity(left) == identity(right):
            return self._false
        return self._below[sort.name](left, right)

    # Variables.

    def fresh(self, variable: Variable, prefix: str) -> tuple[Value, list[Term]]:
        """A new variable, and the solver's constants that it is made of."""
        self._fresh += 1
        return self.named(variable, f"{prefix}{variable.name}!{self._fresh}")

    def named(self, variable: Variable, name: str) -> tuple[Value, list[Term]]:
        """A variable by a name of its own."""
        value = z3.Const(name, self.sort(variable.of))
        if isinstance(variable.of, Maybe):
            absent = z3.Const(f"{name}?", z3.BoolSort(self.context))
            return Optional(absent, value), [absent, value]
        return value, [value]

    def within(self, domain: Domain, value: Value) -> Term:
        """That a value is one of its domain."""
        match domain:
            case Range():
                return self.both([value >= domain.start, value <= domain.stop])
            case Index() if self.members:
                return self.either([self.same(value, each) for each in self.members[domain.name]])
            case Maybe():
                return self.either([value.absent, self.within(domain.of, value.value)])
            case _:
                return self.true(True)

    # Fields.

    def _functions_of(self, declared: Field) -> tuple[Function | None, Function]:
        places = [self.sort(index) for index in declared.indices]
        truth = z3.BoolSort(self.context)
        match declared.domain:
            case SetOf():
                element = self.sort(declared.domain.of)
                return None, Function(declared.name, *places, element, truth)
            case Maybe():
                absent = Function(f"{declared.name}?", *places, truth)
                value = Function(declared.name, *places, self.sort(declared.domain))
                return absent, value
            case _:
                return None, Function(declared.name, *places, self.sort(declared.domain))

    def read(self, declared: Field, indices: tuple[Term, ...]) -> Value:
        """The value of a cell."""
        absent, value = self._functions[declared.name]
        if isinstance(declared.domain, SetOf):
            return Members(lambda element: value(*indices, element))
        if absent is not None:
            return Optional(absent(*indices), value(*indices))
        return value(*indices)

    def cells(self, declared: Field) -> Iterator[tuple[Term, ...]]:
        """The indices of every cell, where there are sizes."""
        yield from product(*(self.values(index) or () for index in declared.indices))

    # What holds of every state.

    def axioms(self) -> list[Term]:
        """The order of ordered sorts, the bounds of numbers, that there are as many members as the
        model's parameters ask for; with sizes, that members are all."""
        found: list[Term] = []
        for sort in sorts(self.system):
            members = self.members.get(sort.name)
            if members is not None and len(members) > 1:
                found.append(z3.Distinct(*members))
            if members is None and sort.least > 1:
                least = min(sort.least, MOST_SPELT_OUT)
                of = self.sorts[sort.name]
                found.append(z3.Distinct(*(z3.Const(f"{sort.name}!{n}", of) for n in range(least))))
            if sort.ordered:
                found += self._order(sort, members)
        for declared in self.system.fields:
            found += self._bounds(declared)
        return found

    def _order(self, sort: Index, members: list[Term] | None) -> list[Term]:
        if members is not None:
            return [
                self._below[sort.name](a, b) if i < j else z3.Not(self._below[sort.name](a, b))
                for i, a in enumerate(members)
                for j, b in enumerate(members)
            ]
        of, less = self.sorts[sort.name], self._below[sort.name]
        a, b, c = (z3.Const(f"{sort.name}!{n}", of) for n in "abc")
        return [
            z3.ForAll([a], z3.Not(less(a, a))),
            z3.ForAll([a, b], z3.Or(less(a, b), a == b, less(b, a))),
            z3.ForAll([a, b, c], z3.Implies(z3.And(less(a, b), less(b, c)), less(a, c))),
        ]

    def _bounds(self, declared: Field) -> list[Term]:
        if isinstance(declared.domain, SetOf):
            return []
        bounded = declared.domain
        inner = bounded.of if isinstance(bounded, Maybe) else bounded
        if not isinstance(inner, Range) and not (self.members and isinstance(inner, Index)):
            return []

        def holds(*indices: Term) -> Term:
            return self.within(bounded, self.read(declared, indices))

        variables = [Variable(f"i{n}", of) for n, of in enumerate(declared.indices)]
        return [self.for_all(variables, holds)]

    # Quantifiers.

    def for_all(self, variables: list[Variable], holds: Callable[..., Term]) -> Term:
        """That a condition holds for every value of each variable."""
        return self._quantified(variables, holds, exists=False)

    def exists(self, variables: list[Variable], holds: Callable[..., Term]) -> Term:
        """That a condition holds for some value of each variable."""
        return self._quantified(variables, holds, exists=True)

    def _quantified(
        self, variables: list[Variable], holds: Callable[..., Term], *, exists: bool
    ) -> Term:
        join = self.either if exists else self.both
        spelt = [self.values(v.of) for v in variables]
        bound: list[Term] = []
        guards: list[Term] = []
        choices: list[list[Value]] = []
        for variable, values in zip(variables, spelt, strict=True):
            if values is not None:
                choices.append(values)
                continue
            value, constants = self.fresh(variable, "")
            choices.append([value])
            bound += constants
            guards.append(self.within(variable.of, value))
        body = join(holds(*chosen) for chosen in product(*choices))
        guard = self.both(guards)
        if not bound or self.is_true(body) or self.is_false(body):
            return body  # no sort is empty, and neither is a range
        if exists:
            return z3.Exists(bound, self.both([guard, body]))
        return z3.ForAll(bound, self.either([self.negation(guard), body]))
