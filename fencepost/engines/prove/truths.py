"""Truth values that are known or terms of the solver, and choices: a value with the truth of each.

What is known is folded at once, so the solver sees only what a state leaves open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import z3

from fencepost.engines.prove import raw

Truth: TypeAlias = bool | Any
"""True, False, or a Boolean term."""
Choices: TypeAlias = dict[int, Truth]
"""The values that an expression may have, with the truth of each: exactly one of them holds."""

MOST_IN_PAIRS = 12


def all_of(truths: Iterable[Truth]) -> Truth:
    """Whether all hold."""
    open_: list[Any] = []
    for truth in truths:
        if truth is False:
            return False
        if truth is not True:
            open_.append(truth)
    if not open_:
        return True
    return open_[0] if len(open_) == 1 else raw.conjunction(open_)


def any_of(truths: Iterable[Truth]) -> Truth:
    """Whether one holds."""
    open_: list[Any] = []
    for truth in truths:
        if truth is True:
            return True
        if truth is not False:
            open_.append(truth)
    if not open_:
        return False
    return open_[0] if len(open_) == 1 else raw.disjunction(open_)


def negation(truth: Truth) -> Truth:
    """Whether it does not hold."""
    return not truth if isinstance(truth, bool) else raw.negation(truth)


def choice(condition: Truth, then: Choices, otherwise: Choices) -> Choices:
    """The values of `then` where a condition holds, those of `otherwise` elsewhere."""
    if condition is True or then is otherwise:
        return then
    if condition is False:
        return otherwise
    unless = negation(condition)
    both = {
        value: any_of(
            (
                all_of((condition, then.get(value, False))),
                all_of((unless, otherwise.get(value, False))),
            )
        )
        for value in {**then, **otherwise}
    }
    return {value: truth for value, truth in both.items() if truth is not False}


def same(left: Choices, right: Choices) -> Truth:
    """Whether two choices have one value."""
    return any_of(all_of((truth, right[value])) for value, truth in left.items() if value in right)


def at_most_one(terms: Sequence[Any]) -> list[Any]:
    """No two hold: pair by pair where they are few, which a solver propagates fastest."""
    if len(terms) <= MOST_IN_PAIRS:
        return [
            raw.disjunction([raw.negation(a), raw.negation(b)]) for a, b in combinations(terms, 2)
        ]
    return [z3.AtMost(*terms, 1)]
