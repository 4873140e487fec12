"""A body as statements one after the other, with what branches have in common written once.

A recorded tree repeats on every leaf what happens on all of them; here it is put together again:
`if a: x` and then `if b: y`, rather than four leaves. This is done only where no statement reads
what one before it writes, so that order does not matter to what is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.expressions import Expression
from fencepost.core.trees import BulkWrite, Update
from fencepost.export.bodies import Body
from fencepost.export.updates import Assign, Sequence


@dataclass(frozen=True)
class If:
    """One of two blocks, by a condition on the state before the step."""

    condition: Expression
    then: Block
    otherwise: Block


Statement = Assign | BulkWrite | If
Block = tuple[Statement, ...]


def statements(tree: Body, in_sequence: Callable[[Update], Sequence]) -> Block | None:
    """The body as a block without temporaries, or None where it needs some."""
    block = _block(tree, in_sequence)
    if block is None or _reads_back(block, frozenset()) is None:
        return None
    return block


def _block(tree: Body, in_sequence: Callable[[Update], Sequence]) -> Block | None:
    if isinstance(tree, Update):
        sequence = in_sequence(tree)
        return None if sequence.held else sequence.assignments
    then = _block(tree.then, in_sequence)
    otherwise = _block(tree.otherwise, in_sequence)
    if then is None or otherwise is None:
        return None
    shorter = min(len(then), len(otherwise))
    first = 0
    while first < shorter and then[first] == otherwise[first]:
        first += 1
    last = 0
    while last < shorter - first and then[-1 - last] == otherwise[-1 - last]:
        last += 1
    ends = len(then) - last, len(otherwise) - last
    inner = then[first : ends[0]], otherwise[first : ends[1]]
    condition = tree.condition
    if not inner[0]:
        condition, inner = folding.negate(condition), (inner[1], inner[0])
    choice = (If(condition, *inner),) if inner[0] else ()
    return (*then[:first], *choice, *then[ends[0] :])


def _reads_back(block: Block, written: frozenset[str]) -> frozenset[str] | None:
    """The fields that may be written after the block; None if a condition reads one written
    before it. That no assignment does was seen to when its leaf was put in sequence."""
    for statement in block:
        if not isinstance(statement, If):
            written |= {statement.field}
            continue
        nodes = x.walk(statement.condition)
        if any(isinstance(node, x.Read) and node.field in written for node in nodes):
            return None
        then = _reads_back(statement.then, written)
        otherwise = _reads_back(statement.otherwise, written)
        if then is None or otherwise is None:
            return None
        written = then | otherwise
    return written
