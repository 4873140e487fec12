"""Checks put back into a tree that was edited, so that what goes wrong in it is a fault.

A recorded tree has a check only where the path had not settled it already. An edit may take away
what settled it; then an index or a value may be out of range where nobody looks. Here every place
is checked that the path does not settle, and the checks of places that are fine never fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core.domains import Domain, Range
from fencepost.core.expressions import TRUE, Constant, Expression, Quantified
from fencepost.core.folding import (
    conjunction,
    disjunction,
    equal,
    less,
    negate,
    quantified,
    rebuild,
)
from fencepost.core.system import Field, System
from fencepost.core.trees import BulkWrite, Decide, Fault, Tree, Update, Write

OUT_OF_RANGE = "an index or a value is out of range"

Settled = frozenset[Expression]


def checked(system: System, tree: Tree, settled: Settled = frozenset()) -> Tree:
    """The tree with a check in front of whatever could go wrong in it unseen."""
    match tree:
        case Decide():
            needed = _open(defined(system, tree.condition), settled)
            known = settled.union(_plain(part) for part in needed)
            holds = known.union(_plain(part) for part in _parts(tree.condition))
            fails = known.union(_plain(part) for part in _parts(negate(tree.condition)))
            inner: Tree = Decide(
                tree.condition,
                checked(system, tree.then, holds),
                checked(system, tree.otherwise, fails),
                tree.check,
                location=tree.location,
            )
        case Update():
            needed = _open(
                conjunction([_write_defined(system, write) for write in tree.writes]), settled
            )
            inner = tree
        case _:
            return tree
    if not needed:
        return inner
    fault = Fault("index", OUT_OF_RANGE, location=tree.location)
    return Decide(conjunction(needed), inner, fault, check=True, location=tree.location)


def _open(condition: Expression, settled: Settled) -> list[Expression]:
    return [part for part in _parts(condition) if _plain(part) not in settled]


def _plain(node: Expression) -> Expression:
    """An expression whose constants say nothing of what they are compared with, as a key."""
    if isinstance(node, Constant):
        return _number(node.value)
    return rebuild(node, _plain)


def _parts(condition: Expression) -> Iterable[Expression]:
    if condition == TRUE:
        return ()
    return condition.operands if isinstance(condition, x.And) else (condition,)


def defined(system: System, node: Expression) -> Expression:
    """The condition for an expression to have a value, evaluated left to right as Python does."""
    match node:
        case x.Constant() | x.Variable() | x.BarrierOn():
            return TRUE
        case x.Read():
            within = _indices_fit(system.field[node.field], node.indices)
            return conjunction([*_all(system, node.indices), within])
        case x.And():
            return _in_turn(system, node.operands, going_on=True)
        case x.Or():
            return _in_turn(system, node.operands, going_on=False)
        case x.Choose():
            branches = (
                _implies(node.condition, defined(system, node.then)),
                _implies(negate(node.condition), defined(system, node.otherwise)),
            )
            return conjunction([defined(system, node.condition), *branches])
        case x.Contains() | x.SetUpdate():
            members = node.members.domain
            most = max(0, members.high.bit_length() - 1)
            fits = _fits(node.element, Range(0, most))
            return conjunction([*_all(system, (node.members, node.element)), fits])
        case x.Arithmetic():
            sides = (node.left, node.right)
            natural = _at_least(node.left, 0) if node.operator in ("//", "%") else TRUE
            return conjunction([*_all(system, sides), natural])
        case x.Not() | x.Equal() | x.Less():
            return conjunction(_all(system, x.children(node)))
        case Quantified():
            return quantified("for_all", node.variables, defined(system, node.body))
        case _:
            assert_never(node)


def _all(system: System, nodes: Iterable[Expression]) -> list[Expression]:
    return [defined(system, node) for node in nodes]


def _in_turn(system: System, operands: tuple[Expression, ...], *, going_on: bool) -> Expression:
    """Each operand has to be defined only if all before it let the evaluation go on."""
    result: Expression = TRUE
    for operand in reversed(operands):
        goes_on = operand if going_on else negate(operand)
        result = conjunction([defined(system, operand), _implies(goes_on, result)])
    return result


def _implies(condition: Expression, then: Expression) -> Expression:
    return TRUE if then == TRUE else disjunction([negate(condition), then])


def _indices_fit(field: Field, indices: tuple[Expression, ...]) -> Expression:
    pairs = zip(indices, field.indices, strict=False)
    return conjunction([_fits(index, domain) for index, domain in pairs])


def _fits(node: Expression, domain: Domain) -> Expression:
    """The condition for a value to be one of a domain."""
    low, high = node.domain.low, node.domain.high
    upper = TRUE if high <= domain.high else negate(less(_number(domain.high), node))
    if low == domain.low - 1 and high >= domain.low:
        return conjunction([negate(equal(node, Constant(low, node.domain))), upper])
    return conjunction([_at_least(node, domain.low), upper])


def _at_least(node: Expression, least: int) -> Expression:
    return TRUE if node.domain.low >= least else negate(less(node, _number(least)))


def _number(value: int) -> Expression:
    return Constant(value, Range(value, value))


def _write_defined(system: System, write: Write | BulkWrite) -> Expression:
    field = system.field[write.field]
    indices = conjunction([*_all(system, write.indices), _indices_fit(field, write.indices)])
    value = conjunction([defined(system, write.value), _fits(write.value, field.domain)])
    if isinstance(write, Write):
        return conjunction([indices, value])
    chosen = conjunction([defined(system, write.where), _implies(write.where, value)])
    return conjunction([indices, quantified("for_all", write.variables, chosen)])
