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
    """The barriers that, switched on (or off), remove a violation and keep everything reachable.

    A violation is mended by switching barriers on, and that of a `reachable` perhaps by switching
    them off; `switched_off` says which it is. `breaks` are properties that are violated then and
    were not before. Without barriers nothing up to `MOST_BARRIERS` helps; `doubtful` says that
    some combination was too large to decide, or that there were too many to try.
    """

    property: str
    barriers: tuple[str, ...] = ()
    switched_off: bool = False
    breaks: tuple[str, ...] = ()
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

        Of the sets of one size, the first that breaks nothing else is taken, else the first;
        barriers that name the property among what they buy are tried first. Each trial is a
        search bounded by a count of states, so the hint is the same in every run.
        """
        most = max(FEWEST_STATES, 2 * broken.states)
        reachable = {p.name for p in self._system.properties if p.kind == "reachable"}
        before = _violated(broken)
        needed = (reachable - before) | {name}
        trials, doubtful = 0, False
        for candidates, off in self._candidates(design, name, name in reachable):
            second_best: Hint | None = None
            for chosen in candidates:
                if trials >= MOST_TRIALS:
                    return second_best or Hint(name, doubtful=True)
                trials += 1
                mended = design.barriers - set(chosen) if off else design.barriers | set(chosen)
                answer = self._try(replace(design, barriers=mended), most)
                verdicts = {f.verdict for f in answer.findings if f.property in needed}
                if verdicts == {Verdict.HOLDS}:
                    breaks = tuple(sorted(_violated(answer) - before))
                    found = Hint(name, chosen, off, breaks)
                    if not breaks:
                        return found
                    second_best = second_best or found
                doubtful |= Verdict.VIOLATED not in verdicts
            if second_best is not None:
                return second_best
        return Hint(name, doubtful=doubtful)

    def _try(self, mended: Design, most: int) -> Answer:
        known = self._known.get(mended.barriers)
        if known is None or (not known.complete and known.states < most):
            known = self._search(self._system, mended, limits=Limits(states=most)).answer
            if known.stopped == INTERRUPTED:
                raise KeyboardInterrupt
            self._known[mended.barriers] = known
        return known

    def _candidates(
        self, design: Design, name: str, either: bool
    ) -> Iterator[tuple[list[tuple[str, ...]], bool]]:
        """For each size, the sets of barriers to switch on, and perhaps those to switch off; the
        most promising come first."""
        buys = {b.name: name in b.buys for b in self._system.barriers}
        for count in range(1, MOST_BARRIERS + 1):
            for off in (False, True) if either else (False,):
                able = [b for b in buys if (b in design.barriers) == off]
                chosen = combinations(able, count)
                yield sorted(chosen, key=lambda names: -sum(buys[n] for n in names)), off


def _violated(answer: Answer) -> set[str]:
    return {f.property for f in answer.findings if f.verdict is Verdict.VIOLATED}
