"""A run of an implementation, with the states of the model that fit what was seen of it."""

from __future__ import annotations

import contextlib
import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from fencepost.core.errors import InputError, Location
from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, System
from fencepost.engines.conform.adapter import Adapter, Refused
from fencepost.engines.conform.differences import Attempt, Difference, Differs, Kind
from fencepost.engines.conform.seen import Reader, Seen, fits, misfits, shown_state
from fencepost.engines.conform.seen_properties import violated_by
from fencepost.engines.conform.space import Fitting, Space


class Enough(BaseException):
    """It ends here; a BaseException, which nobody takes for a failure of the implementation."""


class Subject:
    """An implementation at one design: begins its runs, and counts what was done in them."""

    def __init__(
        self,
        system: System,
        design: Design,
        adapter: type[Adapter],
        space: Space,
        spend: Callable[[], None],
        at: Location,
    ) -> None:
        self.system, self.design, self.adapter, self.space = system, design, adapter, space
        self.spend, self.at = spend, at
        self.reader = Reader(system, at)
        self.initial = frozenset(
            space.number(state) for state in initial_states(system, design.barriers)
        )
        self.names = {
            action.name: tuple(a.name for a in action.arguments) for action in system.actions
        }
        self.taken: set[tuple[int, int]] = set()
        """The steps that were performed, each with a state that it may have been taken in."""
        self.refused: set[tuple[int, int]] = set()
        """The steps that were refused, each with a state in which the model disables it."""
        self.shortest: Differs | None = None
        """The difference by the fewest steps of those that were met."""
        self.performed = 0
        self.runs = 0
        self.blurred = False
        """Whether several states ever fitted what was seen."""
        self.violations: dict[str, tuple[int, ...]] = {}
        """The properties that every state that fitted violates, with the steps of a run there."""

    @cached_property
    def starts(self) -> list[int]:
        """The states that a run can be told to start in; none where it starts where it does."""
        if self.adapter.start_in is Adapter.start_in:
            return []
        found = [start for start in sorted(self.initial) if self._can_start(start)]
        if not found:
            raise self._starts_nowhere(f"every state that {self.system.name} starts in")
        return found

    def _can_start(self, start: int) -> bool:
        try:
            self._made(start).close()
        except Refused:
            return False
        return True

    def _starts_nowhere(self, where: str) -> InputError:
        return InputError(
            "F253",
            f"{self.adapter.__name__} cannot be set up: `start_in` refuses {where}",
            why="a run begins in a state that the model may start in",
            write="a `start_in` that goes there",
            at=self.at,
        )

    def begin(self, start: int | None = None) -> Run:
        """A fresh implementation, in the state in which it starts: this one, if it can be told."""
        self.runs += 1
        if not self.starts:
            return Run(self, self._made(), self.initial)
        first = self.starts[0] if start is None else start
        if first not in self.starts:
            raise self._starts_nowhere("the state that the run begins in")
        return Run(self, self._made(first), frozenset({first}))

    def _made(self, start: int | None = None) -> Adapter:
        """A fresh implementation, in a state that it is told: `Refused` if it cannot be there."""
        try:
            made = self.adapter(dict(self.system.parameters), self.design.barriers)
            if start is not None:
                self._tell(made, start)
        except (InputError, Refused):
            raise
        except (Exception, SystemExit) as error:
            raise InputError(
                "F253",
                f"{self.adapter.__name__} cannot be set up: {_in_one_line(error)}",
                why=f"the design {self.design.name} is driven on a fresh one for each run",
                write="an `__init__(self, sizes, barriers)` that sets up every design that "
                "`can_be` allows",
                at=last_place(error, self.at),
            ) from error
        return made

    def _tell(self, made: Adapter, start: int) -> None:
        try:
            made.start_in(shown_state(self.system, self.space.state(start)))
        except Refused:
            made.close()
            raise


@dataclass(frozen=True)
class Choices:
    """Steps to perform, by number: those that the model takes in every state that fits, in some of
    them, and in none."""

    enabled: list[int]
    open: list[int]
    disabled: list[int]

    @property
    def possible(self) -> list[int]:
        """Those that may be taken."""
        return self.enabled + self.open


