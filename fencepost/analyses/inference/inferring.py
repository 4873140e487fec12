"""Lemmas found from nothing but a model and its properties, and the proof for any size with them.

See `houdini` for the method; here are its stages, the proof for any size of what it found, and
what is said where none was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fencepost.analyses.inference.attributes import Attribute
from fencepost.analyses.inference.candidates import Candidate, Candidates, given
from fencepost.analyses.inference.harvest import asked_by
from fencepost.analyses.inference.houdini import Claims, Lost, Search
from fencepost.analyses.inference.minimising import minimise
from fencepost.analyses.inference.naming import named
from fencepost.analyses.inference.obligations import Obligations
from fencepost.analyses.inference.pools import candidates_of
from fencepost.analyses.inference.seen import Seen, seen_states
from fencepost.analyses.inference.templates import (
    Shape,
    schedule,
    sizes_looked_at,
    sizes_searched,
)
from fencepost.analyses.wrong import search_at
from fencepost.core.limits import INTERRUPTED, TIME_LIMIT, Inferring, Limits
from fencepost.core.results import Finding
from fencepost.core.sizes import allowed
from fencepost.core.system import NO_FAULT, Design, Lemma, System

if TYPE_CHECKING:
    from fencepost.engines.prove.any_size import Counterexample, Outcome
    from fencepost.engines.prove.any_size.sized import Sized

MOST_MENDS, MOST_MENDS_OF_A_GOAL = 2, 20
"""What no small step breaks and more larger ones than these do is given up."""

InferenceReport = Callable[[Inferring], None]


@dataclass(frozen=True)
class Inferred:
    """What the search for lemmas of one design came to.

    `proved`: every goal is proved for any size with `lemmas`. Otherwise `goal` is one that is not:
    `violation` shows that it is wrong, or `obstacle` is a step that breaks it from a state which no
    lemma of the language excludes, or `stopped` says why the search ended.
    """

    design: Design
    proved: bool
    lemmas: tuple[Lemma, ...] = ()
    kept: tuple[str, ...] = ()
    """Of the lemmas given as first candidates, those that the proof takes beside `lemmas`."""
    obligations: int = 0
    goal: str = ""
    violation: Finding | None = None
    violated_at: System | None = None
    obstacle: object | None = None
    stopped: str = ""
    lemmas_tried: int = 0
    lemmas_dropped: int = 0
    counterexamples: int = 0
    seconds: float = field(default=0.0, compare=False)


def infer_lemmas(
    system: System,
    design: Design,
    *,
    first: Sequence[Lemma] = (),
    taken: Collection[str] = (),
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: InferenceReport | None = None,
    most_stages: int | None = None,
    filtered_by: Design | None = None,
) -> Inferred:
    """Find lemmas with which every `always` property and `no_fault` of a design are proved for any
    size. `system` is recorded for any size.

    `first` are candidates that come before all others, such as the lemmas of an earlier version.
    `taken` are names that no lemma is to have. `filtered_by`: candidates are read off the states of
    another design (for controls: what they are read off is never trusted).
    """
    return _Inference(
        system, design, first, taken, limits, progress, most_stages, filtered_by or design
    ).run()


class _Inference:
    def __init__(
        self,
        system: System,
        design: Design,
        first: Sequence[Lemma],
        taken: Collection[str],
        limits: Limits,
        progress: InferenceReport | None,
        most_stages: int | None,
        filtered_by: Design,
    ) -> None:
        from fencepost.engines.prove.any_size import claim
        from fencepost.engines.prove.any_size.barriers import fix_barriers
        from fencepost.engines.prove.solver import Bounded

        self.system, self.design, self.filtered_by = system, design, filtered_by
        self.first, self.taken = first, taken
        self.limits, self.progress = limits, progress
        self.fixed = fix_barriers(system, design.barriers)
        self.asked = asked_by(self.fixed)
        self.bounded = Bounded(limits)
        self.obligations = Obligations(system, design.barriers, self.bounded)
        self.goals = {p.name: claim(p) for p in system.properties if p.kind == "always"}
        self.most_stages = most_stages
        self.attributes: dict[Attribute, Attribute] = {}
        """Of the same attribute of several templates always one."""
        self.prefixes = set[str]()
        self.pools: dict[Shape, tuple[Candidates, ...]] = {}
        self.seen: list[Seen] = []
        self.claimed: dict[str, Candidate] = {}
        self.broken: list[tuple[Counterexample, str]] = []
        self.tried = self.dropped = self.counterexamples = 0

    def run(self) -> Inferred:
        from fencepost.engines.prove.solver import RunEnded

        try:
            with self.bounded.interruptible():
                return replace(self._stages(), seconds=self.bounded.seconds)
        except RunEnded as end:
            stopped = end.why
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        return self._result(proved=False, stopped=stopped)

    def _result(self, **told: object) -> Inferred:
        return Inferred(
            self.design,
            lemmas_tried=self.tried,
            lemmas_dropped=self.dropped,
            counterexamples=self.counterexamples,
            seconds=self.bounded.seconds,
            **told,  # type: ignore[arg-type]  # fields of the result, by their names
        )

    def _stages(self) -> Inferred:
        lost: Lost | None = None
        stages = schedule(self.system)[: self.most_stages]
        for number, stage in enumerate(stages, 1):
            outcome = self._stage(stage, last=number == len(stages))
            if isinstance(outcome, Inferred):
                return outcome
            lost = outcome
            if lost.found is not None and not self._covered(lost.goal, lost.found):
                wrong = self._wrong(dict(lost.found.sizes))
                if wrong is not None:
                    return wrong
        if lost is None:
            raise ValueError("a search of no stage")
        if lost.found is None:
            reason = f"the solver gives no answer about {lost.goal}"
            return self._result(proved=False, goal=lost.goal, stopped=reason)
        return self._result(proved=False, goal=lost.goal, obstacle=lost.found)

    def _stage(self, shapes: Sequence[Shape], *, last: bool) -> Inferred | Lost:
        """One set of templates, with what the stage before it had claimed to begin with."""
        from fencepost.engines.prove.any_size.sized import EachSize

        wrong = self._look_at_states(shapes)
        if wrong is not None:
            return wrong
        pools = list(self._pools(shapes))
        for pool in pools:
            pool.forget()
        claims = Claims(dict(self.goals), no_fault=True, lemmas=self.claimed)
        sizes: list[Mapping[str, int]] = []
        for each in sizes_searched(shapes, self.system):
            if (near := allowed(self.system, each)) not in sizes:
                sizes.append(near)
        sized = EachSize(self.system, self.design.barriers, sizes, run=self.bounded)
        search = Search(self.system, sized, claims, self._tell)
        search.pools, search.seen, search.broken = pools, self.seen, self.broken
        search.last = last
        search.perhaps = {c.name: c for c in given(self.first)}
        for lemma in list(claims.lemmas.values()):
            if search.false_somewhere(lemma):  # in more states than the last stage looked at
                claims.lemmas.pop(lemma.name, None)
        try:
            lost = self._closed_for_any_size(search)
        finally:
            self.counterexamples += search.counterexamples
            self.dropped += len(search.dropped)
        if lost is not None:
            self.claimed = claims.lemmas
            return lost
        return self._proved(claims)

    def _closed_for_any_size(self, search: Search) -> Lost | None:
        """Find claims that no step breaks: first none at the search's sizes, then none at all."""
        claims = search.claims
        lost = self._closed(search)
        if lost is not None:
            return lost
        fewer = self._fewer(search.sized.at[0], claims)
        # What the first size can do without, another may not: there it is claimed again.
        search.perhaps |= {n: c for n, c in claims.lemmas.items() if n not in fewer.lemmas}
        claims.lemmas = fewer.lemmas
        claims.cores.clear()
        lost = self._closed(search)
        if lost is not None:
            return lost
        mended = Counter[str]()

        def told(current: str) -> None:
            self._tell(current, len(claims.lemmas), self.dropped)

        while open_ := self.obligations.open(claims, search.spare, told):
            known = set(claims.lemmas)
            for name, action, outcome in open_:
                fresh = [c for n, c in claims.lemmas.items() if n not in known]
                if self._excluded(outcome, fresh):
                    continue
                lost = self._mend(search, name, action, outcome, mended)
                if lost is not None:
                    return lost
            lost = self._closed(search)
            if lost is not None:
                return lost
        return None

    def _excluded(self, outcome: Outcome, lemmas: Sequence[Candidate]) -> bool:
        """Whether some lemma is false before the step of a counterexample."""
        from fencepost.engines.prove.any_size.counterexamples import Counterexample, holds

        return isinstance(outcome, Counterexample) and not all(
            holds(outcome.system, self.design.barriers, outcome.before, lemma) for lemma in lemmas
        )

    def _closed(self, search: Search) -> Lost | None:
        try:
            return search.close()
        finally:
            self.tried = max(self.tried, len(search.claims.lemmas))

    def _mend(
        self, search: Search, name: str, action: str, outcome: Outcome, mended: Counter[str]
    ) -> Lost | None:
        """Exclude what breaks a claim, or give the claim up."""
        from fencepost.engines.prove.any_size import Counterexample

        claims, found = search.claims, outcome if isinstance(outcome, Counterexample) else None
        if name not in claims.names:
            return None
        chosen = None
        mended[name] += 1
        most = MOST_MENDS if name in claims.lemmas else MOST_MENDS_OF_A_GOAL
        if found is not None and action and mended[name] <= most:
            self.counterexamples += 1
            chosen = search.excluding(found, name)
        if chosen is not None:
            claims.pin({chosen.name: chosen})
        elif name in claims.lemmas:
            search.drop(name)
        else:
            return Lost(name, found)
        return None

    def _fewer(self, sized: Sized, claims: Claims) -> Claims:
        """Claims without the lemmas that others can do without: where time is short, as far as
        half of what is left of it goes, since the proof is still to come."""
        from fencepost.engines.prove.solver import RunEnded

        fewer = replace(
            claims,
            lemmas=dict(claims.lemmas),
            cores=dict(claims.cores),
            pinned=set(claims.pinned),
        )
        left = self.bounded.seconds_left

        def told(current: str, lemmas: int, dropped: int) -> None:
            self._tell(current, lemmas, dropped)
            now = self.bounded.seconds_left
            if left is not None and now is not None and now < left / 2:
                raise RunEnded(TIME_LIMIT)

        with suppress(RunEnded, KeyboardInterrupt):  # what it came to until then is as good
            minimise(sized, fewer, told, self.broken)
        return fewer

    def _proved(self, claims: Claims) -> Inferred:
        first = {lemma.name for lemma in self.first}
        fresh = [c for name, c in claims.lemmas.items() if name not in first]
        return self._result(
            proved=True,
            lemmas=named(self.system, fresh, self.design, self.taken),
            kept=tuple(name for name in claims.lemmas if name in first),
            obligations=sum(1 for _ in self.obligations.of(claims)),
        )

    def _look_at_states(self, shapes: Sequence[Shape]) -> Inferred | None:
        """Look for the states that candidates of these templates are read off, each size once; the
        violation, where a goal is false in one of them."""
        looked: list[Seen] = []
        known = {tuple(seen.sizes.items()): seen for seen in self.seen}
        for each in sizes_looked_at(shapes, self.system):
            sizes = allowed(self.system, each)
            if any(seen.sizes == sizes for seen in looked):
                continue
            self._tell("states of small sizes", 0, 0)
            seen = known.get(tuple(sizes.items()))
            if seen is None:
                seen = seen_states(self.system, self.filtered_by, sizes, self._limits_left())
                self.bounded.pause()
                goals = self.goals.values() if self.filtered_by is self.design else ()
                wrong = self._wrong(sizes) if any(seen.breaks(goal) for goal in goals) else None
                if wrong is not None:
                    return wrong
            looked.append(seen)
        self.seen = looked
        return None

    def _pools(self, shapes: Sequence[Shape]) -> Iterator[Candidates]:
        """The candidates of templates; tables are made once."""
        for shape in shapes:
            if shape not in self.pools:
                self._tell("states of small sizes", 0, 0)
                found = candidates_of(self.asked, shape, self.seen, self.attributes, self.prefixes)
                self.pools[shape] = tuple(found)
            yield from self.pools[shape]

    def _covered(self, goal: str, found: Counterexample) -> bool:
        """Whether every state at the very sizes of what broke a goal was looked at: exploring there
        tells nothing new. (What holds of some members may be false of fewer.)"""
        if goal == NO_FAULT or self.filtered_by is not self.design:
            return False
        sizes = dict(found.sizes)
        return any(seen.complete and sizes == seen.sizes for seen in self.seen)

    def _wrong(self, sizes: Mapping[str, int]) -> Inferred | None:
        """The violation, if exploring at some sizes finds one."""
        self._tell("exploring at the counterexample's sizes", 0, 0)
        limits = self._limits_left()
        names = [*self.goals, NO_FAULT]
        searched = search_at(self.system, self.design, sizes, names, limits)
        if searched.violation is None:
            return None
        return self._result(
            proved=False,
            goal=searched.violation.property,
            violation=searched.violation,
            violated_at=searched.system,
        )

    def _limits_left(self) -> Limits:
        return Limits(seconds=self.bounded.seconds_left, memory_bytes=self.limits.memory_bytes)

    def _tell(self, current: str, lemmas: int, dropped: int) -> None:
        self.bounded.pause()
        if self.progress is not None:
            self.progress(Inferring(lemmas, dropped, current, self.bounded.seconds))


__all__ = ["Inferred", "infer_lemmas"]
