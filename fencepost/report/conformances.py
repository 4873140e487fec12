"""What came of driving implementations, as a person reads it: a matrix, and each difference."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from fencepost.analyses.expectations import Judgement, violated
from fencepost.conforming import Cell as DesignCell
from fencepost.conforming import ModelConformance
from fencepost.core.results import count_steps, grouped
from fencepost.core.system import Design, System
from fencepost.engines.conform.differences import Difference, Kind
from fencepost.engines.conform.outcomes import Conformance, Conformity
from fencepost.project import with_shown_paths
from fencepost.report.difference_files import DifferenceFiles
from fencepost.report.difference_tables import attempts_table, states_table
from fencepost.report.tables import Cell, Column, Style, Table, seconds
from fencepost.report.terminal import Terminal
from fencepost.report.verdicts import STYLES

WIDTH = 100
FOUND_BY = {
    "start": "at the start",
    "counterexample": "on the way along the model's counterexample",
    "tour": "by the tour",
    "random": "by a random run",
    "hypothesis": "by Hypothesis",
}


def matrix(found: Sequence[ModelConformance]) -> Table:
    """One row a design of an implementation: what it does, and how much of it was performed."""
    columns = (
        Column("model"),
        Column("design"),
        Column("device"),
        Column("verdict", flexible=True),
        Column("as the model"),
        Column("transitions", right=True),
        Column("refused", right=True),
        Column("traces", right=True),
        Column("examples", right=True),
        Column("steps", right=True),
        Column("time", right=True),
    )
    rows = tuple(_row(model, cell) for model in found for cell in model.cells)
    return Table(columns, rows).without_empty_columns()


def _row(model: ModelConformance, cell: DesignCell) -> tuple[Cell, ...]:
    head = (
        Cell(model.source.name),
        Cell(cell.design.name),
        Cell(model.adapter.adapter.device or "host"),
    )
    blank = Cell("")
    if cell.found is None or cell.judged is None:
        why = f"not driven: {cell.cannot}" if cell.cannot else "UNDECIDED: interrupted"
        return (*head, Cell(why, "dim"), *[blank] * 7)
    found, scope = cell.found, cell.found.scope
    style = STYLES[cell.judged.judgement]
    expected = {"good": "yes", "bad": "NO", "warn": "undecided"}[style]
    if expected == "yes" and found.beyond:
        expected = "as far as it goes"
    said = "" if expected == "yes" or cell.model is None else f": {_said(cell)}"
    about = "about " if scope.blurred else ""
    return (
        *head,
        Cell(verdict_text(found), style),
        Cell(f"{expected}{said}", style),
        Cell(f"{about}{grouped(scope.taken)} of {grouped(scope.edges)}"),
        Cell(grouped(scope.refused)),
        Cell(grouped(scope.traces)),
        Cell(grouped(scope.examples)),
        Cell(grouped(scope.performed)),
        Cell(seconds(found.seconds)),
    )


def _said(cell: DesignCell) -> str:
    """What the model says of a design, in a few words."""
    if cell.model is None:
        return ""
    names = list(violated(cell.model))
    return _violated(names) if names else str(cell.model.verdict.value)


def _violated(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"VIOLATED {names[0]}{more}"


def verdict_text(found: Conformance) -> str:
    """A verdict in a few words: `DIFFERS in 3 steps`, `VIOLATED own_bytes`."""
    match found.verdict:
        case Conformity.DIFFERS if found.difference is not None:
            return f"DIFFERS in {count_steps(len(found.difference.steps))}"
        case Conformity.VIOLATED:
            return _violated([one.property for one in found.violated])
        case Conformity.UNDECIDED:
            return f"UNDECIDED: {found.stopped}"
        case _:
            return str(found.verdict.value)


class ConformanceStories:
    """Prints what is behind the rows that are not as the model has it."""

    def __init__(self, terminal: Terminal, files: DifferenceFiles) -> None:
        self.terminal, self.files = terminal, files

    def tell(self, model: ModelConformance) -> None:
        """Every difference of one implementation, what was not driven and what it goes without."""
        adapter = model.adapter.adapter
        for cell in model.cells:
            if cell.judged is None or cell.found is None:
                continue
            if cell.found.difference is not None:
                self._difference(model, cell.design, cell.found, cell.found.difference)
            elif cell.judged.judgement is not Judgement.AS_EXPECTED:
                self.terminal.line()
                style = STYLES[cell.judged.judgement]
                self.terminal.line(
                    f"{model.source.name} {cell.design.name}: {cell.judged.judgement.value}", style
                )
                for reason in cell.judged.reasons:
                    self._wrapped(reason)
        for names, told in (
            (adapter.unseen, "taken by the implementation itself, unseen"),
            (adapter.left_out, "left out, and never performed"),
        ):
            if names:
                self.terminal.line()
                self.terminal.line(f"{model.source.name}: {', '.join(names)}: {told}")

    def _difference(
        self, model: ModelConformance, design: Design, found: Conformance, difference: Difference
    ) -> None:
        self.terminal.line()
        self.terminal.line(f"{model.source.name} {design.name}: {headline(difference)}", "bad")
        by = FOUND_BY[found.found_by]
        if found.again:
            self._wrapped(f"found {by}; as few steps as show it:")
        else:
            self._wrapped(f"found {by}; trying the same steps again did not show it:")
        tell_difference(self.terminal, model.system, design, difference)
        command = self.files.command(model, design, difference)
        if command:
            self.terminal.line(f"  replay: {command}")

    def _wrapped(self, text: str) -> None:
        for line in textwrap.wrap(text, WIDTH - 2):
            self.terminal.line(f"  {line}")


def headline(difference: Difference) -> str:
    """What it is in one sentence."""
    failure = f": {with_shown_paths(difference.failure)}" if difference.failure else ""
    return f"the implementation {difference.kind.value}{failure}"


def tell_difference(
    terminal: Terminal, system: System, design: Design, difference: Difference
) -> None:
    """The run to a difference, and both states side by side."""
    if difference.attempts:
        terminal.table(attempts_table(system, design.barriers, difference), "    ")
    if difference.kind is not Kind.FAILS:
        if difference.attempts:
            last = system.show_step(difference.attempts[-1].step)
            terminal.line(f"  around step {len(difference.attempts)}, {last}:")
        terminal.table(states_table(system, difference), "    ")
        if difference.others:
            count = grouped(difference.others)
            terminal.line(
                f"  of the states of the model that were possible this is the nearest; "
                f"{count} others fit no better"
            )
    if difference.violated:
        terminal.line(f"  what is seen violates {', '.join(difference.violated)}")


def summary(found: Sequence[ModelConformance]) -> tuple[str, Style]:
    """One line that says how many designs do what their model does."""
    judged = [c.judged.judgement for one in found for c in one.cells if c.judged is not None]
    as_model = judged.count(Judgement.AS_EXPECTED)
    count = f"{len(judged)} design{'s' if len(judged) != 1 else ''}"
    parts = [f"{count}: {as_model} as the model"]
    style: Style = "good"
    for judgement, text in (
        (Judgement.UNDECIDED, "undecided"),
        (Judgement.NOT_AS_EXPECTED, "not as the model"),
    ):
        if judgement in judged:
            parts.append(f"{judged.count(judgement)} {text}")
            style = STYLES[judgement]
    if any(one.interrupted for one in found):
        parts.append("interrupted")
        style = "warn" if style == "good" else style
    return ", ".join(parts), style
