"""Expressions and decision trees as text that reads like the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import Bool, Domain, Enum, Index, Maybe, SetOf
from fencepost.core.expressions import Expression
from fencepost.core.trees import BulkWrite, Disabled, Fault, Tree, Update, Write

INDENT = "  "


def show(node: Expression, like: Domain | None = None) -> str:
    """An expression as a person would write it; `like` is the domain it is compared with."""
    match node:
        case x.Constant():
            return (like if _names_values(like) and like else node.of).show(node.value)
        case x.Variable() | x.BarrierOn():
            return node.name
        case x.Read():
            inside = ", ".join(show(index) for index in node.indices)
            return f"{node.field}[{inside}]" if node.indices else node.field
        case x.Not(x.Equal(left, right)):
            return _compared(left, "!=", right)
        case x.Not(x.Less(x.Constant() as left, right)):
            return _compared(right, "<=", left)
        case x.Not(x.Less(left, right)):
            return _compared(left, ">=", right)
        case x.Not(x.Contains(members, element)):
            return f"{_tight(element)} not in {_tight(members)}"
        case x.Not():
            return f"not {_tight(node.operand)}"
        case x.And():
            return " and ".join(_operand(operand) for operand in node.operands)
        case x.Or():
            return " or ".join(_operand(operand) for operand in node.operands)
        case x.Equal():
            return _compared(node.left, "==", node.right)
        case x.Less(x.Constant() as left, right):
            return _compared(right, ">", left)
        case x.Less():
            return _compared(node.left, "<", node.right)
        case x.Arithmetic():
            return f"{_tight(node.left)} {node.operator} {_tight(node.right)}"
        case x.Choose():
            condition, then = show(node.condition), show(node.then, node.of)
            return f"choose({condition}, {then}, {show(node.otherwise, node.of)})"
        case x.Contains():
            return f"{_tight(node.element)} in {_tight(node.members)}"
        case x.SetUpdate():
            sign = "+" if node.present else "-"
            return f"{_tight(node.members)} {sign} {{{show(node.element)}}}"
        case x.Quantified():
            bound = ", ".join(f"{v.name}: {show_domain(v.of)}" for v in node.variables)
            return f"{node.kind}({bound} | {show(node.body)})"
        case _:
            assert_never(node)


def _names_values(domain: Domain | None) -> bool:
    return isinstance(domain, Enum | Maybe)


def _compared(left: Expression, sign: str, right: Expression) -> str:
    sides = (_side(left, right.domain), _side(right, left.domain))
    return f" {sign} ".join(sides)


def _side(node: Expression, like: Domain) -> str:
    """One side of a comparison, which binds weaker than arithmetic."""
    return show(node) if isinstance(node, x.Arithmetic) else _tight(node, like)


def _operand(node: Expression) -> str:
    """One operand of `and` or `or`, which bind weaker than `not`."""
    return show(node) if isinstance(node, x.Not | x.Contains) else _tight(node)


def _tight(node: Expression, like: Domain | None = None) -> str:
    """An operand, in parentheses where it would be read wrongly without."""
    text = show(node, like)
    match node:
        case (
            x.Constant()
            | x.Variable()
            | x.BarrierOn()
            | x.Read()
            | x.Choose()
            | x.Quantified()
            | x.Equal()
            | x.Less()
        ):
            return text
        case _:
            return f"({text})"


def show_domain(domain: Domain) -> str:
    """A domain by its name, or by its values."""
    match domain:
        case Maybe():
            return f"Maybe({show_domain(domain.of)})"
        case SetOf():
            return f"SetOf({show_domain(domain.of)})"
        case Index() | Enum():
            return domain.name
        case Bool():
            return "bool"
        case _:
            return f"{domain.low}..{domain.high}"


def tree_lines(tree: Tree, depth: int = 0) -> Iterator[str]:
    """A decision tree, a line a decision or write; guards and checks take one line each."""
    pad = INDENT * depth
    match tree:
        case Disabled():
            yield f"{pad}disabled"
        case Fault():
            yield f"{pad}{_fault(tree)}"
        case Update():
            if not tree.writes:
                yield f"{pad}(nothing changes)"
            for write in tree.writes:
                yield pad + _write(write)
        case _:
            condition = show(tree.condition)
            if isinstance(tree.otherwise, Disabled):
                yield f"{pad}require {condition}"
                yield from tree_lines(tree.then, depth)
            elif isinstance(tree.then, Disabled):
                yield f"{pad}require {show(folding.negate(tree.condition))}"
                yield from tree_lines(tree.otherwise, depth)
            elif isinstance(tree.otherwise, Fault):
                yield f"{pad}check {condition}, else {_fault(tree.otherwise)}"
                yield from tree_lines(tree.then, depth)
            else:
                yield f"{pad}if {condition}:"
                yield from tree_lines(tree.then, depth + 1)
                yield f"{pad}else:"
                yield from tree_lines(tree.otherwise, depth + 1)


def _fault(fault: Fault) -> str:
    place = f" (line {fault.location.line})" if fault.location else ""
    return f"FAULT {fault.kind}{place}"


def _write(write: Write | BulkWrite) -> str:
    inside = [show(index) for index in write.indices]
    if isinstance(write, BulkWrite):
        inside += [variable.name for variable in write.variables]
    target = f"{write.field}[{', '.join(inside)}]" if inside else write.field
    like = write.value.domain
    text = f"{target} := {show(write.value, like)}"
    if isinstance(write, BulkWrite):
        bound = ", ".join(f"{v.name}: {show_domain(v.of)}" for v in write.variables)
        text += f" for all {bound}"
        if write.where != x.TRUE:
            text += f" where {show(write.where)}"
    return text
