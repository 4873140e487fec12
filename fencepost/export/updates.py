"""Simultaneous writes as assignments one after the other.

The writes of an update all speak of the state before the step. A language that assigns one
variable at a time reads what was assigned before; what must still be read as it was is held in a
temporary first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from fencepost.core import expressions as x
from fencepost.core.domains import BOOL, Domain
from fencepost.core.expressions import Constant, Expression, Variable
from fencepost.core.folding import choose, substitute
from fencepost.core.system import System
from fencepost.core.trees import BulkWrite, Update, Write


@dataclass(frozen=True)
class Assign:
    """One cell gets a value if `where` holds."""

    field: str
    indices: tuple[Expression, ...]
    value: Expression
    where: Expression = x.TRUE


@dataclass(frozen=True)
class Sequence:
    """Temporaries to compute first, then the assignments in order."""

    held: tuple[tuple[Variable, Expression], ...]
    assignments: tuple[Assign | BulkWrite, ...]


def in_sequence(
    system: System,
    update: Update,
    temporary: Callable[[], str],
    *,
    always_held: Callable[[Assign], bool] = lambda _: False,
    hold_own_index: bool = False,
) -> Sequence:
    """The update as a sequence; `temporary` names one more temporary each time it is called.

    Bulk writes that read nothing written stay as they are; others become one assignment a cell.
    `always_held` asks for a value to be held regardless, `hold_own_index` for an index that reads
    the array it is an index of.
    """
    items: list[Assign | BulkWrite] = []
    for write in update.writes:
        if isinstance(write, Write):
            items.append(Assign(write.field, write.indices, write.value))
        elif _is_independent(write, items):
            items.append(write)
        else:
            items.extend(cell_by_cell([write]))
    held: list[tuple[Variable, Expression]] = []
    ready: list[Assign | BulkWrite] = []

    def hold(value: Expression, of: Domain) -> Variable:
        held.append((Variable(temporary(), of), value))
        return held[-1][0]

    for position, item in enumerate(items):
        if isinstance(item, Assign):
            earlier = items[:position]
            field = system.field[item.field]
            where = item.where
            if _reads_written(where, earlier):
                where = hold(where, BOOL)
            own = item.field if hold_own_index else None
            indices = tuple(
                hold(index, domain)
                if _reads_written(index, earlier) or any(r.field == own for r in _reads(index))
                else index
                for index, domain in zip(item.indices, field.indices, strict=True)
            )
            value = item.value
            if _reads_written(value, earlier) or always_held(item):
                fallback = Constant(field.domain.low, field.domain)
                value = hold(choose(where, value, fallback, field.domain), field.domain)
            item = replace(item, where=where, indices=indices, value=value)
        ready.append(item)
    return Sequence(tuple(held), tuple(ready))


def cell_by_cell(items: Iterable[Assign | BulkWrite]) -> Iterator[Assign]:
    """The items with each bulk write as one assignment a cell."""
    for item in items:
        if isinstance(item, Assign):
            yield item
            continue
        for chosen in product(*(v.of.values() for v in item.variables)):
            filled: dict[str, Expression] = {
                v.name: Constant(value, v.of)
                for v, value in zip(item.variables, chosen, strict=True)
            }
            where = substitute(item.where, filled)
            if where != x.FALSE:
                indices = (*item.indices, *filled.values())
                yield Assign(item.field, indices, substitute(item.value, filled), where)


def _is_independent(write: BulkWrite, earlier: list[Assign | BulkWrite]) -> bool:
    """Whether a loop over the cells may evaluate `where` and `value` as it goes."""
    own = (*write.indices, *write.variables)
    for part in (write.where, write.value, *write.indices):
        if _reads_written(part, earlier):
            return False
        rebound = _bound(part) & {v.name for v in write.variables}
        for read in _reads(part):
            if read.field != write.field or not _may_meet(read, write):
                continue
            if read.indices != own or rebound:
                return False
    return True


def _bound(node: Expression) -> set[str]:
    return {v.name for n in x.walk(node) if isinstance(n, x.Quantified) for v in n.variables}


def _reads_written(node: Expression, writes: list[Assign | BulkWrite]) -> bool:
    return any(
        read.field == write.field and _may_meet(read, write)
        for read in _reads(node)
        for write in writes
    )


def _reads(node: Expression) -> list[x.Read]:
    return [n for n in x.walk(node) if isinstance(n, x.Read)]


def _may_meet(read: x.Read, write: Assign | BulkWrite) -> bool:
    """Whether both may be the same cell; a bulk write gives the first indices only."""
    return not any(
        isinstance(a, Constant) and isinstance(b, Constant) and a.value != b.value
        for a, b in zip(read.indices, write.indices, strict=False)
    )
