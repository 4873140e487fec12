"""Whether what was found is what the design's author expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from fencepost.core.results import Answer, Finding, Verdict, count_steps, is_open
from fencepost.core.system import NO_FAULT, Expectation, Violation

NOTHING = Expectation()
NOT_DECIDED = "not decided"
EXHAUSTIVE = "explore"
"""The engine whose depth says that all states so near were seen; of several, it comes first."""


class Judgement(Enum):
    """What a verdict means beside its expectation."""

    AS_EXPECTED = "as expected"
    NOT_AS_EXPECTED = "not as expected"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judged:
    """A judgement with its reasons, each one sentence; an expected verdict needs none."""

    judgement: Judgement
    reasons: tuple[str, ...] = ()


def violated(answer: Answer, expectation: Expectation = NOTHING) -> dict[str, int | None]:
    """The violated properties with the length of their shortest trace, in the order of telling.

    Others often follow from a fault, so that comes first; then what is expected, as its author
    listed it; then the shortest. A `reachable` that is never reached has no trace.
    """
    lengths: dict[str, int | None] = {}
    for finding in answer.findings:
        if finding.verdict is Verdict.VIOLATED:
            steps = None if finding.trace is None else len(finding.trace)
            known = lengths.get(finding.property)
            if finding.property not in lengths or (
                steps is not None and (known is None or steps < known)
            ):
                lengths[finding.property] = steps
    places = {v.property: place for place, v in enumerate(in_order(expectation))}

    def rank(item: tuple[str, int | None]) -> tuple[bool, int, bool, int]:
        name, length = item
        place = places.get(name, len(places))
        return name != NO_FAULT, place, length is None, length or 0

    return dict(sorted(lengths.items(), key=rank))


def in_order(expectation: Expectation) -> list[Violation]:
    """The expected violations in the order of telling: a fault first, then as they are listed."""
    return sorted(expectation.violations, key=lambda v: v.property != NO_FAULT)


def show_expectation(expectation: Expectation) -> str:
    """An expectation as a person reads it."""
    if expectation.violations:
        return "VIOLATED " + ", ".join(
            v.property if v.steps is None else f"{v.property} in {count_steps(v.steps)}"
            for v in in_order(expectation)
        )
    return (
        "HOLDS" if expectation.within is None else f"HOLDS within {count_steps(expectation.within)}"
    )


def shorten_expectation(expectation: Expectation) -> str:
    """An expectation with no more than its first violation, for a cell of a table."""
    more = len(expectation.violations) - 1
    if more < 1:
        return show_expectation(expectation)
    first = Expectation(tuple(in_order(expectation)[:1]), expectation.within)
    return f"{show_expectation(first)} and {more} more"


def judge(
    answer: Answer,
    expectation: Expectation,
    *,
    binding: bool = True,
    selected: frozenset[str] | None = None,
    first: bool = False,
    shortest: bool = True,
) -> Judged:
    """Compare an answer with what was expected of the design.

    `binding` is False at other than the default parameters: then only a violation where none is
    expected contradicts. `selected` are the properties that were asked for, None for all of them.
    `first` says that the person asked to stop at the first violation, and `shortest` that traces
    are as short as any: where they are not, one that is longer than expected says nothing.

    A HOLDS up to a bound is open beyond it: it is enough where the expectation says `within` and
    asks for no more steps, and it contradicts a violation that is expected in no more steps.
    """
    wrong = [
        f"{f.property}: {f.detail or f.scope}"
        for f in answer.findings
        if f.verdict is Verdict.ERROR
    ]
    found = violated(answer)
    expected = {
        v.property: v.steps
        for v in expectation.violations
        if selected is None or v.property in selected
    }
    open_ = [finding for finding in answer.findings if is_open(finding)]
    if binding:
        wrong += _contradictions(found, expected, _covered(open_), shortest=shortest)
    elif not expectation.violations:
        wrong += [f"{name} is violated, and the design is expected to hold" for name in found]
    if wrong:
        return Judged(Judgement.NOT_AS_EXPECTED, tuple(wrong))
    if open_ and not (first and found) and (found or not _enough(answer, open_, expectation)):
        return Judged(Judgement.UNDECIDED, (answer.stopped or within_bound(answer) or NOT_DECIDED,))
    return Judged(Judgement.AS_EXPECTED)


def searches_all(answer: Answer) -> bool:
    """Whether the depth of an answer, and its counts, are those of a search of all states."""
    return answer.engine.partition(", ")[0] == EXHAUSTIVE


def _enough(answer: Answer, open_: Sequence[Finding], expectation: Expectation) -> bool:
    """Whether what is open is only whether a violation comes later than `within`.

    Of a `reachable` or an `always_possible` nothing is established before it is decided. Random
    runs establish nothing, however long they are: they miss others of their length.
    """
    within = expectation.within
    covered = answer.depth if searches_all(answer) else -1
    return within is not None and all(
        finding.kind == "always" and (covered if finding.bound is None else finding.bound) >= within
        for finding in open_
    )


def within_bound(answer: Answer) -> str:
    """What is known of an answer that is open only beyond a bound: `no violation in 20 steps`."""
    bounds = [finding.bound for finding in answer.findings if is_open(finding)]
    known = [bound for bound in bounds if bound is not None]
    return f"no violation in {count_steps(min(known))}" if known and known == bounds else ""


def _covered(open_: Sequence[Finding]) -> dict[str, int]:
    """For each property that is open, the steps within which it is known not to be violated."""
    covered: dict[str, int] = {}
    for finding in open_:
        bound = -1 if finding.bound is None else finding.bound
        covered[finding.property] = min(bound, covered.get(finding.property, bound))
    return covered


def _contradictions(
    found: dict[str, int | None],
    expected: dict[str, int | None],
    covered: dict[str, int],
    *,
    shortest: bool,
) -> list[str]:
    wrong = []
    for name, length in expected.items():
        if name in found:
            took = found[name]
            if length is None or took == length:
                continue
            if shortest or took is None or took < length:
                shown = "no trace" if took is None else count_steps(took)
                wrong.append(f"{name} is violated in {shown}, expected in {count_steps(length)}")
        elif name in covered:
            if length is not None and covered[name] >= length:
                none = f"no violation in {count_steps(covered[name])}"
                wrong.append(f"{name}: {none}, expected in {count_steps(length)}")
        else:
            wrong.append(f"{name} holds, and a violation was expected")
    for name, length in found.items():
        if name not in expected:
            within = "" if length is None else f" in {count_steps(length)}"
            wrong.append(f"{name} is violated{within}, which was not expected")
    return wrong
