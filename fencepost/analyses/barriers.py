"""Which barriers are enough, which are needed, and what breaks without each.

All sets of the barriers in question are decided, smaller ones first: a superset of a safe set need
not be safe, so nothing is inferred from one set to a larger one. What a search tells of other sets
is taken from what was asked: a run to a violation refutes every set that agrees on the barriers
asked for in it, and a whole search answers for every set that agrees on those asked for in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fencepost.analyses.barrier_lattice import (
    LIVE,
    SAFE,
    SUFFICIENT,
    Conclusions,
    Facet,
    Known,
    Lattice,
    facets,
)
from fencepost.analyses.barrier_questions import Question
from fencepost.analyses.barrier_results import (
    Analysis,
    Broken,
    Surprise,
    Verdicts,
    Without,
    broken,
)
from fencepost.analyses.consulted import same_answer
from fencepost.analyses.known_runs import Barriers, KnownRuns
from fencepost.analyses.restricting import restricting
from fencepost.core.limits import FIRST_VIOLATION, INTERRUPTED, TIME_LIMIT, Limits
from fencepost.core.results import Answer, Result
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, Expectation, System

MOST_SURPRISES = 5
MOST_RUNS = 100

Search = Callable[..., Result]


@dataclass(frozen=True)
class Step:
    """How far an analysis is."""

    done: int
    sets: int
    searched: int
    minimal: int
    seconds: float


class Ended(Exception):
    """The analysis ends early, for this reason."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Barring:
    """Answers questions about one system; what a search tells serves all of them."""

    def __init__(
        self,
        system: System,
        search: Search,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        progress: Callable[[Step], None] | None = None,
    ) -> None:
        """`limits.seconds` is for everything together, the others for each search."""
        self.system, self.search, self.limits, self.progress = system, search, limits, progress
        self.runs = KnownRuns(system, MOST_RUNS)
        self.answers: dict[Barriers, Answer] = {}
        self.safety = (
            *(p.name for p in system.properties if p.kind == "always"),
            NO_FAULT,
            NO_STUCK_STATE,
        )
        self.began = time.perf_counter()

    def answer(self, question: Question) -> Analysis:
        """Decide the sets in question; an end that comes early leaves what is established."""
        return _Asking(self, question).run()

    def whole_answer(self, barriers: Barriers) -> Answer:
        """What a whole search of these barriers says, from memory where it was made."""
        known = self.answers.get(barriers)
        if known is None or known.stopped == FIRST_VIOLATION:
            known = self.look(barriers, first=False)
        return known

    def look(self, barriers: Barriers, *, first: bool) -> Answer:
        """Search a set of barriers; `Ended` at the limit of time or an interrupt."""
        seconds = self.limits.seconds
        if seconds is not None:
            seconds -= time.perf_counter() - self.began
            if seconds <= 0:
                raise Ended(TIME_LIMIT)
        design = Design(name_of(self.system, barriers), barriers, Expectation())
        limits = replace(self.limits, seconds=seconds)
        answer = self.search(self.system, design, first=first, limits=limits).answer
        if answer.stopped in (TIME_LIMIT, INTERRUPTED):
            raise Ended(answer.stopped)
        self.answers[barriers] = answer
        return answer


def name_of(system: System, barriers: Barriers) -> str:
    """A set of barriers as a name: that of a design with just these, or they themselves."""
    for design in system.designs:
        if design.barriers == barriers:
            return design.name
    return " ".join(b.name for b in system.barriers if b.name in barriers) or "no barrier"


