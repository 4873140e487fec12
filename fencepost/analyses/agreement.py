"""The answers of several engines about one design, as one answer; where they differ, an ERROR.

Across engines the strongest scope of one property counts: a proof for any size is more than all
states at given sizes, and those are more than all runs of so many steps. What nobody could decide
stays open, and a verdict never rounds up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf

from fencepost.core.results import Answer, Finding, Verdict, count_steps

SHORTEST = ("explore", "bounded")
"""Engines whose traces are as short as any."""
ANY_SIZE = "any-size"


@dataclass(frozen=True)
class Said:
    """What one engine says of one property, or of one filling of its arguments."""

    engine: str
    finding: Finding

    @property
    def length(self) -> float:
        """How many steps its trace has; without one, more than any."""
        return inf if self.finding.trace is None else len(self.finding.trace)

    @property
    def reach(self) -> tuple[bool, float]:
        """How much a HOLDS covers: any size, all states, or only runs of so many steps."""
        bound = self.finding.bound
        return self.engine == ANY_SIZE, inf if bound is None else bound

    def __str__(self) -> str:
        how = f" in {count_steps(int(self.length))}" if self.finding.trace is not None else ""
        return f"{self.engine} says {self.finding.verdict.value}{how} ({self.finding.scope})"


def agree(answers: Sequence[Answer]) -> Answer:
    """One answer for all; states, transitions and coverage are those of the first."""
    first = answers[0]
    if len(answers) == 1:
        return first
    return replace(
        first,
        engine=", ".join(answer.engine for answer in answers),
        findings=tuple(_one(said) for said in _by_question(answers)),
    )


def _by_question(answers: Sequence[Answer]) -> Iterator[list[Said]]:
    """What all engines say of each thing asked, in the order in which it was asked first."""
    asked: dict[tuple[str, str], list[Said]] = {}
    for answer in answers:
        for finding in answer.findings:
            # An `always` is decided as a whole: its instance is where it is violated.
            instance = "" if finding.kind == "always" else finding.instance
            said = asked.setdefault((finding.property, instance), [])
            said.append(Said(answer.engine, finding))
    return iter(asked.values())


def _one(said: list[Said]) -> Finding:
    found = said[0].finding
    for one, other in combinations(said, 2):
        difference = _difference(one, other)
        if difference:
            return Finding(
                found.property,
                found.kind,
                Verdict.ERROR,
                "engines contradict each other",
                instance=found.instance,
                detail=f"{difference}: {one}, {other}",
            )
    by_verdict = {verdict: [s for s in said if s.finding.verdict is verdict] for verdict in Verdict}
    if by_verdict[Verdict.ERROR]:
        return by_verdict[Verdict.ERROR][0].finding
    if by_verdict[Verdict.VIOLATED]:
        return min(by_verdict[Verdict.VIOLATED], key=lambda s: s.length).finding
    if by_verdict[Verdict.HOLDS]:
        strongest = max(by_verdict[Verdict.HOLDS], key=lambda s: s.reach).finding
        witness = min(by_verdict[Verdict.HOLDS], key=lambda s: s.length).finding.trace
        return replace(strongest, trace=witness)
    return found


def _difference(one: Said, other: Said) -> str:
    """Why two findings cannot both be true, or nothing."""
    verdicts = {one.finding.verdict, other.finding.verdict}
    if verdicts == {Verdict.VIOLATED, Verdict.HOLDS}:
        broken, kept = (one, other) if one.finding.verdict is Verdict.VIOLATED else (other, one)
        if broken.finding.trace is None or broken.length <= kept.reach[1]:
            return "one of them is wrong"
    if len(verdicts) == 1 and inf not in (one.length, other.length):
        long, short = (one, other) if one.length > other.length else (other, one)
        if long.length > short.length and long.engine in SHORTEST:
            return f"{long.engine} gives no shortest trace"
    return ""
