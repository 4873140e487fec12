"""Mutants as a person reads them: where, what was edited, and what became of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from fencepost.analyses.mutants import Mutant
from fencepost.analyses.mutation import Mutation, Status, Tried
from fencepost.core.errors import Location
from fencepost.core.expressions import Expression
from fencepost.core.results import grouped
from fencepost.core.system import System
from fencepost.project import shown_path
from fencepost.report.expressions import show
from fencepost.report.terminal import Terminal

WIDTH = 100
LONGEST = 60
RUNS = {"more": "more runs", "fewer": "fewer runs", "others": "other runs", "": "not compared"}


class MutationReport:
    """Prints the mutants that nobody notices, and how many were noticed."""

    def __init__(self, terminal: Terminal, system: System) -> None:
        self.terminal, self.system = terminal, system

    def tell(self, name: str, mutation: Mutation) -> None:
        """What became of the mutants of one model."""
        line = self.terminal.line
        sizes = " ".join(f"{n}={value}" for n, value in self.system.parameters)
        line(f"{name}{f' at {sizes}' if sizes else ''}: {_counts(mutation)}", "strong")
        for text in textwrap.wrap(
            f"designs: {', '.join(mutation.designs)}",
            WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_on_hyphens=False,
        ):
            line(text)
        if mutation.stopped:
            tried = f"{grouped(len(mutation.tried))} of {grouped(mutation.mutants)}"
            line(f"  {mutation.stopped}: {tried} mutants were tried", "warn")
        self.listed("noticed by no property:", mutation.of("survived"))
        self.listed("not decided within the limits:", mutation.of("undecided"))
        self.listed("equivalent, with the same states and steps:", mutation.of("equivalent"))

    def listed(self, title: str, tried: Sequence[Tried]) -> None:
        if not tried:
            return
        self.terminal.line()
        self.terminal.line(title, "warn" if tried[0].status != "equivalent" else "")
        for place, group in groupby(tried, key=lambda t: place_text(self.system, t.mutant)):
            self.terminal.line(f"  {place}")
            for each in group:
                for text in self.lines(each):
                    self.terminal.line(text)

    def lines(self, tried: Tried) -> Iterator[str]:
        told = edit_text(tried.mutant)
        if tried.status == "survived":
            told += f"; {RUNS[tried.relation]}, {counts_text(tried)}"
        yield from textwrap.wrap(
            told,
            WIDTH,
            initial_indent="    ",
            subsequent_indent="      ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _counts(mutation: Mutation) -> str:
    statuses: tuple[Status, ...] = ("killed", "survived", "equivalent", "undecided")
    counted = [(status, len(mutation.of(status))) for status in statuses]
    parts = [f"{grouped(count)} {status}" for status, count in counted if count]
    return ", ".join([f"{grouped(len(mutation.tried))} mutants", *parts])


def place_text(system: System, mutant: Mutant) -> str:
    """Where a mutant was edited: `abort at models/slot_lifecycle.py:230`."""
    if mutant.exchanged is not None:
        return "barriers"
    at = place(system, mutant)
    return f"{mutant.action}, {shown_path(at.file)}:{at.line}" if at else mutant.action


def place(system: System, mutant: Mutant) -> Location | None:
    """The place of the edit, or that of its action."""
    return mutant.at or (system.action[mutant.action].location if mutant.action else None)


def edit_text(mutant: Mutant) -> str:
    """The edit in words."""
    if mutant.exchanged is not None:
        return f"{mutant.exchanged[0]} and {mutant.exchanged[1]} exchanged"
    if mutant.write is not None:
        inside = ", ".join(show(index) for index in mutant.write.indices)
        target = f"{mutant.write.field}[{inside}]" if inside else mutant.write.field
        return f"without the write of {target}"
    if mutant.before is None:
        return mutant.kind
    if mutant.after is None:
        return f"without: require {_short(mutant.before)}"
    before, after = show(mutant.before), show(mutant.after)
    if len(before) > LONGEST:
        column = mutant.at.column if mutant.at else 0
        return f"{mutant.kind}, at column {column}"
    return f"{before}  becomes  {after}"


def _short(node: Expression) -> str:
    text = show(node)
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."


def counts_text(tried: Tried) -> str:
    """How the graph of a mutant differs where it first does: states and steps."""
    if tried.before is None or tried.after is None:
        return ""
    (states, steps), (states_after, steps_after) = tried.before, tried.after
    if tried.before == tried.after:
        return f"in {tried.design} as many states and steps, and not the same"
    told = f"{grouped(states)} states and {grouped(steps)} steps"
    after = f"{grouped(states_after)} and {grouped(steps_after)}"
    return f"in {tried.design} {told} become {after}"