class _Asking:
    def __init__(self, barring: Barring, question: Question) -> None:
        self.barring, self.question = barring, question
        self.lattice = Lattice(question.varied, question.fixed_on)
        self.how: dict[int, str] = {}
        self.told: dict[int, tuple[Broken, ...]] = {}
        self.minimal: dict[tuple[Facet, ...], list[int]] = {SUFFICIENT: [], SAFE: []}
        self.searched = 0

    def run(self) -> Analysis:
        stopped = ""
        without: list[Without] = []
        try:
            for done, number in enumerate(self.lattice.by_size):
                if self.is_open(number):
                    self.tell(done)
                    self.decide(number)
        except Ended as end:
            stopped = end.why
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        sufficient = self.lattice.conclude(SUFFICIENT)
        try:
            for each in self.each_without(sufficient):
                without.append(each)
                if not stopped:
                    without[-1] = self.broken_without(each)
        except Ended as end:
            stopped = end.why
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        return Analysis(
            question=self.question,
            sets=len(self.lattice.numbers),
            sufficient=sufficient,
            safe=self.lattice.conclude(SAFE),
            live=self.lattice.conclude(LIVE) if self.question.whole else None,
            without=tuple(without),
            surprises=tuple(self.surprises()),
            verdicts=tuple(self.verdicts()),
            counts=self.counts(),
            stopped=stopped,
        )

    def tell(self, done: int) -> None:
        if self.barring.progress is None:
            return
        seconds = time.perf_counter() - self.barring.began
        minimal = len(self.minimal[SUFFICIENT])
        self.barring.progress(
            Step(done, len(self.lattice.numbers), self.searched, minimal, seconds)
        )

    # Deciding.

    def is_open(self, number: int) -> bool:
        """Whether something is to be found out about a set."""
        known = self.lattice.known
        here = {facet: known[facet][number] for facet in Facet}
        if self.question.whole:
            return Known.OPEN in here.values()
        for goal, minimal in self.minimal.items():
            states = [here[facet] for facet in goal]
            if Known.VIOLATED in states or Known.OPEN not in states:
                continue
            if not any(number & smaller == smaller for smaller in minimal):
                return True
        return False

    def decide(self, number: int) -> None:
        barriers = self.lattice.barriers(number)
        if not self.question.whole and self.refuted(number, barriers):
            return
        known = self.barring.answers.get(barriers)
        if known is None or (self.question.whole and known.stopped == FIRST_VIOLATION):
            known = self.barring.look(barriers, first=not self.question.whole)
            self.searched += 1
        self.take(number, known)
        for goal, minimal in self.minimal.items():
            here = {self.lattice.known[facet][number] for facet in goal}
            if here == {Known.HOLDS}:
                minimal.append(number)

    def refuted(self, number: int, barriers: Barriers) -> bool:
        """Whether a run that was found is one of this set too."""
        for name in self.barring.safety:
            found = self.barring.runs.refutes(barriers, name)
            if found is not None:
                sets = self.lattice.inside(found.cube)
                self.lattice.learn(sets, Facet.SAFETY, Known.VIOLATED)
                self.how.setdefault(number, "refuted")
                self.told[number] = (Broken(name, "always", len(found.trace)),)
                return True
        return False

    def take(self, number: int, answer: Answer) -> None:
        """Note what an answer says of the set, and of all that agree with it."""
        lattice = self.lattice
        here = lattice.numbers == number
        self.how[number], self.told[number] = "searched", broken(answer)
        for refutation in self.barring.runs.note(answer):
            lattice.learn(lattice.inside(refutation.cube), Facet.SAFETY, Known.VIOLATED)
        if answer.stopped == FIRST_VIOLATION:
            lattice.learn(here, Facet.SAFETY, Known.VIOLATED)
            return
        cube = same_answer(self.barring.system, answer)
        same = here if cube is None else lattice.inside(cube) | here
        for facet, known in facets(answer).items():
            sets = same
            if facet is Facet.REACHABILITY and known is Known.VIOLATED and cube is not None:
                sets = same | lattice.inside_or_above(cube, restricting(self.barring.system))
            lattice.learn(sets, facet, known)
        if self.question.whole:
            for other in lattice.numbers[same].tolist():
                if other not in self.how:
                    self.how[other], self.told[other] = "same as another", broken(answer)

    # Telling.

    def each_without(self, found: Conclusions) -> Iterator[Without]:
        everything = self.question.fixed_on.union(self.question.varied)
        sets = (*found.minimal, *found.perhaps_minimal)
        for name in self.question.varied:
            of = next((barriers for barriers in sets if name in barriers), everything)
            yield Without(name, of, None)

    def broken_without(self, each: Without) -> Without:
        return replace(each, answer=self.barring.whole_answer(each.of - {each.barrier}))

    def surprises(self) -> Iterator[Surprise]:
        if not self.question.whole:
            return
        for count, (number, larger) in enumerate(self.lattice.without_reason()):
            if count >= MOST_SURPRISES:
                return
            barriers, more = self.lattice.barriers(number), self.lattice.barriers(larger)
            (added,) = more - barriers
            yield Surprise(barriers, added, self.told.get(larger, ()))

    def verdicts(self) -> Iterator[Verdicts]:
        numbers = self.lattice.by_size if self.question.whole else sorted(self.how)
        for number in numbers:
            known = {f: Known(self.lattice.known[f][number]) for f in Facet}
            how = self.how.get(number, "not looked at")
            told = self.told.get(number, ())
            yield Verdicts(self.lattice.barriers(number), known, told, how)

    def counts(self) -> dict[str, int]:
        reached = self.lattice.are(SUFFICIENT, Known.HOLDS)
        missed = self.lattice.are(SUFFICIENT, Known.VIOLATED)
        undecided = self.lattice.are(SUFFICIENT, Known.UNDECIDED) & ~missed
        return {
            "sufficient": int(reached.sum()),
            "insufficient": int(missed.sum()),
            "undecided": int(undecided.sum()),
            "open": int((~(reached | missed | undecided)).sum()),
            "searched": self.searched,
        }
