"""Which barrier removes a violation: the hint that stands below a broken design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from fencepost.core.results import Answer, Result, Verdict
from fencepost.core.system import Design, System
from fencepost.engines.explore.limits import INTERRUPTED, Limits

MOST_BARRIERS = 2
MOST_TRIALS = 24
FEWEST_STATES = 200_000

Search = Callable[..., Result]


@dataclass(frozen=True)
class Hint:
    """The barriers that, added to a design, remove a violation and keep everything reachable.

    Without barriers nothing up to `MOST_BARRIERS` helps; `doubtful` says that some combination
    was too large to decide, or that there were too many to try.
    """

    property: str
    barriers: tuple[str, ...] = ()
    doubtful: bool = False


def hint(system: System, design: Design, broken: Answer, name: str, *, search: Search) -> Hint:
    """The smallest set of up to two barriers that removes the violation of one property.

    Barriers that name the property among what they buy are tried first. Each trial is a search
    bounded by a count of states, so the hint is the same in every run.
    """
    most = max(FEWEST_STATES, 2 * broken.states)
    reachable = [p.name for p in system.properties if p.kind == "reachable"]
    asked = [name, *(r for r in reachable if r != name)]
    broken_before = {f.property for f in broken.findings if f.verdict is Verdict.VIOLATED}
    doubtful = False
    for trial, added in enumerate(_candidates(system, design, name)):
        if trial >= MOST_TRIALS:
            return Hint(name, doubtful=True)
        mended = replace(design, barriers=design.barriers | set(added))
        answer = search(
            system, mended, properties=asked, first=True, limits=Limits(states=most)
        ).answer
        if answer.stopped == INTERRUPTED:
            raise KeyboardInterrupt
        verdicts = {f.verdict for f in answer.findings if _counts(f.property, name, broken_before)}
        if verdicts == {Verdict.HOLDS}:
            return Hint(name, added)
        doubtful |= Verdict.VIOLATED not in verdicts
    return Hint(name, doubtful=doubtful)


def _counts(finding: str, name: str, broken_before: set[str]) -> bool:
    """Whether a finding decides about a trial: what was unreachable before need not be reached."""
    return finding == name or finding not in broken_before


def _candidates(system: System, design: Design, name: str) -> Iterator[tuple[str, ...]]:
    off = [barrier for barrier in system.barriers if barrier.name not in design.barriers]
    off.sort(key=lambda barrier: name not in barrier.buys)
    for count in range(1, MOST_BARRIERS + 1):
        yield from combinations([barrier.name for barrier in off], count)
