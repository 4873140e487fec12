"""The states that a system may be in, exactly, as known cells and groups of cells that are not.

A set of states of thousands of cells is held as one list of cells, most of which have the same
value in every state of the set. The others fall into groups: a group knows the joint values (rows)
that its cells may have, and the set is every combination of a row of each group. Where a step reads
a cell of a group, or writes one, it is performed once for each row of that group, and groups that
one step touches become one. So nothing is approximated: the set is the product of its groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NoReturn

from fencepost.engines.conform.logs.programs import Act

Row = tuple[int, ...]
Instance = tuple[str, tuple[int, ...]]
"""An action by name, with arguments."""


class Group:
    """Cells with the joint values they may have.

    `tried` are the unlogged steps that may be taken in some of its rows, each with the rows in
    which it was tried and gave nothing that is not among them.
    """

    def __init__(self, cells: tuple[int, ...], rows: set[Row]) -> None:
        self.cells = cells
        self.rows = rows
        self.tried: dict[Instance, set[Row]] = {}
        self._values: dict[int, frozenset[int]] = {}

    def values(self, cell: int) -> frozenset[int]:
        """Every value that a cell of the group may have."""
        if not self._values:
            columns = zip(*self.rows, strict=True)
            self._values = dict(zip(self.cells, map(frozenset, columns), strict=True))
        return self._values[cell]


class NotKnown(Exception):
    """The value of a cell of a group was needed."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__()
        self.unknown = unknown


class Unknown:
    """What a cell of a group holds in place of a value; whatever is done with it raises."""

    __slots__ = ("cell", "group")

    def __init__(self, group: Group, cell: int) -> None:
        self.group, self.cell = group, cell

    def _needed(self, *_: Any) -> NoReturn:
        raise NotKnown(self)

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __index__ = _needed
    __hash__ = _needed
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __mod__ = _needed
    __rshift__ = __lshift__ = __rlshift__ = __and__ = __rand__ = __or__ = __ror__ = _needed
    __rfloordiv__ = __rmod__ = __rrshift__ = __invert__ = __neg__ = __int__ = _needed


class TooManyStates(Exception):
    """A group has more rows than the limit."""


@dataclass
class Outcome:
    """What came of something in every row of the groups that it needs, in parts: rows that it does
    not tell apart, with the result that it has in all of them."""

    groups: tuple[Group, ...]
    cells: tuple[int, ...]
    parts: list[tuple[Sequence[Row], Any]]

    @property
    def results(self) -> list[Any]:
        """What came of it, at least once each."""
        return [result for _, result in self.parts]


@dataclass
class Added:
    """The cells that have new values by an unlogged step, and the steps to be tried again; `alone`
    where all of it happened in one group, so that rows in which a step was tried need not be."""

    cells: list[int]
    again: list[Instance]
    alone: bool


