"""A system at one design: barriers become constants, and what they settle is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.expressions import Expression
from fencepost.core.system import Action, System
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Tree, Update, Write


def fixed_condition(node: Expression, barriers: frozenset[str]) -> Expression:
    """An expression with barriers as constants."""
    if isinstance(node, x.BarrierOn):
        return x.TRUE if node.name in barriers else x.FALSE
    return folding.rebuild(node, lambda child: fixed_condition(child, barriers))


def fix_barriers(system: System, barriers: frozenset[str]) -> System:
    """The system of one design, with no barrier in any expression."""

    def fixed(node: Expression) -> Expression:
        return fixed_condition(node, barriers)

    def write(written: Write | BulkWrite) -> Write | BulkWrite:
        indices = tuple(fixed(i) for i in written.indices)
        value = fixed(written.value)
        if isinstance(written, Write):
            return replace(written, indices=indices, value=value)
        return replace(written, indices=indices, value=value, where=fixed(written.where))

    def tree(given: Tree) -> Tree:
        match given:
            case Decide():
                condition = fixed(given.condition)
                if isinstance(condition, x.Constant):
                    return tree(given.then if condition.value else given.otherwise)
                return replace(
                    given,
                    condition=condition,
                    then=tree(given.then),
                    otherwise=tree(given.otherwise),
                )
            case Update():
                return replace(given, writes=tuple(write(w) for w in given.writes))
            case Disabled() | Fault():
                return given
            case _:
                assert_never(given)

    def action(given: Action) -> Action:
        return replace(given, tree=tree(given.tree))

    return replace(
        system,
        initial=fixed(system.initial),
        final=fixed(system.final),
        actions=tuple(action(a) for a in system.actions),
        properties=tuple(
            replace(p, condition=fixed(p.condition), fault=fixed(p.fault))
            for p in system.properties
        ),
        lemmas=tuple(
            replace(p, condition=fixed(p.condition), fault=fixed(p.fault)) for p in system.lemmas
        ),
    )
