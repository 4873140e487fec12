"""Which small mistakes in a model no property notices, as a sign of weak properties.

A mutant is killed if some design gets a verdict that is not the expected one. One that is not
killed is either equivalent, which is shown by comparing state graphs, or it does something else and
nobody minds: a property is missing, or what differs does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fencepost.analyses.expectations import Judgement, judge
from fencepost.analyses.mutants import Mutant, mutants, room_for_mutants, switch, with_mutants
from fencepost.core.errors import InputError
from fencepost.core.limits import INTERRUPTED, TIME_LIMIT, Limits
from fencepost.core.results import Answer, Result
from fencepost.core.system import Design, System

Search = Callable[..., Result]
Compare = Callable[..., bool | None]
Barriers = frozenset[str]
Status = Literal["killed", "equivalent", "survived", "undecided"]
Relation = Literal["", "more", "fewer", "others"]
Counts = tuple[int, int]
"""States and transitions."""


@dataclass(frozen=True)
class Tried:
    """What became of a mutant.

    `design` is where it was killed, or where it first differs from the original, or else the first
    that was looked at; `before` and `after` are counts of states and transitions there. A killed
    mutant has the `reason`, and where the search ended at the violation no counts after. A
    surviving one has the `relation` of its runs in that design to those of the original: it has all
    of them and `more`, `fewer`, or `others`.
    """

    mutant: Mutant
    status: Status
    design: str
    reason: str = ""
    before: Counts | None = None
    after: Counts | None = None
    relation: Relation = ""


@dataclass(frozen=True)
class Mutation:
    """What became of every mutant; `stopped` says why not all were tried, or nothing."""

    designs: tuple[str, ...]
    tried: tuple[Tried, ...]
    mutants: int
    stopped: str = ""

    def of(self, status: Status) -> tuple[Tried, ...]:
        return tuple(t for t in self.tried if t.status == status)


@dataclass(frozen=True)
class Step:
    """How far it is."""

    done: int
    mutants: int
    killed: int
    seconds: float


class Ended(Exception):
    """An early end, for this reason."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Mutating:
    """Tries every mutant of a model on its designs, those that are expected to hold first."""

    def __init__(
        self,
        system: System,
        designs: Sequence[Design],
        search: Search,
        compare: Compare,
        keeps: Compare,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        progress: Callable[[Step], None] | None = None,
    ) -> None:
        """`compare` says whether two sets of barriers have the same graph, `keeps` whether all runs
        of the first are runs of the second; `limits.seconds` is for everything together, the others
        for each search."""
        self.system, self.search, self.compare, self.keeps = system, search, compare, keeps
        self.limits, self.progress = limits, progress
        self.designs = sorted(designs, key=lambda d: bool(d.expect.violations))
        self.began = time.perf_counter()
        self.originals: dict[str, Answer] = {}

    def run(self) -> Mutation:
        """Every mutant until the end or a limit; an interrupt leaves what is known."""
        every = mutants(self.system, self.designs)
        tried: list[Tried] = []
        stopped = ""
        try:
            self.look_at_originals()
            for each in self.each(every):
                tried.append(each)
                self.tell(tried, len(every))
        except Ended as end:
            stopped = end.why
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        names = tuple(design.name for design in self.designs)
        return Mutation(names, tuple(tried), len(every), stopped)

    def tell(self, tried: list[Tried], every: int) -> None:
        if self.progress is not None:
            killed = sum(t.status == "killed" for t in tried)
            self.progress(Step(len(tried), every, killed, time.perf_counter() - self.began))

    def look_at_originals(self) -> None:
        """The designs as they are: they have to be as expected, or any mutant looks noticed."""
        for design in self.designs:
            answer = self.look(self.system, design, design.barriers)
            judged = judge(answer, design.expect, binding=self.system.at_defaults())
            if judged.judgement is not Judgement.AS_EXPECTED:
                raise InputError(
                    "F169",
                    f"the design {design.name} is not as expected before any edit: "
                    f"{'; '.join(judged.reasons)}",
                    why="a mutant is noticed where a verdict is not the expected one",
                    write="a model of which `fencepost check` says yes, or --design for some of it",
                    at=design.location,
                )
            self.originals[design.name] = answer

    def each(self, every: Sequence[Mutant]) -> Iterator[Tried]:
        """Mutants of actions, as many to a system as fit, then exchanges on the system itself."""
        edits = [m for m in every if m.exchanged is None]
        room = room_for_mutants(self.system)
        for start in range(0, len(edits), room):
            chosen = edits[start : start + room]
            together = with_mutants(self.system, chosen)
            for number, mutant in enumerate(chosen):
                changed = {d.name: d.barriers | {switch(number)} for d in self.designs}
                yield self.tried(mutant, together, changed)
        for mutant in every:
            if mutant.exchanged is not None:
                changed = {d.name: exchange(d.barriers, *mutant.exchanged) for d in self.designs}
                yield self.tried(mutant, self.system, changed)

    def tried(self, mutant: Mutant, system: System, changed: dict[str, Barriers]) -> Tried:
        """What becomes of a mutant, which is what these barriers of a system are."""
        counts: dict[str, Counts] = {}
        same: dict[str, bool | None] = {}
        undecided = ""
        for design in self.designs:
            # Where the graph is the same, so is all that can be asked of it.
            same[design.name] = self.compared(system, design.barriers, changed[design.name])
            if same[design.name]:
                counts[design.name] = self.counted(design)
                continue
            first = not design.expect.violations
            answer = self.look(system, design, changed[design.name], first=first)
            judged = judge(answer, design.expect, binding=self.system.at_defaults())
            if judged.judgement is Judgement.NOT_AS_EXPECTED:
                after = (answer.states, answer.transitions) if answer.complete else None
                reason = "; ".join(judged.reasons[:1])
                before = self.counted(design)
                return Tried(mutant, "killed", design.name, reason, before, after)
            if not answer.complete:
                undecided = undecided or design.name
            counts[design.name] = (answer.states, answer.transitions)
        if undecided:
            return Tried(mutant, "undecided", undecided)
        others = [design for design in self.designs if not same[design.name]]
        if not others:
            design = self.designs[0]
            before = self.counted(design)
            return Tried(mutant, "equivalent", design.name, "", before, before)
        design = min(others, key=lambda d: self.counted(d) == counts[d.name])
        before, after = self.counted(design), counts[design.name]
        unknown = same[design.name] is None and before == after
        relation = self.relation(system, design.barriers, changed[design.name])
        status: Status = "undecided" if unknown else "survived"
        return Tried(mutant, status, design.name, "", before, after, relation)

    def counted(self, design: Design) -> Counts:
        answer = self.originals[design.name]
        return answer.states, answer.transitions

    def compared(self, system: System, one: Barriers, other: Barriers) -> bool | None:
        if one == other:
            return True
        return self.compare(system, one, other, self.left())

    def relation(self, system: System, one: Barriers, other: Barriers) -> Relation:
        if self.keeps(system, one, other, self.left()):
            return "more"
        return "fewer" if self.keeps(system, other, one, self.left()) else "others"

    def look(
        self, system: System, design: Design, barriers: Barriers, *, first: bool = False
    ) -> Answer:
        changed = replace(design, barriers=barriers)
        answer = self.search(system, changed, first=first, limits=self.left()).answer
        if answer.stopped in (TIME_LIMIT, INTERRUPTED):
            raise Ended(answer.stopped)
        return answer

    def left(self) -> Limits:
        """The limits of the next search."""
        if self.limits.seconds is None:
            return self.limits
        seconds = self.limits.seconds - (time.perf_counter() - self.began)
        if seconds <= 0:
            raise Ended(TIME_LIMIT)
        return replace(self.limits, seconds=seconds)


def exchange(barriers: Barriers, one: str, other: str) -> Barriers:
    """The barriers that are on when two have changed places."""
    swapped = {one: other, other: one}
    return frozenset(swapped.get(name, name) for name in barriers)
