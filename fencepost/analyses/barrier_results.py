"""What an analysis of barriers finds, as data."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.analyses.barrier_lattice import Conclusions, Facet, Known
from fencepost.analyses.barrier_questions import Question
from fencepost.analyses.known_runs import Barriers
from fencepost.core.results import Answer, Verdict
from fencepost.core.system import NO_FAULT


@dataclass(frozen=True)
class Broken:
    """A violated property with the length of its shortest trace, None where there is no trace."""

    property: str
    kind: str
    steps: int | None


@dataclass(frozen=True)
class Without:
    """What becomes of a set when one barrier is switched off in it.

    `of` is the first minimal sufficient set with the barrier, or else all the barriers in question.
    The answer is None where an end of the analysis came before it.
    """

    barrier: str
    of: Barriers
    answer: Answer | None

    @property
    def broken(self) -> tuple[Broken, ...]:
        return () if self.answer is None else broken(self.answer)


@dataclass(frozen=True)
class Surprise:
    """A sufficient set that is no longer sufficient with one more barrier."""

    barriers: Barriers
    added: str
    broken: tuple[Broken, ...]


@dataclass(frozen=True)
class Verdicts:
    """What is known of one set: each facet, and what is violated as far as it was looked at.

    `how` is `searched`, `same as another` (it agrees with a searched one on all barriers that were
    asked for), `refuted` (a known run is one of it too) or `not looked at`.
    """

    barriers: Barriers
    known: dict[Facet, Known]
    broken: tuple[Broken, ...]
    how: str


@dataclass(frozen=True)
class Analysis:
    """The answer to one question; `stopped` says why it ended early, or nothing.

    `live` is None unless every set was looked at on its own: a set that is not safe cannot be
    sufficient, and need not be searched for what it keeps possible.
    """

    question: Question
    sets: int
    sufficient: Conclusions
    safe: Conclusions
    live: Conclusions | None
    without: tuple[Without, ...]
    surprises: tuple[Surprise, ...]
    verdicts: tuple[Verdicts, ...]
    """Of every set in a whole analysis, else of the sets that were searched."""
    counts: dict[str, int]
    stopped: str = ""

    @property
    def undecided(self) -> int:
        """How many sets were looked at and not decided."""
        return self.counts.get("undecided", 0)


def broken(answer: Answer) -> tuple[Broken, ...]:
    """The violated properties, shortest trace first, those without a trace last."""
    found: dict[str, Broken] = {}
    for finding in answer.findings:
        if finding.verdict is Verdict.VIOLATED:
            steps = None if finding.trace is None else len(finding.trace)
            known = found.get(finding.property)
            if known is None or _shorter(steps, known.steps):
                found[finding.property] = Broken(finding.property, finding.kind, steps)

    def rank(each: Broken) -> tuple[bool, bool, int]:
        return each.property != NO_FAULT, each.steps is None, each.steps or 0

    return tuple(sorted(found.values(), key=rank))


def _shorter(steps: int | None, known: int | None) -> bool:
    return steps is not None and (known is None or steps < known)
