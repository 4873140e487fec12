"""Building expressions with constants folded, and putting expressions in place of variables.

These constructors keep the meaning exactly; nothing else may simplify.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from fencepost.core.domains import BOOL, UNBOUNDED, Domain, Index, Range
from fencepost.core.errors import Location
from fencepost.core.expressions import (
    FALSE,
    TRUE,
    And,
    Arithmetic,
    BarrierOn,
    Choose,
    Constant,
    Contains,
    Equal,
    Expression,
    Less,
    Not,
    Operator,
    Or,
    Quantified,
    QuantifierKind,
    Read,
    SetUpdate,
    Variable,
    walk,
)


def substitute(node: Expression, values: dict[str, Expression]) -> Expression:
    """Put expressions in place of free variables; bound variables that clash are renamed."""
    if not values:
        return node

    def into(child: Expression) -> Expression:
        return substitute(child, values)

    match node:
        case Variable():
            return values.get(node.name, node)
        case Quantified():
            return _substitute_under(node, values)
        case _:
            return rebuild(node, into)


def _substitute_under(node: Quantified, values: dict[str, Expression]) -> Expression:
    bound = {variable.name for variable in node.variables}
    values = {name: value for name, value in values.items() if name not in bound}
    arriving = {n.name for value in values.values() for n in walk(value) if isinstance(n, Variable)}
    within = {n.name for n in walk(node.body) if isinstance(n, Variable)} | bound
    variables = []
    for variable in node.variables:
        name = variable.name
        while name in arriving or (name != variable.name and name in within):
            name += "_"
        if name != variable.name:
            within = within | {name}
            renamed = Variable(name, variable.of)
            values = values | {variable.name: renamed}
            variable = renamed
        variables.append(variable)
    body = substitute(node.body, values)
    return Quantified(node.kind, tuple(variables), body, location=node.location)


def rebuild(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The node with every direct operand replaced by `change(operand)`, folded where it can be."""
    at = node.location
    match node:
        case Constant() | Variable() | BarrierOn():
            return node
        case Read():
            indices = tuple(change(i) for i in node.indices)
            return Read(node.field, indices, node.of, location=at)
        case Not():
            return negate(change(node.operand), at)
        case And():
            return conjunction([change(o) for o in node.operands], at)
        case Or():
            return disjunction([change(o) for o in node.operands], at)
        case Equal():
            return equal(change(node.left), change(node.right), at)
        case Less():
            return less(change(node.left), change(node.right), at)
        case Arithmetic():
            return arithmetic(node.operator, change(node.left), change(node.right), at)
        case Choose():
            return choose(
                change(node.condition), change(node.then), change(node.otherwise), node.of, at
            )
        case Contains():
            return contains(change(node.members), change(node.element), at)
        case SetUpdate():
            return set_update(change(node.members), change(node.element), node.present, at)
        case Quantified():
            return quantified(node.kind, node.variables, change(node.body), at)
        case _:
            assert_never(node)


def negate(operand: Expression, at: Location | None = None) -> Expression:
    """`not`: two of them cancel."""
    match operand:
        case Constant():
            return FALSE if operand.value else TRUE
        case Not():
            return operand.operand
        case _:
            return Not(operand, location=at)


def conjunction(operands: list[Expression], at: Location | None = None) -> Expression:
    """`and` of any number of conditions: flat, without what is true or said twice."""
    kept: list[Expression] = []
    for operand in operands:
        parts = operand.operands if isinstance(operand, And) else (operand,)
        for part in parts:
            if isinstance(part, Constant):
                if not part.value:
                    return FALSE
            elif part not in kept:
                kept.append(part)
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else And(tuple(kept), location=at)


def disjunction(operands: list[Expression], at: Location | None = None) -> Expression:
    """`or` of any number of conditions: flat, without what is false or said twice."""
    kept: list[Expression] = []
    for operand in operands:
        parts = operand.operands if isinstance(operand, Or) else (operand,)
        for part in parts:
            if isinstance(part, Constant):
                if part.value:
                    return TRUE
            elif part not in kept:
                kept.append(part)
    if not kept:
        return FALSE
    return kept[0] if len(kept) == 1 else Or(tuple(kept), location=at)


def equal(left: Expression, right: Expression, at: Location | None = None) -> Expression:
    """`==`: settled where both sides are the same, or have no value in common."""
    if left == right:
        return TRUE
    if isinstance(left, Constant) and isinstance(right, Constant):
        return TRUE if left.value == right.value else FALSE
    if left.domain.high < right.domain.low or right.domain.high < left.domain.low:
        return FALSE
    return Equal(left, right, location=at)


def less(left: Expression, right: Expression, at: Location | None = None) -> Expression:
    """`<`: settled where the intervals of both sides tell."""
    if left.domain.high < right.domain.low:
        return TRUE
    if left.domain.low >= right.domain.high or left == right:
        return FALSE
    return Less(left, right, location=at)


def calculate(operator: Operator, left: int, right: int) -> int:
    """The integer an operator gives."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
        case _:
            assert_never(operator)


def arithmetic(
    operator: Operator, left: Expression, right: Expression, at: Location | None = None
) -> Expression:
    """An operator on two integers: calculated where both are known."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        value = calculate(operator, left.value, right.value)
        return Constant(value, Range(value, value), location=at)
    return Arithmetic(operator, left, right, location=at)


def choose(
    condition: Expression,
    then: Expression,
    otherwise: Expression,
    of: Domain,
    at: Location | None = None,
) -> Expression:
    """One of two values: settled where the condition is, or both are the same."""
    if isinstance(condition, Constant):
        return then if condition.value else otherwise
    if then == otherwise:
        return then
    if of == BOOL:
        if then == TRUE:
            return disjunction([condition, otherwise], at)
        if then == FALSE:
            return conjunction([negate(condition), otherwise], at)
        if otherwise == TRUE:
            return disjunction([negate(condition), then], at)
        if otherwise == FALSE:
            return conjunction([condition, then], at)
    return Choose(condition, then, otherwise, of, location=at)


def contains(members: Expression, element: Expression, at: Location | None = None) -> Expression:
    """Whether an element is in a set: settled where both are known."""
    if isinstance(members, Constant) and isinstance(element, Constant) and element.value >= 0:
        return TRUE if members.value >> element.value & 1 else FALSE
    return Contains(members, element, location=at)


def set_update(
    members: Expression, element: Expression, present: bool, at: Location | None = None
) -> Expression:
    """A set with an element, or without it: calculated where both are known."""
    if isinstance(members, Constant) and isinstance(element, Constant) and element.value >= 0:
        bit = 1 << element.value
        value = members.value | bit if present else members.value & ~bit
        return Constant(value, members.of, location=at)
    return SetUpdate(members, element, present, location=at)


def _is_unbounded(domain: Domain) -> bool:
    return isinstance(domain, Index) and domain.count >= UNBOUNDED


def quantified(
    kind: QuantifierKind,
    variables: tuple[Variable, ...],
    body: Expression,
    at: Location | None = None,
) -> Expression:
    """A quantifier or a count: settled where its body is the same for every value."""
    if isinstance(body, Constant):
        if kind != "count":
            return body
        if body.value and any(_is_unbounded(variable.of) for variable in variables):
            # How many members there are is a size, and what is recorded for any size knows none.
            return Quantified(kind, variables, body, location=at)
        most = 1
        for variable in variables:
            most *= variable.of.size
        value = most if body.value else 0
        return Constant(value, Range(value, value), location=at)
    return Quantified(kind, variables, body, location=at)
