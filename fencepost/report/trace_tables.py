"""A trace as a story: who acted, which step, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fencepost.core.system import State, Step, System
from fencepost.core.traces import Run, Trace, rerun
from fencepost.core.trees import Fault
from fencepost.project import shown_path
from fencepost.report.tables import Cell, Column, Table

MOST_CHANGES_SHOWN = 12
FOR_EVER = "for ever:"
NOTHING_MORE = "(nothing happens)"


@dataclass(frozen=True)
class Change:
    """A cell with its value before and after a step."""

    cell: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.cell}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Line:
    """One step of a story; a step that faults has a fault instead of changes."""

    number: int
    actor: str
    step: str
    changes: tuple[Change, ...]
    fault: str = ""


def show_cell(system: System, position: int) -> str:
    """The name of a cell: `owner[0]`."""
    field, indices = system.cells[position]
    inside = ", ".join(d.show(i) for d, i in zip(field.indices, indices, strict=True))
    return f"{field.name}[{inside}]" if indices else field.name


def changes(system: System, before: State, after: State) -> Iterator[Change]:
    """The cells that differ, in the order of the state."""
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            domain = system.cells[position][0].domain
            yield Change(show_cell(system, position), domain.show(old), domain.show(new))


def show_fault(fault: Fault) -> str:
    """A fault as a person reads it, with its place."""
    if fault.location is None:
        return f"FAULT: {fault.message or fault.kind}"
    place = f"{shown_path(fault.location.file)}:{fault.location.line}"
    return f"FAULT: {fault.message or fault.kind} at {place}"


def tell(system: System, trace: Trace) -> tuple[Line, ...]:
    """The steps of a trace, performed by the interpreter, with what each changed."""
    run = rerun(system, trace)
    return tuple(
        _line(system, run, number, step) for number, step in enumerate(trace.steps, start=1)
    )


def _line(system: System, run: Run, number: int, step: Step) -> Line:
    actor, shown = system.action[step.action].actor, system.show_step(step)
    if number < len(run.states):
        before, after = run.states[number - 1], run.states[number]
        return Line(number, actor, shown, tuple(changes(system, before, after)))
    return Line(number, actor, shown, (), show_fault(run.fault) if run.fault else "")


def starting_values(system: System, initial: State) -> tuple[str, ...]:
    """The cells that may start with several values, with what they start with here."""
    shown = []
    position = 0
    for field in system.fields:
        for choices in field.initial:
            if len(choices) > 1:
                value = field.domain.show(initial[position])
                shown.append(f"{show_cell(system, position)} = {value}")
            position += 1
    return tuple(shown)


def trace_table(system: System, trace: Trace) -> Table:
    """The story as a table: number, actor, step, what changed."""
    rows = []
    starts = starting_values(system, trace.initial)
    if starts:
        rows.append((Cell("0"), Cell(""), Cell("start"), Cell(_shorten(starts))))
    for line in tell(system, trace):
        if line.number - 1 == trace.loop:
            rows.append((Cell(""), Cell(""), Cell(FOR_EVER, "strong"), Cell("")))
        if line.fault:
            told = Cell(line.fault, "bad")
        elif line.changes:
            told = Cell(_shorten(tuple(str(change) for change in line.changes)))
        else:
            told = Cell("(nothing changes)", "dim")
        rows.append((Cell(str(line.number)), Cell(line.actor), Cell(line.step), told))
    if trace.loop == len(trace.steps):
        rows.append((Cell(""), Cell(""), Cell(FOR_EVER, "strong"), Cell(NOTHING_MORE)))
    columns = (
        Column("#", right=True),
        Column("actor"),
        Column("step"),
        Column("what changes", flexible=True),
    )
    return Table(columns, tuple(rows)).without_empty_columns()


def _shorten(lines: tuple[str, ...]) -> str:
    if len(lines) > MOST_CHANGES_SHOWN:
        hidden = len(lines) - MOST_CHANGES_SHOWN + 1
        lines = (*lines[: MOST_CHANGES_SHOWN - 1], f"... and {hidden} more")
    return "\n".join(lines)


def one_line(system: System, trace: Trace) -> str:
    """The steps of a trace as short text: enough to take them again by hand."""
    shown = [system.show_step(step) for step in trace.steps]
    return "; ".join(with_loop(shown, trace)) or "(the initial state)"


def with_loop(shown: list[str], trace: Trace) -> list[str]:
    """Texts of the steps of a trace, with a word before those that it repeats for ever."""
    if trace.loop is None:
        return shown
    repeated = shown[trace.loop :] or [NOTHING_MORE]
    return [*shown[: trace.loop], f"{FOR_EVER} {repeated[0]}", *repeated[1:]]
