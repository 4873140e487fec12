"""Decision trees: what an action does, as questions about the state and what follows from them.

Every expression in a tree is about the state before the step. An action's guards are decisions
whose other side is `Disabled`; there is no separate guard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, assert_never

from fencepost.core.errors import Location
from fencepost.core.expressions import Constant, Expression, Variable
from fencepost.core.folding import substitute

FaultKind = Literal["domain", "index", "none", "assert", "element", "component"]


@dataclass(frozen=True)
class Placed:
    """A part of a tree that knows its place in the source, which has no meaning."""

    location: Location | None = field(default=None, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Write(Placed):
    """One cell gets a value; indices and value are in range."""

    field: str
    indices: tuple[Expression, ...]
    value: Expression


@dataclass(frozen=True)
class BulkWrite(Placed):
    """Every cell of `field` that starts with `indices` and for whose other indices, the
    `variables`, `where` holds gets `value`. Values are in range wherever `where` holds."""

    field: str
    indices: tuple[Expression, ...]
    variables: tuple[Variable, ...]
    where: Expression
    value: Expression


@dataclass(frozen=True)
class Ending(Placed):
    """A leaf. `settled` are source conditions that were asked on the way, at places where the path
    had answered them already: they are no decisions, and yet their outcomes were taken."""

    settled: tuple[tuple[Location, bool], ...] = field(
        default=(), compare=False, repr=False, kw_only=True
    )


@dataclass(frozen=True)
class Update(Ending):
    """The step is taken; the writes happen in order, so a later one wins."""

    writes: tuple[Write | BulkWrite, ...]


@dataclass(frozen=True)
class Disabled(Ending):
    """The step is not possible here."""


@dataclass(frozen=True)
class Fault(Ending):
    """The step goes wrong here: a violation of `no_fault`.

    Kinds: `domain`, a value left its domain; `index`, an index or set member was out of range;
    `none`, `NONE` was used as a number; `assert`, an assert failed; `element`, any of these for an
    element of a quantifier or of a bulk write, placed at the quantifier; `component`, a component
    was misused.
    """

    kind: FaultKind
    message: str = field(default="", compare=False)


@dataclass(frozen=True)
class Decide(Placed):
    """Go on with `then` where the condition holds, else with `otherwise`.

    A `check` was put in by the recorder (a range check) and is no branch of the source.
    """

    condition: Expression
    then: Tree
    otherwise: Tree
    check: bool = False


Leaf = Update | Disabled | Fault
Tree = Decide | Update | Disabled | Fault


def leaves(tree: Tree) -> Iterator[Leaf]:
    """The leaves, `then` before `otherwise`: a leaf's position here is its number."""
    pending: list[Tree] = [tree]
    while pending:
        current = pending.pop()
        if isinstance(current, Decide):
            pending.extend((current.otherwise, current.then))
        else:
            yield current


def paths(tree: Tree) -> Iterator[tuple[tuple[tuple[Decide, bool], ...], Leaf]]:
    """Every leaf with the decisions that lead to it, in the order of `leaves`."""
    pending: list[tuple[Tree, tuple[tuple[Decide, bool], ...]]] = [(tree, ())]
    while pending:
        current, path = pending.pop()
        if isinstance(current, Decide):
            pending.append((current.otherwise, (*path, (current, False))))
            pending.append((current.then, (*path, (current, True))))
        else:
            yield path, current


def decisions(tree: Tree) -> Iterator[Decide]:
    """Every decision, parents first."""
    pending: list[Tree] = [tree]
    while pending:
        current = pending.pop()
        if isinstance(current, Decide):
            yield current
            pending.extend((current.otherwise, current.then))


def instantiate(tree: Tree, values: dict[str, Expression]) -> Tree:
    """The tree of one step: arguments replaced by constants, settled decisions removed.

    Leaves that survive are the same in content; their numbers are those of the new tree.
    """
    match tree:
        case Decide():
            condition = substitute(tree.condition, values)
            if isinstance(condition, Constant):
                return instantiate(tree.then if condition.value else tree.otherwise, values)
            return Decide(
                condition,
                instantiate(tree.then, values),
                instantiate(tree.otherwise, values),
                tree.check,
                location=tree.location,
            )
        case Update():
            writes = tuple(_instantiate_write(w, values) for w in tree.writes)
            return Update(writes, settled=tree.settled, location=tree.location)
        case Disabled() | Fault():
            return tree
        case _:
            assert_never(tree)


def _instantiate_write(
    write: Write | BulkWrite, values: dict[str, Expression]
) -> Write | BulkWrite:
    indices = tuple(substitute(i, values) for i in write.indices)
    if isinstance(write, Write):
        value = substitute(write.value, values)
        return Write(write.field, indices, value, location=write.location)
    return BulkWrite(
        write.field,
        indices,
        write.variables,
        substitute(write.where, values),
        substitute(write.value, values),
        location=write.location,
    )
