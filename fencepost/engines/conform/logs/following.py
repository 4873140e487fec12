"""Following a log through a model: the states that every run with this log may be in.

After each event the set of states is exactly that of the runs which take the logged steps in their
order, with steps of the unlogged actions anywhere between, and in which what was seen was so. Where
it is empty no run explains the log; until then every state in it is the end of a run that does.

A claim is VIOLATED where it fails in all of these states at one moment that no run avoids: right
after a step, or when something was seen. Where it fails in some only, the log does not tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from typing import Any

from fencepost.core.errors import InputError, Location
from fencepost.core.limits import INTERRUPTED, MEMORY_LIMIT, STATES_LIMIT, TIME_LIMIT, Limits
from fencepost.core.machine import machine_memory
from fencepost.core.results import Verdict
from fencepost.core.semantics import Barriers
from fencepost.core.system import NO_FAULT, System
from fencepost.core.trees import Fault, leaves
from fencepost.engines.conform.logs.events import Event, Log, Seen
from fencepost.engines.conform.logs.possible import (
    Instance,
    NotKnown,
    Outcome,
    States,
    TooManyStates,
)
from fencepost.engines.conform.logs.programs import Act, Programs, Rule

MOST_ROWS = 10_000
"""How many joint values the cells of one group may have, unless a limit of states says."""

UNDECIDED_BEFORE = (Verdict.UNDECIDED, Verdict.VIOLATED)

EVERY = 512
"""After so many events the limits of time and memory are looked at."""


@dataclass(frozen=True)
class Claim:
    """The verdict on one property: where it is not HOLDS, the event after which it fails first
    (None: before the first), and for which arguments."""

    name: str
    verdict: Verdict
    event: Event | None = None
    arguments: tuple[int, ...] = ()


@dataclass(frozen=True)
class Unexplained:
    """The first event after which no run is left (None: there is none to begin with).

    `leaves` are those that the step ends in, of its tree; `seen` is what cannot have been seen.
    """

    event: Event | None
    leaves: tuple[int, ...] = ()
    seen: Seen = ()


@dataclass(frozen=True)
class Followed:
    """How far a log is a run: `explained` events of it are.

    `stopped` says what ended the search before the end, `failing` are the claims that were seen to
    fail, and `states` is the set of states before the unexplained event, or at the end.
    """

    explained: int
    claims: tuple[Claim, ...]
    unexplained: Unexplained | None
    stopped: str
    failing: frozenset[str]
    states: States
    programs: Programs
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """VIOLATED where no run explains the log, or all that do violate a property."""
        verdicts = {claim.verdict for claim in self.claims}
        if self.unexplained is not None or Verdict.VIOLATED in verdicts:
            return Verdict.VIOLATED
        if self.stopped or Verdict.UNDECIDED in verdicts:
            return Verdict.UNDECIDED
        return Verdict.HOLDS


def follow(system: System, barriers: Barriers, log: Log, limits: Limits) -> Followed:
    """Follow a log as far as some run explains it. A limit of `states` is one of joint values of
    cells that depend on each other."""
    return _Following(system, barriers, log, limits).run()


class _Stopped(Exception):
    """A limit of time or memory was reached."""


class _Following:
    def __init__(self, system: System, barriers: Barriers, log: Log, limits: Limits) -> None:
        self.log = log
        self.limits = limits
        self.started = time.monotonic()
        self.cells: list[Any] = []
        try:
            self.programs = programs = Programs(system, barriers, self.cells, log.unlogged)
        except (RecursionError, SyntaxError, MemoryError) as error:
            raise InputError(
                "F285",
                f"what {system.name} does at the sizes of the log nests too deep to be compiled",
                why="a loop over an Index in a body is written out, member by member",
                write="`for_all`, `exists` or `count` in place of the loop, or smaller sizes",
                at=system.finite_only[0][0] if system.finite_only else Location(system.file, 1),
            ) from error
        self.system = system
        self.event: Event | None = None
        self.failing: dict[str, Claim] = {}
        self.field_of = [n for n, f in enumerate(system.fields) for _ in range(f.cells)]
        self.claims_at = self._by_field(programs.claims.values())
        unlogged = [programs.actions[name] for name in log.unlogged]
        self.steps_at = self._by_field(unlogged)
        self.faults = {
            name: {n for n, leaf in enumerate(leaves(tree)) if isinstance(leaf, Fault)}
            for name, tree in programs.trees.items()
        }
        self.states = self._candidates()

    def _by_field(self, rules: Iterable[Rule]) -> list[list[tuple[Rule, Any]]]:
        at: list[list[tuple[Rule, Any]]] = [[] for _ in self.system.fields]
        for rule in rules:
            for number, field in enumerate(self.system.fields):
                at[number] += [(rule, find) for find in rule.concerned.get(field.name, ())]
        return at

    def _candidates(self) -> States:
        """Every cell with the values that it may start with."""
        held: list[Any] = []
        several: list[tuple[int, tuple[int, ...]]] = []
        for field in self.system.fields:
            lists = self.programs.cells_with.get(field.name)
            for values in field.initial:
                if len(values) > 1:
                    several.append((len(self.cells), values))
                self.cells.append(values[0])
                held.append(lists)
        states = States(self.cells, held, self.limits.states or MOST_ROWS)
        for cell, choices in several:
            states.replace((), (cell,), {(value,) for value in choices})
        return states

    def run(self) -> Followed:
        explained, stopped = 0, ""
        unexplained: Unexplained | None = None
        try:
            unexplained = self._start()
            if unexplained is None:
                for number, event in enumerate(self.log.events):
                    if number % EVERY == 0 and (stopped := self._over()):
                        break
                    self.event = event
                    unexplained = self._take(event)
                    if unexplained is not None:
                        break
                    explained = number + 1
        except _Stopped as limit:
            stopped = str(limit)
        except TooManyStates:
            stopped = STATES_LIMIT
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        except MemoryError:
            stopped = MEMORY_LIMIT
        names = [NO_FAULT, *self.programs.claims]
        otherwise = Verdict.UNDECIDED if stopped else Verdict.HOLDS
        claims = tuple(self.failing.get(name, Claim(name, otherwise)) for name in names)
        seconds = time.monotonic() - self.started
        return Followed(
            explained,
            claims,
            unexplained,
            stopped,
            frozenset(self.failing),
            self.states,
            self.programs,
            seconds,
        )

    def _over(self) -> str:
        limits = self.limits
        if limits.seconds is not None and time.monotonic() - self.started > limits.seconds:
            return TIME_LIMIT
        if _memory() > (limits.memory_bytes or machine_memory() * 3 // 4):
            return MEMORY_LIMIT
        return ""

    def _start(self) -> Unexplained | None:
        """The initial states, with what was seen of them."""
        impossible = self._see(self.log.seen)
        if impossible is not None:
            return impossible
        for starts in self.programs.starts:
            outcome = self.states.evaluate(starts, ())
            if not any(outcome.results):
                return Unexplained(None)
            self.states.restrict(outcome)
        self._judge(
            (rule, filling)
            for rule in self.programs.claims.values()
            for filling in product(*(a.of.values() for a in rule.arguments))
        )
        unlogged = [self.programs.actions[name] for name in self.log.unlogged]
        self._settle(
            (rule.name, filling)
            for rule in unlogged
            for filling in product(*(a.of.values() for a in rule.arguments))
        )
        return None

    def _take(self, event: Event) -> Unexplained | None:
        """One event: its step, what it means for the claims, unlogged steps, what was seen."""
        states, step = self.states, event.step
        name = step.action
        run = self.programs.actions[name].run
        if states.groups:
            outcome = states.evaluate(run, step.arguments)
        else:
            result = run(*step.arguments)
            if result.__class__ is list and not self.log.unlogged and not event.seen:
                self._judge_changed(states.write(result))
                return None
            outcome = Outcome((), (), [([()], result)])
        taken = any(result.__class__ is list for result in outcome.results)
        failed = {result for result in outcome.results if result.__class__ is not list}
        if failed & self.faults[name]:
            self._fails(NO_FAULT, (), everywhere=not taken)
        if not taken:
            return Unexplained(event, tuple(sorted(failed)))
        again = states.steps(outcome.groups)
        changed = states.take(outcome)
        self._judge_changed(changed)
        if self.log.unlogged:
            self._settle((*again, *self._concerned(changed)))
        return self._see(event.seen, settle=True) if event.seen else None

    def _see(self, seen: Seen, *, settle: bool = False) -> Unexplained | None:
        """Keep the states in which what was seen is so, all of it at once."""
        again: list[Instance] = []
        changed: list[int] = []
        cells = self.cells
        for field, indices, value in seen:
            place = self.system.field[field].cell(indices)
            if place is None:
                raise AssertionError(f"no such cell: {field}{indices}")
            cell = self.system.offsets[field] + place
            outcome = self.states.evaluate(_holds(cells, cell, value), ())
            if not any(outcome.results):
                return Unexplained(self.event, seen=((field, indices, value),))
            again += self.states.steps(outcome.groups)
            changed += self.states.restrict(outcome)
        if settle and changed:
            self._judge_changed(changed)
            self._settle(again)
        return None

    def _concerned(self, changed: Iterable[int]) -> Iterator[Instance]:
        for cell in changed:
            for rule, find in self.steps_at[self.field_of[cell]]:
                for filling in find(cell):
                    yield rule.name, filling

    def _settle(self, steps: Iterable[Instance]) -> None:
        """Take unlogged steps until nothing new comes of them. A step is tried `anew` where cells
        outside of its group have changed, and else in the rows in which it was not tried yet."""
        pending = dict.fromkeys(steps, True)
        changed: set[int] = set()
        turns = 0
        while pending:
            turns += 1
            if turns % EVERY == 0 and (stopped := self._over()):
                raise _Stopped(stopped)
            step, anew = pending.popitem()
            name, filling = step
            run = self.programs.actions[name].run
            outcome = self.states.evaluate(run, filling, None if anew else step)
            if anew:
                self.states.forget(step, outcome.groups)
            faults = self.faults[name]
            if faults and any(r.__class__ is int and r in faults for r in outcome.results):
                self._fails(NO_FAULT, (), everywhere=False)
            added = self.states.add(step, outcome)
            changed.update(added.cells)
            for one in (*added.again, *self._concerned(added.cells)):
                pending[one] = pending.get(one, False) or not added.alone
        self._judge_changed(changed)

    def _judge_changed(self, changed: Iterable[int]) -> None:
        field_of, claims_at = self.field_of, self.claims_at
        found = {
            (rule, filling): None
            for cell in changed
            for rule, find in claims_at[field_of[cell]]
            for filling in find(cell)
        }
        if found:
            self._judge(found)

    def _judge(self, instances: Iterable[tuple[Rule, tuple[int, ...]]]) -> None:
        for rule, filling in instances:
            try:
                if rule.run(*filling):
                    continue
                everywhere = True
            except NotKnown:
                results = self.states.evaluate(rule.run, filling).results
                if all(results):
                    continue
                everywhere = not any(results)
            self._fails(rule.name, filling, everywhere=everywhere)

    def _fails(self, name: str, filling: tuple[int, ...], *, everywhere: bool) -> None:
        """Note the first failure of a claim, of those at one event that of the least arguments; one
        that no run avoids goes before others."""
        found = Claim(
            name, Verdict.VIOLATED if everywhere else Verdict.UNDECIDED, self.event, filling
        )
        known = self.failing.get(name)
        if known is None or (known.verdict, found.verdict) == UNDECIDED_BEFORE:
            self.failing[name] = found
        elif (known.verdict, known.event) == (found.verdict, found.event):
            self.failing[name] = min(known, found, key=attrgetter("arguments"))


def _holds(cells: list[Any], cell: int, value: int) -> Act:
    return lambda: cells[cell] == value


def _memory() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
