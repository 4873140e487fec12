"""What a check found, as a person reads it: a table and the words that others build on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf

from fencepost.analyses.expectations import (
    Judgement,
    shorten_expectation,
    violated,
    within_bound,
)
from fencepost.checking import DesignCheck, ModelCheck
from fencepost.core.limits import WORK_LIMIT
from fencepost.core.results import Answer, Finding, Result, Verdict, count_steps, grouped
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, System
from fencepost.report.tables import Cell, Column, Style, Table, seconds
from fencepost.running import BOUNDED, SHARES, STEPS

MOST_NAMED = 1
BUILT_IN_TEXT = {
    NO_FAULT: "No step goes wrong: no value leaves its domain, no index is out of range, "
    "no assert fails.",
    NO_STUCK_STATE: "Where nothing can happen any more, the run was allowed to end.",
}
ENGINE_STYLES: dict[Verdict, Style] = {
    Verdict.HOLDS: "",
    Verdict.VIOLATED: "",
    Verdict.UNDECIDED: "dim",
    Verdict.ERROR: "bad",
}
STYLES: dict[Judgement, Style] = {
    Judgement.AS_EXPECTED: "good",
    Judgement.NOT_AS_EXPECTED: "bad",
    Judgement.UNDECIDED: "warn",
}


def verdict_table(checks: Sequence[ModelCheck]) -> Table:
    """One row a design: its verdict, whether that was expected, and what it covers.

    Where several engines ran, each has a column with what it says by itself.
    """
    engines = list(
        dict.fromkeys(r.answer.engine for m in checks for d in m.designs for r in d.results)
    )
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
        *(Column(name) for name in engines[1:]),
    )
    rows = tuple(_row(model, check, engines) for model in checks for check in model.designs)
    return Table(columns, rows).without_empty_columns()


def _row(model: ModelCheck, check: DesignCheck, engines: Sequence[str]) -> tuple[Cell, ...]:
    answer, cost = check.answer, check.cost
    said = {result.answer.engine: result for result in check.results}
    return (
        Cell(model.source.name),
        Cell(check.design.name),
        Cell(check.design.known_bug),
        Cell(verdict_text(check), STYLES[check.judged.judgement]),
        _expected(model, check),
        Cell(grouped(answer.states) if answer.states else ""),
        Cell(grouped(answer.transitions) if answer.states else ""),
        Cell(str(max(0, answer.depth)) if answer.states else ""),
        Cell(seconds(cost.search_s + cost.compile_s)),
        *(_engine(said[name]) if name in said else Cell("") for name in engines[1:]),
    )


def _engine(result: Result) -> Cell:
    """What one engine says of a design, with the time it took: `12 steps, 0.3 s`."""
    answer, cost = result.answer, result.cost
    took = seconds(cost.search_s + cost.compile_s)
    return Cell(f"{_in_short(answer)}, {took}", ENGINE_STYLES[answer.verdict])


def _in_short(answer: Answer) -> str:
    found = violated(answer)
    if found:
        name, length = next(iter(found.items()))
        return f"VIOLATED {name}" if length is None else f"VIOLATED in {count_steps(length)}"
    if answer.verdict is Verdict.ERROR:
        return "ERROR"
    held = {f.property for f in answer.findings if f.verdict is Verdict.HOLDS}
    asked = {f.property for f in answer.findings}
    return f"HOLDS {len(held)} of {len(asked)}{_within(answer)}" if held else "UNDECIDED"


def _within(answer: Answer) -> str:
    """How many steps a HOLDS is about, where it is about steps."""
    bounds = [f.bound for f in answer.findings if f.bound is not None]
    if not bounds and answer.engine == BOUNDED:
        bounds = [answer.depth]
    return f" within {count_steps(min(bounds))}" if bounds else ""


def verdict_text(check: DesignCheck) -> str:
    """A verdict in a few words: `VIOLATED own_bytes in 8 steps`."""
    answer = check.answer
    match answer.verdict:
        case Verdict.HOLDS:
            return f"HOLDS{_within(answer)}"
        case Verdict.UNDECIDED:
            known = [why for why in (within_bound(answer), answer.stopped) if why]
            return f"UNDECIDED: {', '.join(known) or 'not every property was decided'}"
        case Verdict.ERROR:
            return "ERROR"
        case Verdict.VIOLATED:
            found = violated(answer, check.design.expect)
            named = [
                name if length is None else f"{name} in {count_steps(length)}"
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
    """For each violated property the finding with the shortest trace, in the order of telling."""
    findings = [f for f in check.answer.findings if f.verdict is Verdict.VIOLATED]
    best: dict[str, Finding] = {}
    for finding in sorted(findings, key=_trace_length):
        best.setdefault(finding.property, finding)
    return tuple(best[name] for name in violated(check.answer, check.design.expect))


def _trace_length(finding: Finding) -> float:
    return inf if finding.trace is None else len(finding.trace)


def property_text(system: System, name: str) -> str:
    """A property in words: what its author wrote, on one line."""
    for prop in system.properties:
        if prop.name == name:
            return " ".join(prop.text.split())
    return BUILT_IN_TEXT.get(name, "")


def ended_early(checks: Sequence[ModelCheck]) -> str:
    """Which engines ended after their share of work, in how many designs, or nothing."""
    ended = Counter(
        result.answer.engine
        for model in checks
        for check in model.designs
        for result in check.results
        if result.answer.engine in SHARES and result.answer.stopped == WORK_LIMIT
    )
    if not ended:
        return ""
    named = " and ".join(
        f"{name} in {count} design{'s' if count != 1 else ''}" for name, count in ended.items()
    )
    return (
        f"ended after a share of work, less than {STEPS} steps deep: {named}; "
        f"`--steps {STEPS}` looks as deep, however long that takes"
    )


def summary(checks: Sequence[ModelCheck]) -> tuple[str, Style]:
    """One line that says how many designs came out as expected."""
    judgements = [judgement for model in checks for judgement in model.judgements]
    interrupted = any(model.interrupted for model in checks)
    if interrupted and not judgements:
        return "interrupted before any design was searched", "warn"
    count = f"{len(judgements)} design{'s' if len(judgements) != 1 else ''}"
    models = f"{len(checks)} model{'s' if len(checks) != 1 else ''}"
    parts = [f"{count} of {models}: {judgements.count(Judgement.AS_EXPECTED)} as expected"]
    style: Style = "good"
    for judgement in (Judgement.UNDECIDED, Judgement.NOT_AS_EXPECTED):
        if judgement in judgements:
            parts.append(f"{judgements.count(judgement)} {judgement.value}")
            style = STYLES[judgement]
    if interrupted:
        parts.append("interrupted")
        style = "warn" if style == "good" else style
    return ", ".join(parts), style
