"""What a check found, as a person reads it: a table, then the story of every broken design."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from math import inf

from fencepost.analyses.barriers import Hint
from fencepost.analyses.expectations import Judgement, shorten_expectation, steps, violated
from fencepost.analyses.vacuity import Unused
from fencepost.checking import DesignCheck, ModelCheck
from fencepost.core.results import Finding, Verdict
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, System
from fencepost.core.traces import Trace
from fencepost.project import shown_path, with_shown_paths
from fencepost.report.tables import Cell, Column, Style, Table, grouped, seconds
from fencepost.report.terminal import Terminal
from fencepost.report.trace_files import TraceFiles
from fencepost.report.trace_tables import one_line, tell, trace_table

WIDTH = 100
INDENT = "    "
MOST_NAMED = 1
MOST_UNUSED = 8
BUILT_IN_TEXT = {
    NO_FAULT: "No step goes wrong: no value leaves its domain, no index is out of range, "
    "no assert fails.",
    NO_STUCK_STATE: "Where nothing can happen any more, the run was allowed to end.",
}
STYLES: dict[Judgement, Style] = {
    Judgement.AS_EXPECTED: "good",
    Judgement.NOT_AS_EXPECTED: "bad",
    Judgement.UNDECIDED: "warn",
}


def verdict_table(checks: Sequence[ModelCheck]) -> Table:
    """One row a design: its verdict, whether that was expected, and what it covers."""
    columns = (
        Column("model"),
        Column("design"),
        Column("known bug"),
        Column("verdict", flexible=True),
        Column("expected", flexible=True),
        Column("states", right=True),
        Column("transitions", right=True),
        Column("depth", right=True),
        Column("time", right=True),
    )
    rows = tuple(_row(model, check) for model in checks for check in model.designs)
    return Table(columns, rows).without_empty_columns()


def _row(model: ModelCheck, check: DesignCheck) -> tuple[Cell, ...]:
    answer, cost = check.result.answer, check.result.cost
    return (
        Cell(model.source.name),
        Cell(check.design.name),
        Cell(check.design.known_bug),
        Cell(verdict_text(check), STYLES[check.judged.judgement]),
        _expected(model, check),
        Cell(grouped(answer.states)),
        Cell(grouped(answer.transitions)),
        Cell(str(max(0, answer.depth))),
        Cell(seconds(cost.search_s + cost.compile_s)),
    )


def verdict_text(check: DesignCheck) -> str:
    """A verdict in a few words: `VIOLATED own_bytes in 8 steps`."""
    answer = check.result.answer
    match answer.verdict:
        case Verdict.HOLDS:
            return "HOLDS"
        case Verdict.UNDECIDED:
            return f"UNDECIDED: {answer.stopped or 'not every property was decided'}"
        case Verdict.ERROR:
            return "ERROR"
        case Verdict.VIOLATED:
            found = violated(answer)
            named = [
                name if length is None else f"{name} in {steps(length)}"
                for name, length in list(found.items())[:MOST_NAMED]
            ]
            more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            return f"VIOLATED {', '.join(named)}{more}"


def _expected(model: ModelCheck, check: DesignCheck) -> Cell:
    expected = shorten_expectation(check.design.expect)
    style = STYLES[check.judged.judgement]
    if not model.system.at_defaults():
        return Cell(f"({expected} at default sizes)", "" if style == "good" else style)
    match check.judged.judgement:
        case Judgement.AS_EXPECTED:
            return Cell("yes", style)
        case Judgement.UNDECIDED:
            return Cell(f"undecided: {expected}", style)
        case Judgement.NOT_AS_EXPECTED:
            return Cell(f"NO: {expected}", style)


def broken(check: DesignCheck) -> tuple[Finding, ...]:
    """For each violated property the finding with the shortest trace, shortest first."""
    findings = [f for f in check.result.answer.findings if f.verdict is Verdict.VIOLATED]
    best: dict[str, Finding] = {}
    for finding in sorted(findings, key=_trace_length):
        best.setdefault(finding.property, finding)
    return tuple(best.values())


def _trace_length(finding: Finding) -> float:
    return inf if finding.trace is None else len(finding.trace)


def property_text(system: System, name: str) -> str:
    """A property in words: what its author wrote, on one line."""
    for prop in system.properties:
        if prop.name == name:
            return " ".join(prop.text.split())
    return BUILT_IN_TEXT.get(name, "")


class Stories:
    """Prints the details of designs that are broken or not as expected."""

    def __init__(
        self, terminal: Terminal, traces: TraceFiles, *, full: bool, only_unexpected: bool = False
    ) -> None:
        self.terminal = terminal
        self.traces = traces
        self.full = full
        self.only_unexpected = only_unexpected

    def tell(self, model: ModelCheck) -> None:
        """The stories of one model, and what no design of it uses."""
        for check in model.designs:
            if check.judged.judgement is not Judgement.AS_EXPECTED:
                self._judged(model, check)
            elif self.only_unexpected:
                continue
            told = broken(check)
            unexpected = check.judged.judgement is Judgement.NOT_AS_EXPECTED
            whole = told if self.full or unexpected else told[:1]
            for finding in whole:
                self._violation(model, check, finding)
            if len(whole) < len(told):
                also = ", ".join(f"{f.property} {_how(f)}" for f in told[len(whole) :])
                self._wrapped(f"also: {also}")
        if model.unused and not self.only_unexpected:
            self._unused(model, model.unused)

    def _judged(self, model: ModelCheck, check: DesignCheck) -> None:
        self.terminal.line()
        style = STYLES[check.judged.judgement]
        self.terminal.line(f"{_title(model, check)}: {check.judged.judgement.value}", style)
        for reason in check.judged.reasons:
            self._wrapped(reason)
        if check.judged.judgement is Judgement.UNDECIDED:
            for finding in check.result.answer.findings:
                if finding.verdict is Verdict.UNDECIDED:
                    instance = f" ({finding.instance})" if finding.instance else ""
                    self._wrapped(f"{finding.property}{instance}: {finding.scope}")

    def _violation(self, model: ModelCheck, check: DesignCheck, finding: Finding) -> None:
        instance = f" ({finding.instance})" if finding.instance else ""
        self.terminal.line()
        self.terminal.line(
            f"{_title(model, check)}: {finding.property}{instance} {_how(finding)}", "strong"
        )
        said = property_text(model.system, finding.property)
        if said:
            self._wrapped(f'"{said}"')
        if finding.detail:
            scope = "" if finding.trace else f": {finding.scope}"
            self._wrapped(with_shown_paths(finding.detail) + scope)
        if finding.trace is not None:
            unexpected = check.judged.judgement is Judgement.NOT_AS_EXPECTED
            self._trace(model.system, finding.trace, full=self.full or unexpected)
        for hint in check.hints:
            if hint.property == finding.property:
                self._wrapped(hint_text(model.system, hint))
        if finding.trace is not None:
            command = self.traces.command(model, finding)
            if command:
                self.terminal.line(f"{INDENT}replay: {command}")
            else:
                self._wrapped(f"steps: {one_line(model.system, finding.trace)}")

    def _trace(self, system: System, trace: Trace, *, full: bool) -> None:
        if not trace.steps:
            self._wrapped("an initial state")
        if full:
            table = trace_table(system, trace)
            if table.rows:
                self.terminal.table(table, INDENT)
            return
        told = " > ".join(
            f"{line.actor}: {line.step}" if line.actor else line.step
            for line in tell(system, trace)
        )
        self._wrapped(told)

    def _unused(self, model: ModelCheck, unused: Unused) -> None:
        self.terminal.line()
        self.terminal.line(f"{model.source.name}: never used in any design", "warn")
        lines = [f"action {name} is never taken" for name in unused.actions]
        lines += [f"step {model.system.show_step(step)} is never taken" for step in unused.steps]
        lines += [
            f"{shown_path(branch.location.file)}:{branch.location.line}: the condition is never "
            f"{branch.outcome}"
            for branch in unused.branches
        ]
        if len(lines) > MOST_UNUSED:
            lines = [*lines[:MOST_UNUSED], f"... and {len(lines) - MOST_UNUSED} more (see --json)"]
        for line in lines:
            self._wrapped(line)

    def _wrapped(self, text: str) -> None:
        lines = textwrap.wrap(
            text,
            WIDTH,
            initial_indent=INDENT,
            subsequent_indent=INDENT + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            self.terminal.line(line)


def _title(model: ModelCheck, check: DesignCheck) -> str:
    bug = f" ({check.design.known_bug})" if check.design.known_bug else ""
    return f"{model.source.name} {check.design.name}{bug}"


def _how(finding: Finding) -> str:
    if finding.trace is None:
        return "is violated"
    return f"is violated in {steps(len(finding.trace))}"


def hint_text(system: System, hint: Hint) -> str:
    """The barriers that mend a violation, with what they are."""
    if not hint.barriers:
        which = ", of those that were tried" if hint.doubtful else ""
        return f"mended by: no barrier, and no two together{which}"
    texts = {barrier.name: barrier.text for barrier in system.barriers}
    mended = " and ".join(f"{name} ({texts[name].rstrip('.')})" for name in hint.barriers)
    how = "mended by switching off" if hint.switched_off else "mended by"
    but = f"; it breaks {' and '.join(hint.breaks)} instead" if hint.breaks else ""
    return f"{how}: {mended}{but}"


def summary(checks: Sequence[ModelCheck]) -> tuple[str, Style]:
    """One line that says how many designs came out as expected."""
    judgements = [judgement for model in checks for judgement in model.judgements]
    count = f"{len(judgements)} design{'s' if len(judgements) != 1 else ''}"
    models = f"{len(checks)} model{'s' if len(checks) != 1 else ''}"
    parts = [f"{count} of {models}: {judgements.count(Judgement.AS_EXPECTED)} as expected"]
    style: Style = "good"
    for judgement in (Judgement.UNDECIDED, Judgement.NOT_AS_EXPECTED):
        if judgement in judgements:
            parts.append(f"{judgements.count(judgement)} {judgement.value}")
            style = STYLES[judgement]
    return ", ".join(parts), style
