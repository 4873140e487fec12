"""The search for lemmas: each counterexample to induction is excluded by the shortest candidate.

It starts with the safety of a design alone. A step that breaks a claim though all claims hold
before it starts in a state that some candidate may exclude: the shortest that does becomes a claim
too, and has to be kept by every step in its turn. A claim that nothing can save is dropped, and
what had gone by it is asked again; if it is a safety property, no proof was found.

Method: Houdini (Flanagan and Leino, 2001) from the goal backwards, with candidates taken from
states of small sizes; that candidates are true there is never trusted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from fencepost.analyses.inference.candidates import (
    FOUND,
    MOST_HIT,
    Candidate,
    Candidates,
    Question,
)
from fencepost.analyses.inference.lifting import NO_CELLS, lifted, with_reasons
from fencepost.analyses.inference.seen import false_in
from fencepost.analyses.inference.tables import Codes
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core.expressions import Read, walk
from fencepost.core.system import NO_FAULT, Action, System
from fencepost.core.trees import decisions

if TYPE_CHECKING:
    from fencepost.analyses.inference.seen import Seen
    from fencepost.engines.prove.any_size import Claim, Counterexample
    from fencepost.engines.prove.any_size.sized import EachSize

MOST_TRIED = 6
"""So many candidates are asked about, whether every step keeps them; else the cheapest is taken."""

MOST_LEARNT = 16
"""So many of the states in which a candidate is false are rows of tables from then on."""

PATIENCE = 8
"""A lemma that more counterexamples than these break is given up, for as long as the goals can do
without it."""

Told = Callable[[str, int, int], None]
"""Told which claim is looked at, how many lemmas there are, and how many were dropped."""


@dataclass(frozen=True)
class Lost:
    """A goal that no set of candidates was found for: the step that breaks it, which no candidate
    excludes; or no step, where the solver gave no answer."""

    goal: str
    found: Counterexample | None


@dataclass
class Claims:
    """What is claimed together: goals, and lemmas under their names, in the order they came in.

    `cores` say which claims each takes to be kept by every step; `pinned` are lemmas that other
    sizes than those of the search need, which cores do not tell.
    """

    goals: dict[str, Claim]
    no_fault: bool
    lemmas: dict[str, Candidate] = field(default_factory=dict)
    cores: dict[str, frozenset[str]] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)

    @property
    def all(self) -> tuple[Claim | Candidate, ...]:
        return (*self.goals.values(), *self.lemmas.values())

    def formula(self, name: str) -> Claim | Candidate | None:
        """The formula of that name; None for "no fault"."""
        if name == NO_FAULT:
            return None
        return self.goals.get(name) or self.lemmas[name]

    @property
    def names(self) -> list[str]:
        """The goals, then the lemmas."""
        return [*([NO_FAULT] if self.no_fault else []), *self.goals, *self.lemmas]

    @property
    def open(self) -> list[str]:
        """The claims of which it is not known what keeps them."""
        names = self.names
        return [n for n in names if n not in self.cores or not self.cores[n] <= set(names)]

    def pin(self, lemmas: Mapping[str, Candidate]) -> None:
        """Claim lemmas that other sizes than those of the search need."""
        self.lemmas |= lemmas
        self.pinned |= lemmas.keys()

    def needed(self) -> dict[str, Candidate]:
        """The lemmas that the goals go by, directly or not."""
        seen = {NO_FAULT, *self.goals, *self.pinned}
        pending = list(seen)
        while pending:
            fresh = self.cores.get(pending.pop(), frozenset()) - seen
            seen |= fresh
            pending += sorted(fresh)
        return {name: lemma for name, lemma in self.lemmas.items() if name in seen}


class Search:
    """The loop, over pools of candidates that may grow between calls."""

    def __init__(self, system: System, sized: EachSize, claims: Claims, told: Told) -> None:
        self.system, self.sized, self.claims, self.told = system, sized, claims, told
        self.pools: list[Candidates] = []
        self.seen: list[Seen] = []
        """States that candidates are looked at in before they are claimed."""
        self.perhaps: dict[str, Candidate] = {}
        """Candidates that are assumed from the start; those that a proof takes are claimed."""
        self.dropped: set[str] = set()
        self.withdrawn: set[str] = set()
        """Lemmas that others took the place of, once each; they may be claimed again."""
        self.patience = PATIENCE
        self.costly: set[str] = set()
        """Lemmas that were given up since so much is needed to keep them."""
        self.last = True
        """Whether a goal is lost for good, so that these are claimed again before; else one that
        takes many lemmas is left to larger templates."""
        self.broken: list[tuple[Counterexample, str]] = []
        """Counterexamples to induction, each with the claim that its step breaks."""
        self.counterexamples = 0
        self._looked_at = {a.name: _fields_of(a) for a in system.actions}

    @property
    def spare(self) -> dict[str, Candidate]:
        """Candidates that are assumed, and are claimed where something goes by them."""
        claimed = self.claims.lemmas
        return {n: c for n, c in self.perhaps.items() if n not in self.dropped and n not in claimed}

    def close(self) -> Lost | None:
        """Add and drop lemmas until no step at the search's sizes breaks a claim."""
        import numpy as np

        from fencepost.engines.prove.any_size.sized import Kept

        open_ = deque(self.claims.open)
        while open_:
            name = open_.popleft()
            if (
                name != NO_FAULT
                and name not in self.claims.goals
                and name not in self.claims.lemmas
            ):
                continue
            broken = 0
            while True:
                self.told(name, len(self.claims.lemmas), len(self.dropped))
                spare = self.spare
                answer = self.sized.broken(
                    self.claims.formula(name), self.claims.all, tuple(spare.values())
                )
                if isinstance(answer, Kept):
                    taken = sorted(answer.core & spare.keys())
                    if any(self.false_somewhere(spare[each]) for each in taken):
                        continue
                    self.claims.cores[name] = answer.core
                    self.claims.lemmas |= {each: spare[each] for each in taken}
                    open_ += taken
                    break
                if self._superfluous(name):
                    break
                chosen = None
                broken += 1
                if broken > self.patience and name in self.claims.lemmas:
                    self.costly.add(name)
                    open_ += self.drop(name)
                    break
                if broken > 2 * self.patience and not self.last:
                    return Lost(name, answer)
                if answer is not None:
                    self.counterexamples += 1
                    chosen = self.excluding(answer, name)
                if chosen is not None:
                    self.claims.lemmas[chosen.name] = chosen
                    open_.append(chosen.name)
                    continue
                if name not in self.claims.lemmas:
                    if not self.costly or not self.last:
                        return Lost(name, answer)
                    self.patience *= 2
                    self.dropped -= self.costly
                    self.costly.clear()
                    continue
                open_ += self.drop(name)
                if answer is not None and answer.after is not None:
                    after = np.array([answer.after], dtype=np.int64).T
                    sizes = dict(answer.sizes)
                    open_ += self.learn(Vectors(answer.system, self.sized.barriers, after, sizes))
                break
        return None

    def _superfluous(self, name: str) -> bool:
        """Whether the claims that went by a broken lemma can do without it by now, with what has
        been claimed since; then it is withdrawn."""
        claims = self.claims
        if name not in claims.lemmas or name in claims.pinned or name in self.withdrawn:
            return False
        rest = [each for each in claims.all if each.name != name]
        cores: dict[str, frozenset[str]] = {}
        for user in claims.names:
            if user != name and name in claims.cores.get(user, ()):
                without = self.sized.core(claims.formula(user), rest)
                if without is None:
                    return False
                cores[user] = without
        self.withdrawn.add(name)
        claims.cores |= cores
        claims.cores.pop(name, None)
        del claims.lemmas[name]
        return True

    def learn(self, states: Vectors) -> list[str]:
        """No lemma may exclude one of these states: those that do are all given up. The claims that
        went by one of them."""
        again: list[str] = []
        codes: Codes = {}
        for pool in self.pools:
            for name in sorted(pool.learn(states, codes)):
                if name in self.claims.lemmas:
                    again += self.drop(name)
                self.dropped.add(name)
        return list(dict.fromkeys(again))

    def false_somewhere(self, chosen: Candidate) -> bool:
        """Whether a candidate is false in a state that was seen; then it is given up, with all that
        some of these states make false."""
        for seen in self.seen:
            false = false_in(chosen, seen.vectors)
            if false:
                self.dropped.add(chosen.name)
                self.learn(seen.vectors.some(false[:: -(-len(false) // MOST_LEARNT)]))
                return True
        return False

    def drop(self, name: str) -> list[str]:
        """Give up a lemma; the claims that went by it."""
        del self.claims.lemmas[name]
        self.claims.cores.pop(name, None)
        self.claims.pinned.discard(name)
        self.dropped.add(name)
        again = [other for other, core in self.claims.cores.items() if name in core]
        return [other for other in again if other != name]

    def excluding(self, found: Counterexample, broken: str) -> Candidate | None:
        """The shortest candidate that does not hold before the step; of several, the one that
        speaks most of what the step and the broken claim look at."""
        self.broken.append((found, broken))
        formula = self.claims.formula(broken)
        matter = set(self._looked_at[found.step.action]) if found.step is not None else set()
        if formula is not None:
            matter |= {n.field for n in walk(formula.condition) if isinstance(n, Read)}
        cells = lifted(found, self.sized.barriers, formula)
        ring = with_reasons(found, self.sized.barriers, self.claims.goals.values(), cells)
        first: Candidate | None = None
        for wide, only in ((False, cells), (False, ring), (False, NO_CELLS), (True, NO_CELLS)):
            if first is not None and not only:
                break
            question = Question(
                found.system,
                self.sized.barriers,
                found.before,
                dict(found.sizes),
                frozenset(matter),
                self.dropped,
                wide,
                only,
            )
            kept, cheapest = self._best(question)
            if kept is not None:
                return kept
            first = first or cheapest
        return first

    def _best(self, question: Question) -> tuple[Candidate | None, Candidate | None]:
        """The cheapest candidate that every step keeps where all claims hold, among the first few;
        and the cheapest of all."""
        while True:
            under = [*self.claims.all, *self.spare.values()]
            first: Candidate | None = None
            kept: Candidate | None = None
            for each in islice(self._candidates(question), MOST_TRIED):
                first = first or each
                if self.sized.keeps(each, under):
                    kept = each
                    break
            chosen = kept or first
            if chosen is None or not self.false_somewhere(chosen):
                return kept, chosen

    def _candidates(self, question: Question) -> Iterator[Candidate]:
        """What excludes a state, the cheapest first; long ones are looked for when they are due."""
        found: list[tuple[tuple[int, ...], Candidate]] = []
        widths = [len(pool.template.variables) for pool in self.pools]
        for length in range(min(widths, default=0) + 1, max(widths, default=0) + MOST_HIT + 1):
            for rank, pool in enumerate(self.pools):
                if 0 < (literals := length - widths[rank]) <= MOST_HIT:
                    each = enumerate(pool.excluding(question, literals))
                    found += [
                        ((*cost, rank, place), candidate) for place, (cost, candidate) in each
                    ]
            found.sort(key=lambda item: item[0])
            while found and found[0][0][0] == FOUND:
                yield found.pop(0)[1]
        yield from (candidate for _, candidate in found)


def _fields_of(action: Action) -> frozenset[str]:
    return frozenset(
        node.field
        for decision in decisions(action.tree)
        for node in walk(decision.condition)
        if isinstance(node, Read)
    )
