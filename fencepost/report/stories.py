"""The story of every design that is broken or not as expected, and what no design uses."""

from __future__ import annotations

import textwrap

from fencepost.analyses.afterwards import Afterwards, afterwards
from fencepost.analyses.expectations import Judgement, searches_all
from fencepost.analyses.proofs import NO_READING
from fencepost.analyses.vacuity import Unused
from fencepost.checking import DesignCheck, ModelCheck
from fencepost.core.results import Answer, Finding, count_steps, grouped, is_open
from fencepost.core.system import LIVENESS, System
from fencepost.core.traces import Trace, rerun
from fencepost.project import with_shown_paths
from fencepost.report.mends import hint_text
from fencepost.report.terminal import Terminal
from fencepost.report.trace_files import TraceFiles
from fencepost.report.trace_tables import one_line, tell, trace_table, with_loop
from fencepost.report.unused import components_line, unused_lines
from fencepost.report.verdicts import STYLES, broken, property_text

WIDTH = 100
INDENT = "    "
MOST_UNUSED = 8
SO_FAR = {"reachable": "not reached so far"} | dict.fromkeys(
    ("always_possible", *LIVENESS), "not decided"
)


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
        if self.only_unexpected:
            return
        if all(j is Judgement.AS_EXPECTED for j in model.judgements):
            self._no_reading(model)
        if model.unused:
            self._unused(model, model.unused)

    def _judged(self, model: ModelCheck, check: DesignCheck) -> None:
        self.terminal.line()
        style = STYLES[check.judged.judgement]
        self.terminal.line(f"{_title(model, check)}: {check.judged.judgement.value}", style)
        for reason in check.judged.reasons:
            extent = _extent(check.answer) if reason == check.answer.stopped else ""
            self._wrapped(reason + extent)
        if check.judged.judgement is Judgement.UNDECIDED:
            for status, named in _undecided(check.answer).items():
                self._wrapped(f"{with_shown_paths(status)}: {', '.join(named)}")

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
            if finding.trace is not None and finding.kind == "always_possible":
                scope = f", whatever happens: {_afterwards(model.system, finding.trace)}"
            self._wrapped(with_shown_paths(finding.detail) + scope)
        if finding.trace is not None:
            unexpected = check.judged.judgement is Judgement.NOT_AS_EXPECTED
            self._trace(model.system, finding.trace, full=self.full or unexpected)
        for hint in check.hints:
            if hint.property == finding.property:
                self._wrapped(hint_text(model.system, check.design, hint))
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
        told = [
            f"{line.actor}: {line.step}" if line.actor else line.step
            for line in tell(system, trace)
        ]
        self._wrapped(" > ".join(with_loop(told, trace)))

    def _no_reading(self, model: ModelCheck) -> None:
        """What keeps a model that other engines decide from being proved for any size."""
        facts = [fact for d in model.designs for r in d.results for fact in r.answer.facts]
        why = dict(facts).get(NO_READING)
        if why is not None:
            self.terminal.line()
            self.terminal.line(f"{model.source.name}: not proved for any size", "warn")
            self._wrapped(with_shown_paths(why))

    def _unused(self, model: ModelCheck, unused: Unused) -> None:
        self.terminal.line()
        sizes = "" if model.system.at_defaults() else " at these sizes"
        self.terminal.line(f"{model.source.name}: never used in any design{sizes}", "warn")
        lines = list(unused_lines(model.system, unused))
        if len(lines) > MOST_UNUSED:
            lines = [*lines[:MOST_UNUSED], f"... and {len(lines) - MOST_UNUSED} more (see --json)"]
        for line in (*lines, components_line(model.system, unused)):
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
    return f"is violated in {count_steps(len(finding.trace))}"


def _extent(answer: Answer) -> str:
    """How far an exhaustive search came that ended early; others say so of each property."""
    if not searches_all(answer):
        return ""
    depth = f"depth {answer.depth}" if answer.depth >= 0 else "no depth"
    expanded, states = grouped(answer.expanded), grouped(answer.states)
    return f": {expanded} of {states} states expanded, {depth} complete"


def _undecided(answer: Answer) -> dict[str, list[str]]:
    """What is known of the properties that are open, with their names."""
    known: dict[str, list[str]] = {}
    for finding in answer.findings:
        if is_open(finding):
            so_far = SO_FAR.get(finding.kind, "no violation so far")
            instance = f" ({finding.instance})" if finding.instance else ""
            status = so_far if searches_all(answer) and not answer.complete else finding.scope
            known.setdefault(status, []).append(finding.property + instance)
    return known


def _afterwards(system: System, trace: Trace) -> str:
    """What can happen after a trace, in words."""
    last = rerun(system, trace).states[-1]
    after = afterwards(system, frozenset(trace.barriers), last)
    if after.more:
        return f"more than {grouped(after.states)} states can still be reached"
    if after.states == 1 and not after.endless:
        return "nothing can happen any more"
    states = "1 state" if after.states == 1 else f"{grouped(after.states)} states"
    return f"{states} can still be reached, and {_ending(after)}"


def _ending(after: Afterwards) -> str:
    if after.endless:
        return "the run can go on for ever"
    if after.stuck:
        return "every run ends, some stuck" if after.ends else "every run ends stuck"
    return "every run ends"
