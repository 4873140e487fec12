"""Which barrier removes a violation: the hint that stands below a broken design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from fencepost.core.results import Answer, Result, Verdict
from fencepost.core.system import Design, System
from fencepost.engines.explore.limits import INTERRUPTED, Limits

MOST_BARRIERS = 2
MOST_TRIALS = 100
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


class Hints:
    """Finds hints for the designs of one model; what one trial tells serves all of them."""

    def __init__(self, system: System, search: Search) -> None:
        self._system = system
        self._search = search
        self._known: dict[frozenset[str], Answer] = {}

    def remember(self, answer: Answer) -> None:
        """Take the answer of a whole search of a design for a trial of its barriers."""
        if answer.complete:
            self._known.setdefault(frozenset(answer.barriers), answer)

    def hint(self, design: Design, broken: Answer, name: str) -> Hint:
        """The smallest set of up to two barriers that removes the violation of one property.

        Barriers that name the property among what they buy are tried first. Each trial is a
        search bounded by a count of states, so the hint is the same in every run.
        """
        most = max(FEWEST_STATES, 2 * broken.states)
        needed = {p.name for p in self._system.properties if p.kind == "reachable"}
        needed -= {f.property for f in broken.findings if f.verdict is Verdict.VIOLATED}
        needed.add(name)
        doubtful = False
        for trial, added in enumerate(self._candidates(design, name)):
            if trial >= MOST_TRIALS:
                return Hint(name, doubtful=True)
            answer = self._try(replace(design, barriers=design.barriers | set(added)), most)
            verdicts = {f.verdict for f in answer.findings if f.property in needed}
            if verdicts == {Verdict.HOLDS}:
                return Hint(name, added)
            doubtful |= Verdict.VIOLATED not in verdicts
        return Hint(name, doubtful=doubtful)

    def _try(self, mended: Design, most: int) -> Answer:
        known = self._known.get(mended.barriers)
        if known is None or (not known.complete and known.states < most):
            known = self._search(self._system, mended, limits=Limits(states=most)).answer
            if known.stopped == INTERRUPTED:
                raise KeyboardInterrupt
            self._known[mended.barriers] = known
        return known

    def _candidates(self, design: Design, name: str) -> Iterator[tuple[str, ...]]:
        off = [b for b in self._system.barriers if b.name not in design.barriers]
        off.sort(key=lambda barrier: name not in barrier.buys)
        for count in range(1, MOST_BARRIERS + 1):
            yield from combinations([barrier.name for barrier in off], count)
