"""Which barriers are proved to take steps away and to do nothing else.

With such a barrier on, every step does in every state what it does with the barrier off, or it has
no successor. So whatever can be reached with it can be reached without it, and a `reachable` that
is lost stays lost when such barriers are added. The proof compares decision trees; where it does
not succeed, nothing is claimed.
"""

from __future__ import annotations

from fencepost.analyses.consulted import barriers_in
from fencepost.core.domains import BOOL
from fencepost.core.expressions import BarrierOn, Constant, Expression, Not
from fencepost.core.folding import rebuild
from fencepost.core.remembered import Remembered
from fencepost.core.system import System
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Tree, Update, Write

MOST_COMPARISONS = 20_000

Settled = dict[Expression, bool]


@Remembered
def restricting(system: System) -> frozenset[str]:
    """The barriers that only take steps away, whatever the other barriers are."""
    elsewhere = barriers_in(
        (system.initial, tuple(p for p in system.properties if p.kind == "reachable"))
    )
    return frozenset(
        barrier.name
        for barrier in system.barriers
        if barrier.name not in elsewhere
        and all(only_disables(action.tree, barrier.name) for action in system.actions)
    )


def only_disables(tree: Tree, barrier: str) -> bool:
    """Whether a tree with a barrier on leads where it leads with the barrier off, or nowhere."""
    if barrier not in barriers_in(tree):
        return True
    return _Comparison().restricts(
        switched(tree, barrier, on=True), switched(tree, barrier, on=False), {}
    )


class _Comparison:
    def __init__(self) -> None:
        self.left = MOST_COMPARISONS

    def restricts(self, on: Tree, off: Tree, settled: Settled) -> bool:
        """Whether `on` ends in nothing or as `off` does, where these conditions are settled."""
        self.left -= 1
        if self.left < 0:
            return False
        on, off = _follow(on, settled), _follow(off, settled)
        if isinstance(on, Disabled | Fault) or on == off:
            return True
        split = on if isinstance(on, Decide) else off
        if not isinstance(split, Decide):
            return False
        condition, positive = _plain(split.condition)
        branches = (split.then, split.otherwise)
        for branch, outcome in zip(branches, (positive, not positive), strict=True):
            known = {**settled, condition: outcome}
            pair = (branch, off) if split is on else (on, branch)
            if not self.restricts(*pair, known):
                return False
        return True


def _follow(tree: Tree, settled: Settled) -> Tree:
    while isinstance(tree, Decide):
        condition, positive = _plain(tree.condition)
        if condition not in settled:
            break
        tree = tree.then if settled[condition] == positive else tree.otherwise
    return tree


def _plain(condition: Expression) -> tuple[Expression, bool]:
    """A condition without its negation, and whether it had none."""
    if isinstance(condition, Not):
        return condition.operand, False
    return condition, True


def switched(tree: Tree, barrier: str, *, on: bool) -> Tree:
    """A tree with one barrier on or off for good; decisions about it are gone."""

    def fix(node: Expression) -> Expression:
        if isinstance(node, BarrierOn) and node.name == barrier:
            return Constant(int(on), BOOL)
        return rebuild(node, fix)

    match tree:
        case Decide():
            condition = fix(tree.condition)
            if isinstance(condition, Constant):
                return switched(tree.then if condition.value else tree.otherwise, barrier, on=on)
            then = switched(tree.then, barrier, on=on)
            return Decide(condition, then, switched(tree.otherwise, barrier, on=on), tree.check)
        case Update():
            writes: list[Write | BulkWrite] = []
            for write in tree.writes:
                indices = tuple(fix(i) for i in write.indices)
                if isinstance(write, Write):
                    writes.append(Write(write.field, indices, fix(write.value)))
                else:
                    where, value = fix(write.where), fix(write.value)
                    writes.append(BulkWrite(write.field, indices, write.variables, where, value))
            return Update(tuple(writes))
        case _:
            return tree
