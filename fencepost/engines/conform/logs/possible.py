"""The states that a system may be in, exactly, as known cells and groups of cells that are not.

A set of states of thousands of cells is held as one list of cells, most of which have the same
value in every state of the set. The others fall into groups: a group knows the joint values (rows)
that its cells may have, and the set is every combination of a row of each group. Where a step reads
a cell of a group, or writes one, it is performed once for each row of that group, and groups that
one step touches become one. So nothing is approximated: the set is the product of its groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NoReturn

from fencepost.engines.conform.logs.programs import Act

Row = tuple[int, ...]
Instance = tuple[str, tuple[int, ...]]
"""An action by name, with arguments."""


class Group:
    """Cells with the joint values they may have; `steps` are unlogged ones that may be taken in
    some of its rows."""

    def __init__(self, cells: tuple[int, ...], rows: set[Row]) -> None:
        self.cells = cells
        self.rows = rows
        self.steps: dict[Instance, None] = {}
        self.unknown = Unknown(self)


class NotKnown(Exception):
    """The value of a cell of a group was needed."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group


class Unknown:
    """What a cell of a group holds in place of a value; whatever is done with it raises."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def _needed(self, *_: Any) -> NoReturn:
        raise NotKnown(self.group)

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __index__ = _needed
    __hash__ = _needed
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __mod__ = _needed
    __rshift__ = __lshift__ = __rlshift__ = __and__ = __rand__ = __or__ = __ror__ = _needed
    __rfloordiv__ = __rmod__ = __rrshift__ = __invert__ = __neg__ = __int__ = _needed


class TooManyStates(Exception):
    """A group has more rows than the limit."""


@dataclass
class Outcome:
    """What came of something in every row of the groups that it needs: `results` beside `rows`."""

    groups: tuple[Group, ...]
    cells: tuple[int, ...]
    rows: list[Row]
    results: list[Any]


class States:
    """A set of states. `cells[i]` is a value, or the `Unknown` of the group that cell `i` is in.

    `held[i]` is None, or the map from values to cells that cell `i` is listed in.
    """

    def __init__(
        self, cells: list[Any], held: Sequence[dict[Any, set[int]] | None], limit: int
    ) -> None:
        self.cells = cells
        self.held = held
        self.limit = limit
        self.groups = 0
        for cell, value in enumerate(cells):
            self._list(cell, value)

    def _list(self, cell: int, value: Any) -> None:
        held = self.held[cell]
        if held is not None:
            held.setdefault(None if value.__class__ is Unknown else value, set()).add(cell)

    def put(self, cell: int, value: Any) -> None:
        """Give a cell a value, or that of a group."""
        held = self.held[cell]
        if held is not None:
            before = self.cells[cell]
            held[None if before.__class__ is Unknown else before].discard(cell)
            self._list(cell, value)
        self.cells[cell] = value

    def evaluate(self, run: Act, arguments: Iterable[int]) -> Outcome:
        """What a function of the cells gives, in every row of the groups that it needs.

        Of a step, the groups of the cells that it writes are among them.
        """
        groups: dict[int, Group] = {}
        while True:
            cells = tuple(cell for group in groups.values() for cell in group.cells)
            rows = list(self._rows(tuple(groups.values())))
            try:
                results = []
                for row in rows:
                    for cell, value in zip(cells, row, strict=True):
                        self.put(cell, value)
                    result = run(*arguments)
                    if result.__class__ is list and self.groups:
                        self._check_known(result)
                    results.append(result)
                return Outcome(tuple(groups.values()), cells, rows, results)
            except NotKnown as needed:
                groups[id(needed.group)] = needed.group
            finally:
                for group in groups.values():
                    for cell in group.cells:
                        self.put(cell, group.unknown)

    def _check_known(self, written: list[Any]) -> None:
        cells = self.cells
        for place in range(0, len(written), 2):
            before, value = cells[written[place]], written[place + 1]
            if before.__class__ is Unknown:
                raise NotKnown(before.group)
            if value.__class__ is Unknown:
                raise NotKnown(value.group)

    def _rows(self, groups: Sequence[Group]) -> Iterator[Row]:
        count = 1
        for group in groups:
            count *= len(group.rows)
        if count > self.limit:
            raise TooManyStates
        for rows in product(*(sorted(group.rows) for group in groups)):
            yield tuple(value for row in rows for value in row)

    def take(self, outcome: Outcome) -> list[int]:
        """Take a step wherever it can be taken, and drop the states where it cannot; the cells that
        this may have changed. The step can be taken somewhere."""
        if not outcome.groups:
            return self.write(outcome.results[0])
        cells, taken = self._after(outcome)
        self.replace(outcome.groups, cells, {after for _, after in taken})
        return list(cells)

    def add(self, step: Instance, outcome: Outcome) -> tuple[list[int], list[Instance]]:
        """Take a step wherever it can be taken, and keep the states before it, too; the cells that
        have new values by it, and the steps to be tried again."""
        if not any(result.__class__ is list for result in outcome.results):
            return [], []
        cells, taken = self._after(outcome)
        known = tuple(self.cells[cell] for cell in cells[len(outcome.cells) :])
        before = {row + known for row in outcome.rows}
        new = [(old, after) for old, after in taken if after not in before]
        if not new:
            for group in outcome.groups:
                group.steps[step] = None
            return [], []
        rows = before | {after for _, after in new}
        if len(rows) > self.limit:
            raise TooManyStates
        again = [*self._steps(outcome.groups), step]
        group = self._join(outcome.groups, cells, rows)
        group.steps = dict.fromkeys(again)
        changed = {
            cell
            for old, after in new
            for cell, was, is_now in zip(cells, old, after, strict=True)
            if was != is_now
        }
        return sorted(changed), again

    def _after(self, outcome: Outcome) -> tuple[tuple[int, ...], list[tuple[Row, Row]]]:
        """The cells that a step is about, and their values before and after it, row by row."""
        places = {cell: place for place, cell in enumerate(outcome.cells)}
        for result in outcome.results:
            if result.__class__ is list:
                for cell in result[::2]:
                    places.setdefault(cell, len(places))
        cells = tuple(places)
        known = [self.cells[cell] for cell in cells[len(outcome.cells) :]]
        taken = []
        for row, result in zip(outcome.rows, outcome.results, strict=True):
            if result.__class__ is list:
                before = [*row, *known]
                after = before.copy()
                for place in range(0, len(result), 2):
                    after[places[result[place]]] = int(result[place + 1])
                taken.append((tuple(before), tuple(after)))
        return cells, taken

    def write(self, written: list[Any]) -> list[int]:
        """Write known cells; those that change."""
        changed = []
        cells, held = self.cells, self.held
        for place in range(0, len(written), 2):
            cell, value = written[place], written[place + 1]
            if cells[cell] != value:
                if held[cell] is None:
                    cells[cell] = int(value)
                else:
                    self.put(cell, int(value))
                changed.append(cell)
        return changed

    def restrict(self, outcome: Outcome) -> list[int]:
        """Keep the rows in which a condition holds (there are some); the cells that it reads."""
        rows = {row for row, kept in zip(outcome.rows, outcome.results, strict=True) if kept}
        if len(rows) < len(outcome.rows):
            self.replace(outcome.groups, outcome.cells, rows)
        return list(outcome.cells)

    def _steps(self, groups: Iterable[Group]) -> list[Instance]:
        return [step for group in groups for step in group.steps]

    def _join(self, groups: Sequence[Group], cells: tuple[int, ...], rows: set[Row]) -> Group:
        group = Group(cells, rows)
        for cell in cells:
            self.put(cell, group.unknown)
        self.groups += 1 - len(groups)
        return group

    def replace(self, groups: Sequence[Group], cells: tuple[int, ...], rows: set[Row]) -> None:
        """Put rows in place of groups: what all rows agree on is known, and what does not depend on
        each other becomes groups of their own."""
        self.groups -= len(groups)
        columns = list(zip(*rows, strict=True))
        left = []
        for place, column in enumerate(columns):
            if len(set(column)) == 1:
                self.put(cells[place], column[0])
            else:
                left.append(place)
        for part in _independent(left, columns):
            held = {tuple(values) for values in zip(*(columns[p] for p in part), strict=True)}
            self._join((), tuple(cells[place] for place in part), held)


def _independent(places: list[int], columns: list[tuple[int, ...]]) -> list[list[int]]:
    """The columns in parts of which the rows are the product; all of them as one where the parts
    found by looking at pairs are not."""
    if not places:
        return []
    values = {place: len(set(columns[place])) for place in places}
    parts: list[list[int]] = []
    for place in places:
        tied = [
            part
            for part in parts
            if any(
                len(set(zip(columns[place], columns[other], strict=True)))
                < values[place] * values[other]
                for other in part
            )
        ]
        parts = [part for part in parts if part not in tied]
        parts.append([place, *(other for part in tied for other in part)])
    combinations = 1
    for part in parts:
        combinations *= len(set(zip(*(columns[p] for p in part), strict=True)))
    total = len(set(zip(*(columns[p] for p in places), strict=True)))
    return parts if combinations == total else [places]
