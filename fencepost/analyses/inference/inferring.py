"""Lemmas found from nothing but a model and its properties, and the proof for any size with them.

See `houdini` for the method; here are its stages, the proof for any size of what it found, and
what is said where none was found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fencepost.analyses.inference.attributes import attributes
from fencepost.analyses.inference.boxes import MOST_LITERALS, maximal_empty_boxes
from fencepost.analyses.inference.candidates import Candidate, Candidates, OnDemand, Pool, given
from fencepost.analyses.inference.harvest import asked_by
from fencepost.analyses.inference.houdini import Claims, Lost, Search, minimise
from fencepost.analyses.inference.merged import merged, with_merged
from fencepost.analyses.inference.naming import named
from fencepost.analyses.inference.seen import Seen, seen_states, table
from fencepost.analyses.inference.tables import Template
from fencepost.analyses.inference.templates import (
    Shape,
    schedule,
    sizes_beyond,
    sizes_looked_at,
    variables_of,
)
from fencepost.analyses.wrong import search_at
from fencepost.core.limits import INTERRUPTED, Inferring, Limits
from fencepost.core.results import Finding
from fencepost.core.sizes import allowed, sorts
from fencepost.core.system import NO_FAULT, Design, Lemma, System

if TYPE_CHECKING:
    from fencepost.engines.prove.any_size import Counterexample, Outcome
    from fencepost.engines.prove.any_size.sized import Sized

MOST_COLUMNS, MOST_ROWS = 60, 4_000
"""Of a table that is larger than this, boxes are found on demand."""

MOST_PROOFS = 12
"""So many times a set of lemmas is mended that no small step breaks, and some step does."""

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
        from fencepost.engines.prove.any_size import Effort, Oracle, claim
        from fencepost.engines.prove.any_size.barriers import fix_barriers
        from fencepost.engines.prove.solver import Bounded

        self.system, self.design, self.filtered_by = system, design, filtered_by
        self.first, self.taken = first, taken
        self.limits, self.progress = limits, progress
        self.fixed = fix_barriers(system, design.barriers)
        self.asked = asked_by(self.fixed)
        self.bounded = Bounded(limits)
        beyond = sizes_beyond(system)
        first_sized = Effort(sized_first=True)
        self.oracle = Oracle(system, design.barriers, first_sized, run=self.bounded, sizes=beyond)
        """Looks for counterexamples first, since what is asked of it was not proved before."""
        near = Effort(tries=3, members=0)
        self.unbounded = Oracle(system, design.barriers, near, run=self.bounded)
        """Asks for any size alone, of few hypotheses."""
        self.goals = {p.name: claim(p) for p in system.properties if p.kind == "always"}
        self.sizes = allowed(system, {s.name: 2 for s in sorts(system)})
        self.most_stages = most_stages
        self.pools: dict[Shape, tuple[Candidates, ...]] = {}
        self.seen: list[Seen] = []
        self.claimed: dict[str, Candidate] = {}
        self.proofs: dict[tuple[str, str], frozenset[str]] = {}
        """For any size: by which lemmas each claim was proved to be kept by each action."""
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
        for number, stage in enumerate(schedule(self.system)):
            if self.most_stages is not None and number >= self.most_stages:
                break
            outcome = self._stage(stage)
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

    def _stage(self, shapes: Sequence[Shape]) -> Inferred | Lost:
        """One set of templates, with what the stage before it had claimed to begin with."""
        from fencepost.engines.prove.any_size.sized import Sized

        wrong = self._look_at_states(shapes)
        if wrong is not None:
            return wrong
        pools = list(self._pools(shapes))
        for pool in pools:
            pool.forget()
        claims = Claims(dict(self.goals), no_fault=True, lemmas=self.claimed)
        most = {sort: count for shape in shapes for sort, count in shape if count > 1}
        sizes = allowed(
            self.system, self.sizes | {sort.name: count + 1 for sort, count in most.items()}
        )
        dropped = set[str]()
        for _ in range(MOST_PROOFS):
            sized = Sized(self.system, self.design.barriers, sizes, run=self.bounded)
            search = Search(self.system, sized, claims, self._tell)
            search.pools, search.seen = pools, self.seen
            search.dropped = dropped
            search.perhaps = {c.name: c for c in given(self.first)}
            for lemma in list(claims.lemmas.values()):
                if search.false_somewhere(lemma):  # in more states than the last stage looked at
                    claims.lemmas.pop(lemma.name, None)
            try:
                lost = search.close()
            finally:
                self.tried = max(self.tried, len(claims.lemmas))
                self.counterexamples += search.counterexamples
                self.dropped += len(search.dropped) - len(dropped)
                dropped = set(search.dropped)
            if lost is not None:
                self.claimed = claims.lemmas
                return lost
            whole = dict(claims.lemmas)
            claims.lemmas = claims.needed()
            open_ = self._unproved(claims)
            if open_ is None:
                return self._proved(self._fewer(sized, claims))
            outcome = self._mended(search, *open_)
            self.dropped += len(search.dropped) - len(dropped)
            dropped = search.dropped
            if isinstance(outcome, Lost):
                return outcome
            # What no step at these sizes breaks, a larger does: go on from all there was.
            sizes = {name: max(count, outcome.get(name, 0)) for name, count in sizes.items()}
            claims.lemmas = {n: c for n, c in whole.items() if n not in dropped} | claims.lemmas
        return Lost(next(iter(self.goals), NO_FAULT), None)

    def _unproved(self, claims: Claims) -> tuple[str, str, Outcome] | None:
        """The first claim that is not proved for any size, by which action (none: initially), and
        what the solver says; None where all are. What was proved stays so while all lemmas that
        the proof went by are there."""
        from fencepost.engines.prove.any_size import Proved

        for name, action in self._obligations(claims):
            used = self.proofs.get((name, action))
            if used is not None and used <= claims.lemmas.keys():
                continue
            self._tell(name, len(claims.lemmas), self.dropped)
            outcome = self._decided(claims, name, action)
            if not isinstance(outcome, Proved):
                return name, action, outcome
            self.proofs[name, action] = frozenset(outcome.core) & claims.lemmas.keys()
        return None

    def _mended(
        self, search: Search, name: str, action: str, outcome: Outcome
    ) -> Lost | Mapping[str, int]:
        """Exclude what breaks a claim, or give the claim up; the sizes at which it fails."""
        from fencepost.engines.prove.any_size import Counterexample

        claims, found = search.claims, outcome if isinstance(outcome, Counterexample) else None
        if found is None or not action:
            if name not in claims.lemmas:
                return Lost(name, found)
            search.drop(name)
            return {}
        self.counterexamples += 1
        chosen = search.excluding(found, name)
        if chosen is not None:
            claims.lemmas[chosen.name] = chosen
            claims.pinned.add(chosen.name)
        elif name in claims.lemmas:
            search.drop(name)
        else:
            return Lost(name, found)
        return dict(found.sizes)

    def _fewer(self, sized: Sized, claims: Claims) -> Claims:
        """Proved claims without the lemmas that others can do without, as far as there is time."""
        from fencepost.engines.prove.solver import RunEnded

        fewer = replace(
            claims,
            lemmas=dict(claims.lemmas),
            cores=dict(claims.cores),
            pinned=set(claims.pinned),
        )
        try:
            minimise(sized, fewer, self._tell)
            return fewer if self._unproved(fewer) is None else claims
        except (RunEnded, KeyboardInterrupt):  # what is proved stays so
            return claims

    def _proved(self, claims: Claims) -> Inferred:
        first = {lemma.name for lemma in self.first}
        fresh = [c for name, c in claims.lemmas.items() if name not in first]
        return self._result(
            proved=True,
            lemmas=named(self.system, fresh, self.design, self.taken),
            kept=tuple(name for name in claims.lemmas if name in first),
            obligations=sum(1 for _ in self._obligations(claims)),
        )

    def _decided(self, claims: Claims, name: str, action: str) -> Outcome:
        """What becomes of a claim by an action, or initially. First under those claims alone that
        it took at sizes: the fewer a solver is given, the sooner it is done."""
        from fencepost.engines.prove.any_size import Proved

        formula = claims.formula(name)
        core = claims.cores.get(name, frozenset())
        near = [c for c in claims.all if c.name in core]
        for oracle, under in ((self.unbounded, near), (self.oracle, claims.all)):
            if formula is None:
                outcome = oracle.fault_free(action, under)
            elif not action:
                outcome = oracle.holds_initially(formula)
            else:
                outcome = oracle.preserved(formula, action, under)
            if isinstance(outcome, Proved):
                break
        return outcome

    def _obligations(self, claims: Claims) -> Iterator[tuple[str, str]]:
        """Each claim with each action, initial states (no action) first: a claim that is false
        there may contradict the others, and then no step tells."""
        actions = [a.name for a in self.system.actions]
        yield from ((name, "") for name in claims.names if name != NO_FAULT)
        for name in claims.names:
            yield from ((name, action) for action in actions)

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
                self.pools[shape] = tuple(self._candidates_of(shape))
            yield from self.pools[shape]

    def _candidates_of(self, shape: Shape) -> Iterator[Candidates]:
        """Those found on demand; and all short ones, where the table is small enough."""
        variables = variables_of(shape)
        plain = attributes(self.asked, variables)
        if not plain:
            return
        rows = table(variables, plain, self.seen)
        if not len(rows):
            return
        more = merged(plain, rows)
        template = Template(variables, (*plain, *more))
        rows = with_merged(rows, plain, more)
        prefix = "_".join(["?", *(v.name for v in variables), ""])  # as no other name begins
        yield OnDemand(template, rows, prefix, MOST_LITERALS)
        if len(template.attributes) <= MOST_COLUMNS and len(rows) <= MOST_ROWS:
            yield Pool(template, maximal_empty_boxes(rows, template.sizes), f"{prefix}box_")

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
