"""Where an implementation and its model part: the run to it, and both states side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fencepost.core.semantics import Barriers, Successor, perform
from fencepost.core.system import State, System
from fencepost.engines.conform.differences import Difference, Kind
from fencepost.engines.conform.seen import Outside, misfits
from fencepost.report.tables import Cell, Column, Table
from fencepost.report.trace_tables import changes, show_cell, starting_values

MOST_CELLS = 60
NOT_SEEN = "(not seen)"
ENDINGS = {
    Kind.TAKES: "TAKEN, and the model disables it",
    Kind.REFUSES: "REFUSED, and the model takes it",
    Kind.SHOWS: "TAKEN, and it leads elsewhere",
    Kind.CHANGES: "refused, and something CHANGES",
    Kind.FAILS: "FAILS",
}


def attempts_table(system: System, barriers: Barriers, difference: Difference) -> Table:
    """The run as a table: number, actor, step, and what the model changes where it was taken."""
    rows = []
    starts = starting_values(system, difference.initial)
    if starts:
        rows.append((Cell("0"), Cell(""), Cell("start"), Cell("\n".join(starts))))
    last = len(difference.attempts)
    told = _changes(system, barriers, difference)
    for number, (attempt, text) in enumerate(zip(difference.attempts, told, strict=True), start=1):
        actor, shown = system.action[attempt.step.action].actor, system.show_step(attempt.step)
        said = Cell(ENDINGS[difference.kind], "bad") if number == last else text
        rows.append((Cell(str(number)), Cell(actor), Cell(shown), said))
    columns = (
        Column("#", right=True),
        Column("actor"),
        Column("step"),
        Column("what the model changes", flexible=True),
    )
    return Table(columns, tuple(rows)).without_empty_columns()


def _changes(system: System, barriers: Barriers, difference: Difference) -> Iterator[Cell]:
    """What each step changes; nothing is told where steps that nobody saw came between."""
    state: State | None = difference.initial
    for attempt in difference.attempts:
        if not attempt.taken:
            yield Cell("(refused, as the model has it)", "dim")
            continue
        outcome = None if state is None else perform(system, barriers, state, attempt.step)
        if state is None or not isinstance(outcome, Successor):
            state = None
            yield Cell("")
            continue
        lines = [str(change) for change in changes(system, state, outcome.state)]
        state = outcome.state
        yield Cell("\n".join(lines)) if lines else Cell("(nothing changes)", "dim")


@dataclass(frozen=True)
class Row:
    """A cell before the step, as the model has it after it, and as it is seen then, if it is."""

    cell: str
    before: str
    model: str
    seen: str | None
    differs: bool


def side_by_side(system: System, difference: Difference) -> Iterator[Row]:
    """Every cell, in the order of the state."""
    seen = dict(difference.seen)
    differs = set(misfits(difference.seen, difference.expected))
    for position, (field, _) in enumerate(system.cells):
        show, found = field.domain.show, seen.get(position)
        yield Row(
            show_cell(system, position),
            show(difference.before[position]),
            show(difference.expected[position]),
            found.text if isinstance(found, Outside) else None if found is None else show(found),
            position in differs,
        )


def states_table(system: System, difference: Difference) -> Table:
    """Both states side by side; of many cells those are shown that change or differ."""
    every = list(side_by_side(system, difference))
    chosen = [
        row for row in every if len(every) <= MOST_CELLS or row.differs or row.before != row.model
    ]
    rows = [
        (
            Cell(row.cell),
            Cell(row.before),
            Cell(row.model),
            Cell(NOT_SEEN, "dim")
            if row.seen is None
            else Cell(row.seen, "bad" if row.differs else ""),
            Cell("differs" if row.differs else "", "bad"),
        )
        for row in chosen
    ]
    if len(chosen) < len(every):
        rest = f"... and {len(every) - len(chosen)} cells that are as before"
        rows.append((Cell(rest, "dim"), Cell(""), Cell(""), Cell(""), Cell("")))
    columns = (
        Column("cell"),
        Column("before"),
        Column("model"),
        Column("implementation"),
        Column(""),
    )
    return Table(columns, tuple(rows))
