"""Which barrier removes a violation: the hint that stands below a broken design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from fencepost.analyses.known_runs import KnownRuns
from fencepost.core.limits import FIRST_VIOLATION, INTERRUPTED, Limits
from fencepost.core.results import Answer, Result, Verdict
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, System

MOST_BARRIERS = 2
MOST_TRIALS = 100
FEWEST_STATES = 200_000

Search = Callable[..., Result]
Barriers = frozenset[str]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Hint:
    """The barriers that, switched on (or off), remove a violation and keep everything reachable.

    A violation is mended by switching barriers on, and that of a `reachable` perhaps by switching
    them off; `switched_off` says which it is. `breaks` are properties that are violated then and
    were not before, `leaves` those that were and still are. `others` are sets of as many barriers
    that do just the same. Without barriers nothing up to `MOST_BARRIERS` helps; `doubtful` says
    that some combination was too large to decide, or that there were too many to try.
    """

    property: str
    barriers: Names = ()
    switched_off: bool = False
    breaks: Names = ()
    leaves: Names = ()
    others: tuple[Names, ...] = ()
    doubtful: bool = False


class Hints:
    """Finds hints for the designs of one model; what one trial tells serves all of them."""

    def __init__(self, system: System, search: Search) -> None:
        self._system = system
        self._search = search
        self._known: dict[Barriers, Answer] = {}
        self._glanced: dict[tuple[Barriers, frozenset[str]], Answer] = {}
        self._runs = KnownRuns(system)
        self._reachable = {p.name for p in system.properties if p.kind == "reachable"}

    def remember(self, answer: Answer) -> None:
        """Take the answer of a whole search of a design for a trial of its barriers."""
        self._runs.note(answer)
        if answer.complete and self._is_whole(answer):
            self._known.setdefault(frozenset(answer.barriers), answer)

    def hint(self, design: Design, broken: Answer, name: str) -> Hint:
        """The smallest set of up to two barriers that removes the violation of one property.

        Of the sets of one size, those that break nothing else come first, then those that make
        the design into another one that is expected to hold, then those that leave the fewest
        properties violated, then those that name the property among what they buy. Each trial is
        a search bounded by a count of states, so the hint is the same in every run.
        """
        most = max(FEWEST_STATES, 2 * broken.states)
        whole = broken if self._is_whole(broken) else self._try(design.barriers, design, most)
        before, undecided = _with(whole, Verdict.VIOLATED), _with(whole, Verdict.UNDECIDED)
        needed = (self._reachable - before) | {name}
        asked = before - self._reachable if name not in self._reachable else set[str]()
        self._runs.note(broken)
        trials, doubtful = 0, False
        for candidates, off in self._candidates(design, name):
            found: list[Hint] = []
            for chosen in candidates:
                if trials >= MOST_TRIALS:
                    doubtful = True
                    break
                good = any(not hint.breaks for hint in found)
                if good and not self._is_promising(design, chosen, off, name):
                    break
                trials += 1
                barriers = design.barriers - set(chosen) if off else design.barriers | set(chosen)
                if barriers not in self._known and self._runs.refutes(barriers, name):
                    continue
                verdicts = self._glance(barriers, design, most, asked, name)
                if not verdicts - {Verdict.HOLDS}:
                    answer = self._try(barriers, design, most)
                    verdicts = {f.verdict for f in answer.findings if f.property in needed}
                if verdicts == {Verdict.HOLDS}:
                    after = _with(answer, Verdict.VIOLATED)
                    breaks = tuple(sorted(after - before - undecided))
                    leaves = tuple(sorted((after & before) - {name}))
                    found.append(Hint(name, chosen, off, breaks, leaves))
                doubtful |= Verdict.VIOLATED not in verdicts
            if found:
                return self._best(design, found)
        return Hint(name, doubtful=doubtful)

    def _best(self, design: Design, found: list[Hint]) -> Hint:
        """The first of the mends of one size, with those that do just the same."""
        found = sorted(
            found,
            key=lambda h: (
                bool(h.breaks),
                not self._is_derived(design, h.barriers, h.switched_off),
                len(h.leaves),
                -self._worth(h.barriers, h.property),
            ),
        )
        best = found[0]
        others = tuple(
            h.barriers
            for h in found[1:]
            if (h.switched_off, h.breaks, h.leaves) == (best.switched_off, best.breaks, best.leaves)
        )
        return replace(best, others=others)

    def _glance(
        self, barriers: Barriers, design: Design, most: int, asked: set[str], name: str
    ) -> set[Verdict]:
        """The verdicts on one property of what the design violates, before all is searched.

        Most trials fail, and it is cheaper to learn that without what is still reachable.
        """
        known = self._known.get(barriers)
        if not asked or (known is not None and (known.complete or known.states >= most)):
            return set()
        key = (barriers, frozenset(asked))
        answer = self._glanced.get(key)
        if answer is None or (not answer.complete and answer.states < most):
            answer = self._run(
                barriers, design, most, properties=sorted(asked), first=len(asked) == 1
            )
            self._glanced[key] = answer
        return {f.verdict for f in answer.findings if f.property == name}

    def _try(self, barriers: Barriers, design: Design, most: int) -> Answer:
        known = self._known.get(barriers)
        if known is None or (not known.complete and known.states < most):
            known = self._known[barriers] = self._run(barriers, design, most)
        return known

    def _run(
        self,
        barriers: Barriers,
        design: Design,
        most: int,
        *,
        properties: list[str] | None = None,
        first: bool = False,
    ) -> Answer:
        trial = replace(design, barriers=barriers)
        limits = Limits(states=most)
        result = self._search(
            self._system, trial, properties=properties, first=first, limits=limits
        )
        if result.answer.stopped == INTERRUPTED:
            raise KeyboardInterrupt
        self._runs.note(result.answer)
        return result.answer

    def _candidates(self, design: Design, name: str) -> Iterator[tuple[list[Names], bool]]:
        """For each size, the sets of barriers to switch on, and perhaps those to switch off; the
        most promising come first."""
        for count in range(1, MOST_BARRIERS + 1):
            for off in (False, True) if name in self._reachable else (False,):
                able = [b.name for b in self._system.barriers if (b.name in design.barriers) == off]
                yield (
                    sorted(
                        combinations(able, count),
                        key=lambda chosen: (
                            not self._is_derived(design, chosen, off),
                            -self._worth(chosen, name),
                        ),
                    ),
                    off,
                )

    def _worth(self, barriers: Names, name: str) -> int:
        """How many of the barriers say that they buy the property."""
        return sum(b.name in barriers and name in b.buys for b in self._system.barriers)

    def _is_derived(self, design: Design, barriers: Names, off: bool) -> bool:
        """Whether these barriers are all that is between the design and one expected to hold."""
        wanted = design.barriers - set(barriers) if off else design.barriers | set(barriers)
        return any(d.barriers == wanted and not d.expect.violations for d in self._system.designs)

    def _is_promising(self, design: Design, barriers: Names, off: bool, name: str) -> bool:
        """Whether to try another mend where there is one: pairs are many, and few of them are."""
        if len(barriers) == 1 or self._is_derived(design, barriers, off):
            return True
        return self._worth(barriers, name) == len(barriers)

    def _is_whole(self, answer: Answer) -> bool:
        """Whether an answer says of every property what the design has to do with it."""
        names = {p.name for p in self._system.properties} | {NO_FAULT, NO_STUCK_STATE}
        return answer.stopped != FIRST_VIOLATION and names <= {f.property for f in answer.findings}


def _with(answer: Answer, verdict: Verdict) -> set[str]:
    return {f.property for f in answer.findings if f.verdict is verdict}
