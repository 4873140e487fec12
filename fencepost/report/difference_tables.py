"""Where an implementation and its model part: the run to it, and both states side by side."""

from __future__ import annotations

from collections.abc import Iterator

from fencepost.core.semantics import Barriers, Successor, perform
from fencepost.core.system import State, System
from fencepost.engines.conform.differences import Difference, Kind
from fencepost.engines.conform.seen import misfits
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


def states_table(system: System, difference: Difference) -> Table:
    """Every cell before the step, as the model has it after it, and as it is seen then.

    Of many cells those are shown that change or differ.
    """
    seen = dict(difference.seen)
    differs = set(misfits(difference.seen, difference.expected))
    rows = []
    cells = range(len(system.cells))
    chosen = [
        position
        for position in cells
        if len(cells) <= MOST_CELLS
        or position in differs
        or difference.before[position] != difference.expected[position]
    ]
    for position in chosen:
        show = system.cells[position][0].domain.show
        found = seen.get(position)
        value = NOT_SEEN if found is None else show(found) if isinstance(found, int) else found.text
        rows.append(
            (
                Cell(show_cell(system, position)),
                Cell(show(difference.before[position])),
                Cell(show(difference.expected[position])),
                Cell(value, "bad" if position in differs else "dim" if found is None else ""),
                Cell("differs" if position in differs else "", "bad"),
            )
        )
    if len(chosen) < len(cells):
        rest = f"... and {len(cells) - len(chosen)} cells that are as before"
        rows.append((Cell(rest, "dim"), Cell(""), Cell(""), Cell(""), Cell("")))
    columns = (
        Column("cell"),
        Column("before"),
        Column("model"),
        Column("implementation"),
        Column(""),
    )
    return Table(columns, tuple(rows))
