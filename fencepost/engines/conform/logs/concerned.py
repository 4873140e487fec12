"""For which arguments a change of a cell may make a difference.

A step or claim can only come out differently if a cell that it reads, or writes, has changed. Which
cells these are is known from its expressions: `phase[request]` is about the request that is the
cell's index, and `owner[slot_of[request]]` about the requests of which `slot_of` holds that index
now. Where an index says nothing, every filling of the arguments is taken: too many are named at
times, and too few never.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fencepost.core import expressions as x
from fencepost.core.expressions import Expression, Variable
from fencepost.core.trees import BulkWrite, Tree, Update, decisions, leaves
from fencepost.engines.conform.logs.code import Writer


@dataclass(frozen=True)
class Pattern:
    """A cell that is read or written; `hidden` are the names that a quantifier gives a value."""

    field: str
    indices: tuple[Expression, ...]
    hidden: frozenset[str] = frozenset()


def reads(node: Expression, hidden: frozenset[str] = frozenset()) -> Iterator[Pattern]:
    """Every cell that an expression may read."""
    if isinstance(node, x.Read):
        yield Pattern(node.field, node.indices, hidden)
    if isinstance(node, x.Quantified):
        hidden |= {variable.name for variable in node.variables}
    for child in x.children(node):
        yield from reads(child, hidden)


def touched(tree: Tree) -> Iterator[Pattern]:
    """Every cell that a step may read or write."""
    for decision in decisions(tree):
        yield from reads(decision.condition)
    for leaf in leaves(tree):
        if not isinstance(leaf, Update):
            continue
        for write in leaf.writes:
            variables = write.variables if isinstance(write, BulkWrite) else ()
            hidden = frozenset(variable.name for variable in variables)
            yield Pattern(write.field, (*write.indices, *variables), hidden)
            for index in write.indices:
                yield from reads(index)
            yield from reads(write.value, hidden)
            if isinstance(write, BulkWrite):
                yield from reads(write.where, hidden)


def concerned(writer: Writer, pattern: Pattern, arguments: Sequence[Variable]) -> Iterator[str]:
    """The body of a function of a `cell` of the pattern's field: every filling of the arguments for
    which the pattern may be that cell."""
    declared = writer.system.field[pattern.field]
    known = {a.name: a for a in arguments if a.name not in pattern.hidden}
    names: dict[str, str] = {}
    checks, conditions = [], []
    stride = declared.cells
    for number, (domain, index) in enumerate(zip(declared.indices, pattern.indices, strict=True)):
        stride //= domain.size
        place = f"(cell - {writer.system.offsets[pattern.field]}) // {stride} % {domain.size}"
        yield f"i{number} = {place} + {domain.low}"
        if isinstance(index, x.Constant):
            checks.append(f"i{number} != {index.value}")
        elif isinstance(index, Variable) and index.name in names:
            checks.append(f"i{number} != {names[index.name]}")
        elif isinstance(index, Variable) and index.name in known:
            names[index.name] = f"i{number}"
            of = known[index.name].of
            checks.append(f"not {of.low} <= i{number} <= {of.high}")
        elif isinstance(index, x.Read) and all(_is_plain(i, pattern, known) for i in index.indices):
            held = Variable(f"#{number}", domain)
            names[held.name] = f"i{number}"
            conditions.append(x.Equal(index, held))
    if checks:
        yield f"if {' or '.join(checks)}: return ()"
    left = [argument for argument in arguments if argument.name not in names]
    clauses, inner = writer.loops(left, conditions, names)
    filling = "".join(f"{inner[argument.name]}, " for argument in arguments)
    if clauses:
        yield f"return [({filling}) {' '.join(clauses)}]"
    else:
        yield f"return (({filling}),)"


def _is_plain(index: Expression, pattern: Pattern, known: dict[str, Variable]) -> bool:
    """Whether an index is in range by itself: an argument, or a constant."""
    if isinstance(index, Variable):
        return index.name in known and index.name not in pattern.hidden
    return isinstance(index, x.Constant)
