"""A decision tree as a guard and a body: what enables a step, and what it does when enabled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from fencepost.core.domains import BOOL
from fencepost.core.expressions import FALSE, TRUE, And, Expression
from fencepost.core.folding import choose, conjunction
from fencepost.core.trees import Decide, Disabled, Fault, Tree, Update


@dataclass(frozen=True)
class Branch:
    """A decision between two bodies."""

    condition: Expression
    then: Body
    otherwise: Body


Body = Branch | Update


def guard(tree: Tree) -> Expression:
    """Where the step is neither disabled nor faulting.

    It asks the tree's questions in the tree's order, so a reader that stops early never evaluates
    what a range check keeps out.
    """
    match tree:
        case Decide():
            return _either(tree.condition, guard(tree.then), guard(tree.otherwise))
        case Update():
            return TRUE
        case Disabled() | Fault():
            return FALSE
        case _:
            assert_never(tree)


def _either(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    """One of two guards by a condition; what both end with is asked once, after it."""
    ours, theirs = _operands(then), _operands(otherwise)
    last = 0
    if FALSE not in (then, otherwise):
        while last < min(len(ours), len(theirs)) and ours[-1 - last] == theirs[-1 - last]:
            last += 1
    both = ours[len(ours) - last :]
    rest = conjunction(ours[: len(ours) - last]), conjunction(theirs[: len(theirs) - last])
    return conjunction([choose(condition, *rest, BOOL), *both])


def _operands(condition: Expression) -> list[Expression]:
    if condition == TRUE:
        return []
    return list(condition.operands) if isinstance(condition, And) else [condition]


def body(tree: Tree) -> Body | None:
    """What a step does where its guard holds: the tree's updates; None if it has none."""
    match tree:
        case Decide():
            then, otherwise = body(tree.then), body(tree.otherwise)
            if then is None or otherwise is None or then == otherwise:
                return otherwise if then is None else then
            return Branch(tree.condition, then, otherwise)
        case Update():
            return tree
        case Disabled() | Fault():
            return None
        case _:
            assert_never(tree)
