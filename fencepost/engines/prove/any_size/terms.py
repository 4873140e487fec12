"""Expressions as solver terms, in a state that is given by how its cells are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import assert_never

import z3

from fencepost.core import expressions as x
from fencepost.core.domains import NONE_VALUE, Bool, Domain, Enum, Index, Maybe, Range, SetOf
from fencepost.core.expressions import Expression
from fencepost.core.system import Field
from fencepost.engines.prove.any_size import refusals
from fencepost.engines.prove.any_size.values import Members, Optional, Term, Value
from fencepost.engines.prove.any_size.vocabulary import Vocabulary
from fencepost.engines.prove.raw import identity

MOST_COUNTED = 3

Cells = Callable[[Field, tuple[Term, ...]], Value]
"""A state: the value of a field's cell at some indices."""
Scope = Mapping[str, Value]
"""What the variables in scope stand for."""


class Terms:
    """Expressions over one state as terms of one vocabulary.

    At sizes the same few expressions at the same few members are asked for again and again, in
    many formulas: what they came to is kept.
    """

    def __init__(self, vocabulary: Vocabulary, cells: Cells) -> None:
        self.words = vocabulary
        self.cells = cells
        self._kept: dict[tuple[Expression, tuple[int, ...]], tuple[Value, tuple[Value, ...]]] = {}

    def condition(self, node: Expression, scope: Scope) -> Term:
        """A Boolean expression."""
        return self._as(node, Bool(), scope)

    def value(self, node: Expression, scope: Scope) -> Value:
        """An expression in the form of its own domain."""
        if not self.words.members or isinstance(node, x.Constant | x.Variable):
            return self._value(node, scope)
        values = tuple(scope[name] for name in free_names(node))
        key = node, tuple(number for value in values for number in _numbers(value))
        if key not in self._kept:
            # The values are kept too: their numbers are given to others when they are gone.
            self._kept[key] = self._value(node, scope), values
        return self._kept[key][0]

    def _value(self, node: Expression, scope: Scope) -> Value:
        words = self.words
        match node:
            case x.Constant():
                return self._constant(node)
            case x.Variable():
                return scope[node.name]
            case x.BarrierOn():
                raise AssertionError(f"a barrier that no design fixed: {node.name}")
            case x.Read():
                declared = words.system.field[node.field]
                given = zip(node.indices, declared.indices, strict=True)
                return self.cells(declared, tuple(self._as(i, of, scope) for i, of in given))
            case x.Not():
                return words.negation(self.condition(node.operand, scope))
            case x.And():
                return words.both(self.condition(o, scope) for o in node.operands)
            case x.Or():
                return words.either(self.condition(o, scope) for o in node.operands)
            case x.Equal():
                return self._equal(node, scope)
            case x.Less():
                return self._less(node, scope)
            case x.Arithmetic():
                return self._arithmetic(node, scope)
            case x.Choose():
                condition = self.condition(node.condition, scope)
                then = self._as(node.then, node.of, scope)
                return self.choose(condition, then, self._as(node.otherwise, node.of, scope))
            case x.Contains():
                members = self.value(node.members, scope)
                return members.has(self._as(node.element, _element(node.members), scope))
            case x.SetUpdate():
                return self._set_update(node, scope)
            case x.Quantified():
                return self._quantified(node, scope)
            case _:
                assert_never(node)

    def stored(self, node: Expression, of: Domain, scope: Scope) -> Value:
        """An expression in the form of another domain, to which its value belongs."""
        return self._as(node, of, scope)

    def choose(self, condition: Term, then: Value, otherwise: Value) -> Value:
        """One of two values of the same form."""
        either = self.words.either_value
        match then, otherwise:
            case Optional(), Optional():
                return Optional(
                    either(condition, then.absent, otherwise.absent),
                    either(condition, then.value, otherwise.value),
                )
            case Members(), Members():
                return Members(
                    lambda element: either(condition, then.has(element), otherwise.has(element))
                )
            case _:
                return either(condition, then, otherwise)

    def _constant(self, node: x.Constant) -> Value:
        domain = node.of
        match domain:
            case SetOf():
                if node.value:
                    raise refusals.numbered("a set of numbered members", node.location)
                return Members(lambda _: self.words.true(False))
            case Maybe():
                if node.value == NONE_VALUE:
                    return Optional(self.words.true(True), self._any(domain.of))
                return Optional(
                    self.words.true(False), self._constant(x.Constant(node.value, domain.of))
                )
            case Index() if not self.words.members:
                raise refusals.numbered(f"the number {node.value} of {domain.name}", node.location)
            case _:
                return self.words.constant(domain, node.value)

    def _any(self, domain: Domain) -> Term:
        """Some value: what stands beside an absent one, where nobody looks."""
        return z3.Const(f"nothing!{domain}", self.words.sort(domain))

    def _as(self, node: Expression, of: Domain, scope: Scope) -> Value:
        """A value in the form of another domain."""
        if isinstance(of, Maybe) and isinstance(node, x.Constant) and node.value == NONE_VALUE:
            return Optional(self.words.true(True), self._any(of.of))
        if isinstance(of, SetOf):
            return self.value(node, scope)
        given, value = node.domain, self.value(node, scope)
        if isinstance(of, Maybe):
            if isinstance(given, Maybe):
                return Optional(value.absent, self._converted(value.value, given.of, of.of, node))
            return Optional(self.words.true(False), self._converted(value, given, of.of, node))
        if isinstance(given, Maybe):
            return self._converted(value.value, given.of, of, node)
        return self._converted(value, given, of, node)

    def _converted(self, value: Term, given: Domain, of: Domain, node: Expression) -> Term:
        """A term as one of another sort; a number that is an enum's, or the other way round."""
        words = self.words
        match given, of:
            case (Index(), Index()) | (Bool(), Bool()) | (Range(), Range()):
                return value
            case Enum(), Enum() if given == of:
                return value
            case (Bool() | Enum(), Range()):
                return self._by_value(value, given, words.integer)
            case (Range(), Enum() | Bool()):
                chosen = words.constant(of, of.low)
                for each in range(of.low + 1, of.high + 1):
                    here = words.same(value, words.integer(each))
                    chosen = words.either_value(here, words.constant(of, each), chosen)
                return chosen
            case _:
                raise refusals.numbered("an index beside a number", node.location)

    def _by_value(self, value: Term, given: Domain, shown: Callable[[int], Term]) -> Term:
        words = self.words
        result = shown(given.high)
        for each in range(given.high - 1, given.low - 1, -1):
            here = words.same(value, words.constant(given, each))
            result = words.either_value(here, shown(each), result)
        return result

    def _equal(self, node: x.Equal, scope: Scope) -> Term:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, x.Quantified) and one.kind == "count":
                return self._exactly(one, _number(other, node), scope)
        left, right = node.left.domain, node.right.domain
        words = self.words
        if isinstance(left, SetOf) or isinstance(right, SetOf):
            a, b = self.value(node.left, scope), self.value(node.right, scope)
            of = _element(node.left if _is_sort(left) else node.right)
            return words.for_all(
                [x.Variable("member", of)], lambda e: words.same(a.has(e), b.has(e))
            )
        common = _common(left, right)
        a, b = self._as(node.left, common, scope), self._as(node.right, common, scope)
        if not isinstance(a, Optional):
            return words.same(a, b)
        there = words.both(
            [words.negation(a.absent), words.negation(b.absent), words.same(a.value, b.value)]
        )
        return words.either([words.both([a.absent, b.absent]), there])

    def _less(self, node: x.Less, scope: Scope) -> Term:
        words = self.words
        if isinstance(node.left, x.Quantified) and node.left.kind == "count":
            most = _number(node.right, node)
            return words.negation(self._at_least(node.left, most, node, scope))
        if isinstance(node.right, x.Quantified) and node.right.kind == "count":
            return self._at_least(node.right, _number(node.left, node) + 1, node, scope)
        left, right = _sort(node.left.domain), _sort(node.right.domain)
        if isinstance(left, Index) and isinstance(right, Index):
            if not left.ordered:
                raise refusals.numbered(f"an order on {left.name}", node.location)
            a, b = self._as(node.left, left, scope), self._as(node.right, right, scope)
            return words.below(left, a, b)
        if isinstance(left, Enum) and isinstance(node.right, x.Constant):
            value = self._as(node.left, left, scope)
            lower = range(left.low, min(node.right.value, left.high + 1))
            return words.either(words.same(value, words.constant(left, v)) for v in lower)
        if isinstance(right, Enum) and isinstance(node.left, x.Constant):
            value = self._as(node.right, right, scope)
            higher = range(max(node.left.value + 1, right.low), right.high + 1)
            return words.either(words.same(value, words.constant(right, v)) for v in higher)
        number = Range(0, 0)
        a, b = self._as(node.left, number, scope), self._as(node.right, number, scope)
        return a < b

    def _arithmetic(self, node: x.Arithmetic, scope: Scope) -> Term:
        number = Range(0, 0)
        a, b = self._as(node.left, number, scope), self._as(node.right, number, scope)
        match node.operator:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "//":
                return a / b
            case "%":
                return a % b
            case _:
                assert_never(node.operator)

    def _set_update(self, node: x.SetUpdate, scope: Scope) -> Members:
        before = self.value(node.members, scope)
        changed = self._as(node.element, _element(node.members), scope)
        words = self.words
        if node.present:
            return Members(lambda e: words.either([words.same(e, changed), before.has(e)]))
        return Members(
            lambda e: words.both([words.negation(words.same(e, changed)), before.has(e)])
        )

    def _quantified(self, node: x.Quantified, scope: Scope) -> Term:
        if node.kind == "count":
            raise refusals.counts(node.location)
        quantify = self.words.for_all if node.kind == "for_all" else self.words.exists
        return quantify(list(node.variables), self._body(node, scope))

    def _body(self, node: x.Quantified, scope: Scope) -> Callable[..., Term]:
        names = [v.name for v in node.variables]

        def body(*chosen: Value) -> Term:
            inner = {**scope, **dict(zip(names, chosen, strict=True))}
            return self.condition(node.body, inner)

        return body

    def _exactly(self, node: x.Quantified, number: int, scope: Scope) -> Term:
        least = self._at_least(node, number, node, scope)
        more = self._at_least(node, number + 1, node, scope)
        return self.words.both([least, self.words.negation(more)])

    def _at_least(self, node: x.Quantified, number: int, at: Expression, scope: Scope) -> Term:
        """That a count is at least a small number: so many different fillings exist."""
        words = self.words
        if number <= 0:
            return words.true(True)
        if number > MOST_COUNTED + 1:
            raise refusals.counts(at.location)
        several = [
            x.Variable(f"{v.name}{copy}", v.of) for copy in range(number) for v in node.variables
        ]
        body, width = self._body(node, scope), len(node.variables)

        def holds(*chosen: Value) -> Term:
            groups = [chosen[n * width : (n + 1) * width] for n in range(number)]
            apart = [
                words.negation(words.both(self.same_value(p, q) for p, q in zip(a, b, strict=True)))
                for n, a in enumerate(groups)
                for b in groups[:n]
            ]
            return words.both([*apart, *(body(*group) for group in groups)])

        return words.exists(several, holds)

    def same_value(self, left: Value, right: Value) -> Term:
        """Whether two values of one form are equal."""
        words = self.words
        if isinstance(left, Optional):
            there = words.both([words.negation(left.absent), words.same(left.value, right.value)])
            return words.both(
                [
                    words.same(left.absent, right.absent),
                    words.either([left.absent, there]),
                ]
            )
        return words.same(left, right)


