"""Which barriers are enough, needed or for nothing, as a person reads it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from fencepost.analyses.barrier_lattice import Facet, Known
from fencepost.analyses.barrier_results import Analysis, Broken, Without
from fencepost.core.results import Finding, Verdict, count_steps, grouped
from fencepost.core.system import System
from fencepost.report.tables import Cell, Column, Style, Table
from fencepost.report.terminal import Terminal
from fencepost.report.trace_tables import trace_table

WIDTH = 100
MOST_SETS = 12
MOST_BROKEN = 2


class BarrierReport:
    """Prints the answers to the questions about the barriers of one model."""

    def __init__(self, terminal: Terminal, system: System, *, traces: bool = False) -> None:
        self.terminal, self.system, self.traces = terminal, system, traces

    def tell(self, name: str, analysis: Analysis) -> None:
        """One question with what follows from all sets that were decided."""
        line, question = self.terminal.line, analysis.question
        sizes = " ".join(f"{n}={value}" for n, value in self.system.parameters)
        line(f"{name}{f' at {sizes}' if sizes else ''}: {question.title}", "strong")
        if question.fixed_on:
            self.wrapped(f"on in every set: {self.listed(question.fixed_on)}")
        self.wrapped(self.covered(analysis))
        if analysis.stopped:
            line(f"  {analysis.stopped}: what follows is what was established before", "warn")
        line()
        self.sufficient(analysis)
        line()
        self.terminal.table(self.table(analysis))
        self.apart(analysis)
        self.blocked(analysis)
        for surprise in analysis.surprises:
            self.wrapped(
                f"more is less: {self.set_text(surprise.barriers)} is sufficient, and with "
                f"{surprise.added} {broken_text(surprise.broken)}"
            )
        if self.traces:
            for without in analysis.without:
                self.story(without)

    def covered(self, analysis: Analysis) -> str:
        """How many sets there are, and how they were decided."""
        counts = analysis.counts
        decided = counts["sufficient"] + counts["insufficient"]
        searched = grouped(counts["searched"])
        parts = [
            f"{grouped(decided)} of {grouped(analysis.sets)} sets decided by {searched} searches"
        ]
        if counts["undecided"]:
            parts.append(f"{grouped(counts['undecided'])} not decided within the limits")
        if counts["open"]:
            why = "not looked at" if analysis.stopped else "not looked at: a smaller one is enough"
            parts.append(f"{grouped(counts['open'])} {why}")
        return "; ".join(parts)

    def sufficient(self, analysis: Analysis) -> None:
        """The minimal sufficient sets: what they share once, then what each has besides."""
        found = analysis.sufficient
        sets = [*found.minimal, *found.perhaps_minimal]
        if not sets:
            none = "was found to be" if _open(analysis) else "is"
            self.terminal.line(f"no set {none} sufficient", "warn" if _open(analysis) else "bad")
            every = analysis.question.fixed_on.union(analysis.question.varied)
            for verdicts in analysis.verdicts:
                if verdicts.barriers == every and verdicts.broken:
                    self.wrapped(f"with all of them on {broken_text(verdicts.broken)}")
            return
        if found.needed:
            self.wrapped(f"every sufficient set has {self.listed(found.needed)}", indent="")
        rest = [barriers - set(found.needed) - analysis.question.fixed_on for barriers in sets]
        if len(sets) == 1 and not rest[0] and found.needed:
            doubt = "" if found.minimal else ", as far as was decided"
            self.terminal.line(f"and these are sufficient{doubt}", "good")
            return
        title = "minimal sufficient sets" if len(sets) > 1 else "the minimal sufficient set"
        self.terminal.line(f"{title}{', with these' if found.needed else ''}:", "good")
        for number, (barriers, more) in enumerate(zip(sets, rest, strict=True)):
            if number == MOST_SETS:
                self.terminal.line(f"  ... and {len(sets) - MOST_SETS} more (see --json)")
                break
            doubt = "" if barriers in found.minimal else "; smaller ones were not decided"
            self.wrapped(f"{number + 1}. {self.listed(more) or '(no barrier)'}{doubt}")

    def table(self, analysis: Analysis) -> Table:
        """One row a barrier: whether it is needed, and what breaks without it."""
        found = analysis.sufficient
        columns = (
            Column("barrier"),
            Column("needed"),
            Column("in sets", right=True),
            Column("without it", flexible=True),
        )
        sets = [*found.minimal, *found.perhaps_minimal]
        rows = []
        for without in analysis.without:
            name = without.barrier
            role, style = _role(name, analysis)
            count = f"{sum(name in s for s in sets)} of {len(sets)}" if sets else ""
            told = Cell(without_text(without))
            rows.append((Cell(name), Cell(role, style), Cell(count), told))
        return Table(columns, tuple(rows)).without_empty_columns()

    def apart(self, analysis: Analysis) -> None:
        """What safety alone takes, and what liveness alone takes, where that is something else."""
        both, safe, live = analysis.sufficient, analysis.safe, analysis.live
        if not both.minimal or not self.is_about_later():
            return
        if safe.minimal != both.minimal:
            unneeded = [n for n in safe.redundant if n not in both.redundant]
            self.terminal.line()
            self.wrapped(f"for safety alone: {self.sets_text(safe.minimal)}", indent="")
            if unneeded:
                self.wrapped(f"bought for liveness only: {self.listed(unneeded)}", indent="")
        if live is not None and live.minimal != both.minimal:
            self.wrapped(f"for liveness alone: {self.sets_text(live.minimal)}", indent="")

    def is_about_later(self) -> bool:
        return any(p.kind not in ("always", "reachable") for p in self.system.properties)

    def blocked(self, analysis: Analysis) -> None:
        """Sets that only look safe, because something cannot happen any more."""
        if not analysis.question.whole:
            return
        sets = [
            v
            for v in analysis.verdicts
            if v.known[Facet.SAFETY] == Known.HOLDS
            and v.known[Facet.REACHABILITY] == Known.VIOLATED
        ]
        if sets:
            first = min(sets, key=lambda v: len(v.barriers))
            lost = [b.property for b in first.broken if b.kind == "reachable"]
            self.terminal.line()
            many = "1 safe set is" if len(sets) == 1 else f"{len(sets)} safe sets are"
            self.wrapped(
                f"{many} no cure, as something is never reached: "
                f"{self.set_text(first.barriers)} loses {', '.join(lost)}",
                indent="",
            )

    def story(self, without: Without) -> None:
        """The shortest trace without a barrier, whole."""
        finding = shortest(without)
        if finding is None or finding.trace is None:
            return
        self.terminal.line()
        instance = f" ({finding.instance})" if finding.instance else ""
        steps = count_steps(len(finding.trace))
        title = f"without {without.barrier}: {finding.property}{instance} is violated in {steps}"
        self.terminal.line(title, "strong")
        self.wrapped(f"on: {self.set_text(without.of - {without.barrier})}")
        table = trace_table(self.system, finding.trace)
        if table.rows:
            self.terminal.table(table, "    ")

    def sets_text(self, sets: tuple[frozenset[str], ...]) -> str:
        told = [self.set_text(barriers) for barriers in sets[:3]]
        more = f", or {len(sets) - 3} more" if len(sets) > 3 else ""
        return (", or ".join(told) or "no set") + more

    def set_text(self, barriers: Iterable[str]) -> str:
        """A set of barriers in braces."""
        return f"{{{self.listed(barriers)}}}"

    def listed(self, barriers: Iterable[str]) -> str:
        """Barriers in the order of the model."""
        chosen = set(barriers)
        return ", ".join(b.name for b in self.system.barriers if b.name in chosen)

    def wrapped(self, text: str, indent: str = "  ") -> None:
        for line in textwrap.wrap(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self.terminal.line(line)


def _open(analysis: Analysis) -> bool:
    return bool(analysis.counts["undecided"] or analysis.counts["open"])


def _role(name: str, analysis: Analysis) -> tuple[str, Style]:
    found = analysis.sufficient
    if name in found.needed:
        return "yes", "good"
    if name in found.redundant:
        return "redundant", "warn"
    if name in found.unsettled or not (found.minimal or found.perhaps_minimal):
        return "not decided" if _open(analysis) else "", "warn"
    return "one of several", ""


def without_text(without: Without) -> str:
    """What breaks without a barrier, in one line."""
    if without.broken:
        return broken_text(without.broken)
    if without.answer is None:
        return "not looked at"
    if without.answer.verdict is Verdict.HOLDS:
        return "holds"
    return f"not decided: {without.answer.stopped}"


def broken_text(broken: tuple[Broken, ...]) -> str:
    """What breaks, with the lengths of the shortest traces."""
    told = [
        f"{b.property} is never reached"
        if b.kind == "reachable"
        else f"{b.property}{'' if b.steps is None else f' breaks in {count_steps(b.steps)}'}"
        for b in broken[:MOST_BROKEN]
    ]
    more = f" and {len(broken) - MOST_BROKEN} more" if len(broken) > MOST_BROKEN else ""
    return ", ".join(told) + more


def shortest(without: Without) -> Finding | None:
    """The finding with the shortest trace of what breaks first without a barrier."""
    if without.answer is None or not without.broken:
        return None
    name = without.broken[0].property
    violated = (f for f in without.answer.findings if f.verdict is Verdict.VIOLATED)
    return min((f for f in violated if f.property == name), key=_length)


def _length(finding: Finding) -> float:
    return float("inf") if finding.trace is None else len(finding.trace)
