"""All sets of some barriers, with what is known of each and what follows from it.

A set is a number whose bit *i* says whether the *i*-th barrier is on. More barriers are not always
better, so nothing here infers from a set to larger ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fencepost.analyses.known_runs import Barriers, Cube
from fencepost.core.results import Answer, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sets = NDArray[np.bool_]

Names = tuple[str, ...]


class Facet(Enum):
    """What kinds of properties are asked about apart."""

    SAFETY = "safety"
    LIVENESS = "liveness"
    REACHABILITY = "reachability"


class Known(IntEnum):
    """What is known of one facet of one set."""

    OPEN = 0
    HOLDS = 1
    VIOLATED = 2
    UNDECIDED = 3


SUFFICIENT = (Facet.SAFETY, Facet.LIVENESS, Facet.REACHABILITY)
SAFE = (Facet.SAFETY, Facet.REACHABILITY)
LIVE = (Facet.LIVENESS, Facet.REACHABILITY)


def facet_of(kind: str) -> Facet:
    """The facet that a kind of property belongs to: what is neither a bad state (`always`) nor a
    state to be reached (`reachable`) is about what comes later."""
    return {"always": Facet.SAFETY, "reachable": Facet.REACHABILITY}.get(kind, Facet.LIVENESS)


@dataclass(frozen=True)
class Conclusions:
    """What follows for one goal, such as safety with everything still reachable.

    `minimal`: sets that reach the goal and of which no smaller one does. `perhaps_minimal`: sets
    that reach it, with smaller ones that were not decided. `needed`: barriers that every set which
    reaches it contains; `redundant`: barriers in no minimal set. `unsettled` are barriers of which
    neither could be said because of sets that were not decided.
    """

    minimal: tuple[Barriers, ...]
    perhaps_minimal: tuple[Barriers, ...]
    needed: Names
    redundant: Names
    unsettled: Names


class Lattice:
    """The sets of the varied barriers, the others being on or off in all of them."""

    def __init__(self, varied: Names, fixed_on: Barriers) -> None:
        import numpy as np

        self.varied, self.fixed_on = varied, fixed_on
        self.numbers = np.arange(1 << len(varied), dtype=np.int64)
        self.known: dict[Facet, NDArray[np.int8]] = {
            facet: np.zeros(len(self.numbers), dtype=np.int8) for facet in Facet
        }

    @cached_property
    def by_size(self) -> list[int]:
        """Every set, smaller ones first."""
        import numpy as np

        sizes = sum(self.numbers >> bit & 1 for bit in range(len(self.varied)))
        order: list[int] = np.argsort(sizes, kind="stable").tolist()
        return order

    def barriers(self, number: int) -> Barriers:
        """All barriers that are on in a set."""
        return self.fixed_on.union(n for i, n in enumerate(self.varied) if number >> i & 1)

    def number(self, barriers: Barriers) -> int:
        """The set with these of the varied barriers."""
        return sum(1 << i for i, name in enumerate(self.varied) if name in barriers)

    def inside(self, cube: Cube) -> Sets:
        """Which sets lie in a cube."""
        import numpy as np

        fixed = cube.asked - set(self.varied)
        if fixed & cube.on != fixed & self.fixed_on:
            return np.zeros(len(self.numbers), dtype=np.bool_)
        asked, on = self.number(cube.asked), self.number(cube.on)
        inside: Sets = (self.numbers & asked) == (on & asked)
        return inside

    def inside_or_above(self, cube: Cube, free: Barriers) -> Sets:
        """Which sets lie in a cube, or do but for more of the barriers in `free` being on."""
        sets: Sets = self.inside(Cube(cube.on, cube.asked - (free - cube.on)))
        return sets

    def learn(self, sets: Sets, facet: Facet, what: Known) -> None:
        """Note what is known of a facet of some sets; a decided one stays as it is."""
        known = self.known[facet]
        weaker = (known == Known.OPEN) | (known == Known.UNDECIDED)
        known[sets & weaker] = what

    def are(self, goal: tuple[Facet, ...], what: Known) -> Sets:
        """Which sets are known to reach a goal (`HOLDS`) or to miss it (`VIOLATED`)."""
        import numpy as np

        each: list[Sets] = [self.known[facet] == what for facet in goal]
        both = np.logical_and if what == Known.HOLDS else np.logical_or
        result: Sets = both.reduce(each)
        return result

    def conclude(self, goal: tuple[Facet, ...]) -> Conclusions:
        """What follows from all that is known."""
        reached = self.are(goal, Known.HOLDS)
        possible = ~self.are(goal, Known.VIOLATED)
        first = reached & ~self.above(reached)
        sure = first & ~self.above(possible)
        candidates = possible & ~self.above(reached)
        needed, redundant, unsettled = [], [], []
        for bit, name in enumerate(self.varied):
            has = (self.numbers >> bit & 1).astype(bool)
            if not reached.any():
                continue
            is_needed = not possible[~has].any()
            is_redundant = not candidates[has].any()
            if is_needed:
                needed.append(name)
            elif is_redundant:
                redundant.append(name)
            elif not (reached[~has].any() and sure[has].any()):
                unsettled.append(name)
        return Conclusions(
            self.told(sure),
            self.told(first & ~sure),
            tuple(needed),
            tuple(redundant),
            tuple(unsettled),
        )

    def above(self, sets: Sets) -> Sets:
        """Which sets have a smaller one among these."""
        import numpy as np

        at_or_above = sets.copy()
        for bit in range(len(self.varied)):
            halves = at_or_above.reshape(-1, 2, 1 << bit)
            halves[:, 1] |= halves[:, 0]
        strictly = np.zeros_like(sets)
        for bit in range(len(self.varied)):
            strictly.reshape(-1, 2, 1 << bit)[:, 1] |= at_or_above.reshape(-1, 2, 1 << bit)[:, 0]
        return strictly

    def told(self, sets: Sets) -> tuple[Barriers, ...]:
        """Some sets as barriers, smaller ones first, then in the order of the model."""
        chosen: list[int] = self.numbers[sets].tolist()
        chosen.sort(key=lambda n: (n.bit_count(), [-(n >> i & 1) for i in range(len(self.varied))]))
        return tuple(self.barriers(number) for number in chosen)

    def without_reason(self) -> Iterator[tuple[int, int]]:
        """Pairs of a set that is sufficient and the same with one more barrier that is not."""
        reached = self.are(SUFFICIENT, Known.HOLDS)
        missed = self.are(SUFFICIENT, Known.VIOLATED)
        for number in self.by_size:
            if not reached[number]:
                continue
            for bit in range(len(self.varied)):
                larger = number | 1 << bit
                if larger != number and missed[larger]:
                    yield number, larger


def facets(answer: Answer) -> dict[Facet, Known]:
    """What an answer says of each facet; a facet without properties holds."""
    found: dict[Facet, Any] = dict.fromkeys(Facet, Known.HOLDS)
    for finding in answer.findings:
        facet = facet_of(finding.kind)
        if finding.verdict is Verdict.VIOLATED:
            found[facet] = Known.VIOLATED
        elif finding.verdict is not Verdict.HOLDS and found[facet] is not Known.VIOLATED:
            found[facet] = Known.UNDECIDED
    return found