@cache
def free_names(node: Expression) -> tuple[str, ...]:
    """The names of the variables that no quantifier in an expression binds, sorted."""
    inner = {name for child in x.children(node) for name in free_names(child)}
    if isinstance(node, x.Variable):
        inner.add(node.name)
    if isinstance(node, x.Quantified):
        inner -= {v.name for v in node.variables}
    return tuple(sorted(inner))


def _numbers(value: Value) -> tuple[int, ...]:
    """What tells a value of a variable apart from others."""
    if isinstance(value, Optional):
        return identity(value.absent), identity(value.value)
    return (identity(value),)


def _number(node: Expression, at: Expression) -> int:
    if not isinstance(node, x.Constant) or node.value > MOST_COUNTED:
        raise refusals.counts(at.location)
    return node.value


def _sort(domain: Domain) -> Domain:
    return domain.of if isinstance(domain, Maybe) else domain


def _is_sort(domain: Domain) -> bool:
    return isinstance(domain, SetOf) and domain.of.name != "EMPTY"


def _element(members: Expression) -> Index:
    domain = members.domain
    if not isinstance(domain, SetOf):
        raise TypeError(domain)
    return domain.of


def _common(left: Domain, right: Domain) -> Domain:
    """The form in which two values are compared."""
    optional = isinstance(left, Maybe) or isinstance(right, Maybe)
    a, b = _sort(left), _sort(right)
    if isinstance(left, Maybe) and left.high < 0:
        inner = b
    elif (isinstance(right, Maybe) and right.high < 0) or (
        isinstance(a, Index | Enum | Bool) and type(a) is type(b)
    ):
        inner = a
    else:
        inner = b if isinstance(a, Index) else Range(min(a.low, b.low), max(a.high, b.high))
        if isinstance(b, Index):
            inner = a
    return Maybe(inner) if optional else inner
