"""What came of a log, as a person reads it and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fencepost
from fencepost.conforming_logs import LogCheck
from fencepost.core.errors import Location
from fencepost.core.folding import negate
from fencepost.core.results import Verdict, grouped
from fencepost.core.system import NO_FAULT, Step
from fencepost.engines.conform.logs import Claim, Event
from fencepost.engines.conform.logs.instead import Instead, Reason, instead
from fencepost.engines.conform.logs.members import show_value
from fencepost.project import shown_path
from fencepost.report.expressions import show
from fencepost.report.tables import Cell, Column, Style, Table
from fencepost.report.terminal import Terminal
from fencepost.report.trace_tables import show_fault

FORMAT = "fencepost log report"
FORMAT_VERSION = 1
STYLES: dict[Verdict, Style] = {
    Verdict.HOLDS: "good",
    Verdict.VIOLATED: "bad",
    Verdict.UNDECIDED: "warn",
    Verdict.ERROR: "bad",
}


class LogStory:
    """The words for one log, with the names that it uses."""

    def __init__(self, check: LogCheck) -> None:
        self.check = check
        self.found = check.followed
        self.instead: Instead | None = None
        if self.found.unexplained is not None:
            self.instead = instead(check.system, check.barriers, self.found)

    def tell(self, terminal: Terminal) -> None:
        """Print what came of the log."""
        check = self.check
        sizes = " ".join(f"{name}={value}" for name, value in check.system.parameters)
        terminal.line(f"{check.source.name} {check.design}  {sizes}".rstrip(), "strong")
        if check.log.unlogged:
            terminal.line(f"  not logged: {', '.join(check.log.unlogged)}")
        terminal.line(f"  {self.headline()}", STYLES[self.run_verdict()])
        for line in self.reasons():
            terminal.line(f"    {line}")
        if self.instead is not None:
            for text, steps in (
                ("the model allows there", self.instead.concerned),
                ("and, of others", self.instead.others),
            ):
                if steps:
                    terminal.line(f"    {text}: {', '.join(map(self.step, steps))}")
        if self.found.explained or self.found.unexplained is None:
            terminal.table(self._claims(), "  ")
        terminal.flush()

    def run_verdict(self) -> Verdict:
        """Whether the log is a run, whatever holds in it."""
        if self.found.unexplained is not None:
            return Verdict.VIOLATED
        return Verdict.UNDECIDED if self.found.stopped else Verdict.HOLDS

    def headline(self) -> str:
        """One line: whether the log is a run of the protocol."""
        events, explained = len(self.check.log.events), self.found.explained
        before = f"{grouped(explained)} of {grouped(events)} events are explained"
        found = self.found.unexplained
        if found is None and self.found.stopped:
            return f"UNDECIDED: {self.found.stopped}; {before}"
        if found is None:
            return f"A RUN of the protocol: all {grouped(events)} events are explained"
        if found.event is None:
            return "NO RUN starts so"
        if found.seen:
            return f"NO RUN explains what was seen at {self.event(found.event)}; {before}"
        return f"NO RUN explains {self.event(found.event)}; {before}"

    def event(self, event: Event) -> str:
        """A line of the log with its step."""
        return f"line {event.line}, {self.step(event.step)}"

    def step(self, step: Step) -> str:
        """A step with the names of the log."""
        arguments = self.check.system.action[step.action].arguments
        shown = (
            f"{a.name}={self._value(a.of, v)}"
            for a, v in zip(arguments, step.arguments, strict=True)
        )
        return f"{step.action}({', '.join(shown)})"

    def reasons(self) -> list[str]:
        """Why no run explains the event, and what the cells are that it asks for."""
        if self.instead is None or self.found.unexplained is None:
            return []
        lines = [self._reason(reason) for reason in self.instead.reasons]
        for field, indices, value in self.found.unexplained.seen:
            domain = self.check.system.field[field].domain
            lines.append(f"seen: {self._place(field, indices)} = {self._value(domain, value)}")
        if self.instead.cells:
            lines.append(f"in the model: {', '.join(self.cells())}")
        return lines

    def cells(self) -> list[str]:
        """The cells that the event asks for, with every value that they may have."""
        shown = []
        for cell, values in self.instead.cells if self.instead is not None else ():
            field, indices = self.check.system.cells[cell]
            told = " or ".join(self._value(field.domain, value) for value in values)
            shown.append(f"{self._place(field.name, indices)} = {told}")
        return shown

    def _reason(self, reason: Reason) -> str:
        if reason.fault is not None:
            return show_fault(reason.fault)
        if reason.decision is None:
            return "this step is disabled in every state of this design"
        at = reason.decision.location
        place = f"{_shown(at)} " if at else ""
        return f"{place}asks for {self._condition(reason)}{self._within(at)}"

    def _within(self, at: Location | None) -> str:
        """Where the action stands, for a condition of another file: of a component."""
        found = self.found.unexplained
        if found is None or found.event is None:
            return ""
        name = found.event.step.action
        own = self.check.system.action[name].location
        if own is None or at is None or own.file == at.file:
            return ""
        return f" (of {name} at {_shown(own)})"

    def _condition(self, reason: Reason) -> str:
        if reason.decision is None:
            return ""
        condition = reason.decision.condition
        return show(negate(condition) if reason.came_out else condition)

    def _place(self, field: str, indices: tuple[int, ...]) -> str:
        domains = self.check.system.field[field].indices
        inside = (self._value(d, i) for d, i in zip(domains, indices, strict=True))
        return f"{field}[{', '.join(inside)}]" if indices else field

    def _value(self, domain: Any, value: int) -> str:
        return show_value(domain, value, self.check.log.names)

    def _claims(self) -> Table:
        columns = (Column("property"), Column("verdict"), Column("where", flexible=True))
        rows = [
            (Cell(c.name), Cell(c.verdict.value, STYLES[c.verdict]), Cell(self._where(c)))
            for c in self.found.claims
        ]
        return Table(columns, tuple(rows)).without_empty_columns()

    def instance(self, claim: Claim) -> str:
        """The arguments for which a claim fails: `request=17`."""
        if claim.name == NO_FAULT:
            return ""
        arguments = self.found.programs.claims[claim.name].arguments
        given = zip(arguments, claim.arguments, strict=False)
        return ", ".join(f"{a.name}={self._value(a.of, v)}" for a, v in given)

    def _where(self, claim: Claim) -> str:
        if claim.name not in self.found.failing:
            cut = self.found.stopped or self.found.unexplained is not None
            return f"in the {grouped(self.found.explained)} events explained" if cut else ""
        instance = self.instance(claim)
        after = f"after {self.event(claim.event)}" if claim.event else "before the first event"
        about = f" for {instance}" if instance else ""
        if claim.verdict is Verdict.VIOLATED:
            return f"{after}{about}, in every run with this log"
        return f"{after}{about}, in some runs with this log and not in others"

    def as_json(self) -> dict[str, Any]:
        """The same as data."""
        check, found = self.check, self.found
        unexplained: dict[str, Any] | None = None
        if found.unexplained is not None and self.instead is not None:
            event = found.unexplained.event
            unexplained = {
                "line": event.line if event else 1,
                "step": self.step(event.step) if event else None,
                "reasons": [self._reason_json(reason) for reason in self.instead.reasons],
                "seen": [
                    f"{self._place(f, i)} = {self._value(check.system.field[f].domain, v)}"
                    for f, i, v in found.unexplained.seen
                ],
                "cells": self.cells(),
                "allowed": [self.step(s) for s in self.instead.concerned],
                "others": [self.step(s) for s in self.instead.others],
            }
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "model": check.system.name,
            "design": check.design,
            "barriers": sorted(check.barriers),
            "parameters": dict(check.system.parameters),
            "log": check.log.file,
            "unlogged": list(check.log.unlogged),
            "verdict": found.verdict.value,
            "run": self.run_verdict().value,
            "events": len(check.log.events),
            "explained": found.explained,
            "stopped": found.stopped,
            "unexplained": unexplained,
            "properties": [
                {
                    "name": claim.name,
                    "verdict": claim.verdict.value,
                    "line": claim.event.line if claim.event else None,
                    "step": self.step(claim.event.step) if claim.event else None,
                    "instance": self.instance(claim),
                }
                for claim in found.claims
            ],
            "exit_code": check.exit_code,
        }

    def _reason_json(self, reason: Reason) -> dict[str, Any]:
        at: Location | None = reason.decision.location if reason.decision else None
        at = reason.fault.location if reason.fault else at
        return {
            "file": _shown(at).rpartition(":")[0] if at else None,
            "line": at.line if at else None,
            "condition": self._condition(reason),
            "fault": reason.fault.message or reason.fault.kind if reason.fault else None,
        }


def _shown(at: Location) -> str:
    """A place in the project, or in this package."""
    file, package = Path(at.file), Path(fencepost.__file__).parent
    if file.is_relative_to(package):
        return f"{file.relative_to(package.parent).as_posix()}:{at.line}"
    return f"{shown_path(at.file)}:{at.line}"
