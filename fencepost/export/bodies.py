"""A decision tree as a guard and a body: what enables a step, and what it does when enabled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from fencepost.core.domains import BOOL
from fencepost.core.expressions import FALSE, TRUE, Expression, choose
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
            return choose(tree.condition, guard(tree.then), guard(tree.otherwise), BOOL)
        case Update():
            return TRUE
        case Disabled() | Fault():
            return FALSE
        case _:
            assert_never(tree)


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