class States:
    """A set of states. `cells[i]` is a value, or the `Unknown` of the group that cell `i` is in.

    `held[i]` is None, or a map in which cell `i` is listed under every value that it may have.
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
            for possible in _possible(cell, value):
                held.setdefault(possible, set()).add(cell)

    def put(self, cell: int, value: Any) -> None:
        """Give a cell a value, or that of a group."""
        held = self.held[cell]
        if held is not None:
            for possible in _possible(cell, self.cells[cell]):
                held[possible].discard(cell)
            self._list(cell, value)
        self.cells[cell] = value

    def evaluate(self, run: Act, arguments: Iterable[int], step: Instance | None = None) -> Outcome:
        """What a function of the cells gives, in every row of the groups that it needs.

        Of a step, the groups of the cells that it writes are among them. Rows of one group in which
        an unlogged `step` was tried are left out.
        """
        groups: list[Group] = []
        cells: tuple[int, ...] = ()
        rows: Sequence[Row] = [()]
        places: Mapping[int, int] = {}
        while True:
            parts: list[tuple[Sequence[Row], Any]] = []
            try:
                if rows:
                    self._part(run, arguments, places, rows, parts)
                return Outcome(tuple(groups), cells, parts)
            except NotKnown as needed:
                groups.append(needed.unknown.group)
            cells = tuple(cell for group in groups for cell in group.cells)
            rows = self._rows(groups, step)
            places = {cell: place for place, cell in enumerate(cells)}

    def _part(
        self,
        run: Act,
        arguments: Iterable[int],
        places: Mapping[int, int],
        rows: Sequence[Row],
        parts: list[tuple[Sequence[Row], Any]],
    ) -> None:
        """Add what a function gives in these rows, told apart by the cells that it asks for and by
        no others; `NotKnown` where it asks for one that has no place in them."""
        try:
            result = run(*arguments)
            if result.__class__ is list and self.groups:
                self._check_known(result, places)
        except NotKnown as needed:
            unknown = needed.unknown
        else:
            parts.append((rows, result))
            return
        place = places.get(unknown.cell)
        if place is None:
            raise NotKnown(unknown)
        by_value: dict[int, list[Row]] = {}
        for row in rows:
            by_value.setdefault(row[place], []).append(row)
        try:
            for value, agreeing in by_value.items():
                self.put(unknown.cell, value)
                self._part(run, arguments, places, agreeing, parts)
        finally:
            self.put(unknown.cell, unknown)

    def _check_known(self, written: list[Any], places: Mapping[int, int]) -> None:
        cells = self.cells
        for place in range(0, len(written), 2):
            before, value = cells[written[place]], written[place + 1]
            if value.__class__ is Unknown:
                raise NotKnown(value)
            if before.__class__ is Unknown and before.cell not in places:
                raise NotKnown(before)

    def _rows(self, groups: Sequence[Group], step: Instance | None) -> list[Row]:
        if len(groups) == 1:
            group = groups[0]
            tried = group.tried.get(step) if step is not None else None
            return list(group.rows - tried if tried else group.rows)
        count = 1
        for group in groups:
            count *= len(group.rows)
        if count > self.limit:
            raise TooManyStates
        combinations = product(*(group.rows for group in groups))
        return [tuple(value for row in rows for value in row) for rows in combinations]

    def take(self, outcome: Outcome) -> list[int]:
        """Take a step wherever it can be taken, and drop the states where it cannot; the cells that
        this may have changed. The step can be taken somewhere."""
        if not outcome.groups:
            return self.write(outcome.parts[0][1])
        cells, taken = self._after(outcome)
        self.replace(outcome.groups, cells, {after for _, after in taken})
        return list(cells)

    def add(self, step: Instance, outcome: Outcome) -> Added:
        """Take a step wherever it can be taken, and keep the states before it, too."""
        groups = outcome.groups
        if not any(result.__class__ is list for result in outcome.results):
            return Added([], [], alone=True)
        cells, taken = self._after(outcome)
        alone = groups[0] if len(groups) == 1 and len(cells) == len(groups[0].cells) else None
        if alone is None:
            known = tuple(self.cells[cell] for cell in cells[len(outcome.cells) :])
            rows = {row + known for row in self._rows(groups, None)}
        else:
            rows = set(alone.rows)
            alone.tried.setdefault(step, set()).update(*(rows for rows, _ in outcome.parts))
        new = [(before, after) for before, after in taken if after not in rows]
        if not new:
            for group in groups:
                group.tried.setdefault(step, set())
            return Added([], [], alone=True)
        rows.update(after for _, after in new)
        if len(rows) > self.limit:
            raise TooManyStates
        again = dict.fromkeys((*self.steps(groups), step))
        joined = self._join(groups, cells, rows)
        joined.tried = {one: set() for one in again} if alone is None else alone.tried
        changed = {
            cell
            for before, after in new
            for cell, was, is_now in zip(cells, before, after, strict=True)
            if was != is_now
        }
        return Added(sorted(changed), list(again), alone=alone is not None)

    def _after(self, outcome: Outcome) -> tuple[tuple[int, ...], list[tuple[Row, Row]]]:
        """The cells that a step is about, and their values before and after it, row by row."""
        places = {cell: place for place, cell in enumerate(outcome.cells)}
        for result in outcome.results:
            if result.__class__ is list:
                for cell in result[::2]:
                    places.setdefault(cell, len(places))
        cells = tuple(places)
        known = tuple(self.cells[cell] for cell in cells[len(outcome.cells) :])
        taken = []
        for rows, result in outcome.parts:
            if result.__class__ is not list:
                continue
            written = [(places[result[n]], int(result[n + 1])) for n in range(0, len(result), 2)]
            for row in rows:
                before = row + known
                after = list(before)
                for place, value in written:
                    after[place] = value
                taken.append((before, tuple(after)))
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
        if not all(outcome.results):
            rows = {row for part, kept in outcome.parts if kept for row in part}
            self.replace(outcome.groups, outcome.cells, rows)
        return list(outcome.cells)

    def forget(self, step: Instance, groups: Iterable[Group]) -> None:
        """What an unlogged step does in some rows may have changed."""
        for group in groups:
            group.tried.pop(step, None)

    def steps(self, groups: Iterable[Group]) -> list[Instance]:
        """The unlogged steps that may be taken in some rows of the groups."""
        return [step for group in groups for step in group.tried]

    def _join(self, groups: Sequence[Group], cells: tuple[int, ...], rows: set[Row]) -> Group:
        group = Group(cells, rows)
        for cell in cells:
            self.put(cell, Unknown(group, cell))
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


def _possible(cell: int, value: Any) -> Iterable[int]:
    """Every value that a cell may have."""
    return value.group.values(cell) if value.__class__ is Unknown else (value,)


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