class Run:
    """An implementation that is driven, checked after each step that is tried."""

    def __init__(self, subject: Subject, adapter: Adapter, initial: Fitting) -> None:
        self.subject, self.adapter = subject, adapter
        self.attempts: list[tuple[int, bool | None]] = []
        self.closed = False
        self.fitting: Fitting = initial
        self.ready: Fitting = initial
        """The states that the model may be in when the next step is tried."""
        self.start = min(initial)
        try:
            seen = self._look(initial)
            ready = subject.space.closed(initial)
            self._settle(Kind.STARTS, ready, ready, seen)
        except BaseException:
            self.abandon()
            raise
        self.start = min(self.fitting & initial or initial)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def choices(self) -> Choices:
        """The steps that can be tried now. Those that fault in some state that fits are not."""
        space, ready = self.subject.space, self.ready
        found = Choices([], [], [])
        possible = [space.moves(node) for node in ready]
        faults = frozenset[int]().union(*(space.faults(node) for node in ready))
        for number in space.driven:
            if number not in faults:
                where = sum(number in moves for moves in possible)
                kind = found.disabled if not where else found.open
                (found.enabled if where == len(possible) else kind).append(number)
        return found

    def attempt(self, number: int) -> bool:
        """Try a step: whether it was taken. `Differs` where the model has it otherwise.

        Nothing is tried where the model says that the step faults.
        """
        space, ready = self.subject.space, self.ready
        if any(number in space.faults(node) for node in ready):
            return False
        leads = {node: space.moves(node)[number] for node in ready if number in space.moves(node)}
        taken = self._perform(number, ready, frozenset(leads.values()))
        expected = frozenset(leads.values()) if taken else ready - leads.keys()
        seen = self._look(expected or ready)
        if taken and not leads:
            raise self._differs(Kind.TAKES, ready, ready, seen)
        if not taken and not expected:
            raise self._differs(Kind.REFUSES, ready, frozenset(leads.values()), seen)
        self._settle(Kind.SHOWS if taken else Kind.CHANGES, ready, space.closed(expected), seen)
        subject = self.subject
        if taken:
            subject.taken.update((node, number) for node in leads)
        else:
            subject.refused.update((node, number) for node in ready - leads.keys())
        return taken

    def try_disabled(self, numbers: list[int]) -> None:
        """Try steps that the model disables in every state that fits, and look once at the end:
        refusals change nothing. Which of them did shows when they are tried again, each by itself.
        """
        ready = self.ready
        for number in numbers:
            if self._perform(number, ready, frozenset()):
                raise self._differs(Kind.TAKES, ready, ready, self._look(ready))
        if numbers:
            self._settle(Kind.CHANGES, ready, ready, self._look(ready))
        self.subject.refused.update((node, number) for number in numbers for node in ready)

    def attempt_fault(self, number: int) -> bool:
        """Try a step that faults in the model: whether it is taken, or the implementation fails."""
        try:
            return self._perform(number, self.ready, self.ready)
        except Differs:
            self.subject.shortest = None  # the model fails here too
            return True

    def _perform(self, number: int, ready: Fitting, expected: Fitting) -> bool:
        subject = self.subject
        step = subject.system.steps[number]
        subject.spend()
        subject.performed += 1
        arguments = dict(zip(subject.names[step.action], step.arguments, strict=True))
        self.attempts.append((number, None))
        try:
            self.adapter.perform(step.action, **arguments)
        except Refused:
            self.attempts[-1] = number, False
            return False
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(error, ready, expected or ready) from error
        self.attempts[-1] = number, True
        return True

    def _look(self, expected: Fitting) -> Seen:
        try:
            observed = self.adapter.observe()
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(error, self.fitting, expected) from error
        return self.subject.reader.read(observed)

    def _settle(self, kind: Kind, before: Fitting, expected: Fitting, seen: Seen) -> None:
        """Keep those of the states that fit what is seen."""
        subject = self.subject
        kept = frozenset(node for node in expected if fits(seen, subject.space.state(node)))
        if not kept:
            raise self._differs(kind, before, expected, seen)
        self.fitting, self.ready = kept, subject.space.closed(kept)
        subject.blurred |= len(kept) > 1
        failing = frozenset.intersection(*(subject.space.failing(node) for node in kept))
        for name in failing - subject.violations.keys():
            subject.violations[name] = tuple(number for number, _ in self.attempts)

    def close(self) -> None:
        """Give back what the run holds; that this fails is a difference too."""
        if self.closed:
            return
        self.closed = True
        try:
            self.adapter.close()
        except (Exception, SystemExit) as error:
            raise self._failed(error, self.fitting, self.fitting, "when it is closed") from error

    def abandon(self) -> None:
        """Give back what the run holds, whatever becomes of it."""
        if not self.closed:
            self.closed = True
            with contextlib.suppress(Exception, SystemExit):  # the run ended with a finding before
                self.adapter.close()

    def _failed(
        self, error: BaseException, before: Fitting, expected: Fitting, when: str = ""
    ) -> Differs:
        place = last_place(error, self.subject.at)
        where = f"{place}{f', {when}' if when else ''}"
        return self._differs(Kind.FAILS, before, expected, (), f"{_in_one_line(error)} ({where})")

    def _differs(
        self, kind: Kind, before: Fitting, expected: Fitting, seen: Seen, failure: str = ""
    ) -> Differs:
        """What is told: of several states, the one nearest to what is seen."""
        subject = self.subject
        space, steps = subject.space, subject.system.steps
        nearest = min(expected, key=lambda n: (len(misfits(seen, space.state(n))), n))
        state = space.state(nearest)
        differs = Differs(
            Difference(
                kind,
                tuple(Attempt(steps[number], taken) for number, taken in self.attempts),
                space.state(self.start),
                space.state(self._origin(before, nearest)),
                state,
                len(expected) - 1,
                seen,
                failure,
                violated_by(subject.system, subject.design.barriers, seen) if seen else (),
            )
        )
        before_this = subject.shortest
        if before_this is None or len(differs.difference.steps) <= len(
            before_this.difference.steps
        ):
            subject.shortest = differs
        return differs

    def _origin(self, before: Fitting, after: int) -> int:
        """A state before the step tried last that it leads on from, or else the first."""
        if self.attempts:
            number = self.attempts[-1][0]
            space = self.subject.space
            for node in sorted(before):
                reached = space.moves(node).get(number, node)
                if after in space.closed(frozenset({reached})):
                    return node
        return min(before)


def last_place(error: BaseException, default: Location) -> Location:
    """The last line of the implementation or its adapter that was running when it failed; lines of
    Python's own files are not theirs."""
    place, paths = default, sysconfig.get_paths()
    driver, python = str(Path(__file__).parent), (paths["stdlib"], paths["platstdlib"])
    packages = (paths["purelib"], paths["platlib"])
    for frame in traceback.extract_tb(error.__traceback__):
        name = frame.filename
        of_python = name.startswith(python) and not name.startswith(packages)
        if frame.lineno and not of_python and not name.startswith(("<", driver)):
            place = Location(name, frame.lineno)
    return place


def _in_one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
