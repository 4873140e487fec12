"""Solvers with limits of time, memory and work, which an interrupt ends at once."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from threading import Event, Thread, current_thread, main_thread
from typing import Any

import z3

from fencepost.core.limits import INTERRUPTED, MEMORY_LIMIT, TIME_LIMIT, WORK_LIMIT, Limits
from fencepost.core.machine import machine_memory

TAKEN = "rlimit count"
"""The statistic of a solver that counts its work."""
LOOKS_S = 0.05
"""Seconds from one look at the limits to the next while a solver is at work."""


class Satisfied(Enum):
    """What a solver says of its constraints."""

    YES = "sat"
    NO = "unsat"


class GaveUp(Exception):
    """A solver ends without an answer; `why` is one of the reasons of `core.limits`, or its own."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class RunEnded(GaveUp):
    """The run is beyond its limit of time or memory: no other question is answered either."""


class Bounded:
    """Asks solvers within the limits of one run of an engine.

    `memory_bytes` bounds what solvers hold: one pool for all solvers of the process. A question is
    stopped at a limit; where constraints are written, `pause` ends the run. Work is counted in the
    solver's own units, which are the same in every run. `share` is what the solvers of one context
    may take in all.

    Time and memory are watched from outside: z3's own limit of memory, once met, changes its
    answers for the life of the process (docs/explanation/warts.md).
    """

    def __init__(self, limits: Limits, share: int | None = None) -> None:
        self.limits, self.share = limits, share
        self.started = time.perf_counter()
        memory = limits.memory_bytes
        self._memory = machine_memory() * 3 // 4 if memory is None else memory
        self._interrupted = False
        self._signals: socket.socket | None = None

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return time.perf_counter() - self.started

    @property
    def seconds_left(self) -> float | None:
        """How long it may still take; `RunEnded` where that is nothing, None without a limit."""
        self.pause()
        return None if self.limits.seconds is None else self.limits.seconds - self.seconds

    def pause(self) -> None:
        """To be called now and then where constraints are written: `RunEnded` beyond a limit,
        KeyboardInterrupt after an interrupt."""
        _end(self._beyond())

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """An interrupt ends the run where it pauses, asks or ends, and nowhere else; a second one
        ends it anywhere. Python would raise it wherever it is: within a call of the solver's
        binding it becomes another error, and within a destructor it is lost. And what z3 says of a
        signal that it takes itself is what it says of a limit of work."""
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not usual or current_thread() is not main_thread():
            yield
            return
        known = 0

        def note(*_: object) -> None:
            nonlocal known
            known += 1
            self._interrupted = True
            if known > 1:
                raise KeyboardInterrupt

        self._signals, written = socket.socketpair()
        self._signals.setblocking(False)
        written.setblocking(False)
        before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.set_wakeup_fd(before)
            written.close()
            self._signals.close()
            self._signals = None
        if self._interrupted:
            raise KeyboardInterrupt

    def check(self, solver: Any, *assumptions: Any, work: int | None = None) -> Satisfied:
        """Whether a solver's constraints can be satisfied; `GaveUp` where it finds no answer, and
        KeyboardInterrupt where it was interrupted, which the solver would keep to itself. `work`
        bounds this question, whatever the limits of the run."""
        self.pause()
        work = self.limits.work if work is None else work
        if self.share is not None:
            left = self.share - work_of(solver)
            work = left if work is None else min(work, left)
        if work is not None and work <= 0:
            raise GaveUp(WORK_LIMIT)
        if work is not None:
            solver.set("rlimit", work)
        said = ""
        solver.set("ctrl_c", self._signals is None)
        with self._watched(solver) as beyond:
            try:
                answer = _answer(solver, assumptions)
            except z3.Z3Exception as error:
                answer, said = z3.Z3_L_UNDEF, str(error)
        if answer == z3.Z3_L_TRUE:
            return Satisfied.YES
        if answer == z3.Z3_L_FALSE:
            return Satisfied.NO
        why = beyond[0] if beyond else _reason(said or solver.reason_unknown(), work)
        _end(why)
        raise GaveUp(why)

    def _beyond(self) -> str:
        """Why the run is at its end, if it is."""
        if self._interrupted or self._signalled():
            self._interrupted = True
            return INTERRUPTED
        if self.limits.seconds is not None and self.seconds >= self.limits.seconds:
            return TIME_LIMIT
        return MEMORY_LIMIT if held() >= self._memory else ""

    def _signalled(self) -> bool:
        """Whether a signal has come that Python has not yet told the main thread of."""
        try:
            return self._signals is not None and signal.SIGINT in self._signals.recv(64)
        except BlockingIOError:
            return False

    @contextmanager
    def _watched(self, solver: Any) -> Iterator[list[str]]:
        """Stops a solver beyond a limit; the list then says which."""
        answered, passed = Event(), list[str]()

        def watch() -> None:
            while not answered.wait(LOOKS_S):
                beyond = self._beyond()
                if beyond:
                    passed.append(beyond)
                    solver.interrupt()

        watching = Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield passed
        finally:
            answered.set()
            watching.join()


def _answer(solver: Any, assumptions: Sequence[Any]) -> int:
    """What `solver.check` says, without the binding's look at the sort of each assumption: of some
    hundred assumptions that takes longer than many a question."""
    each = (z3.Ast * len(assumptions))(*(a.ast for a in assumptions))
    return int(
        z3.Z3_solver_check_assumptions(solver.ctx.ref(), solver.solver, len(assumptions), each)
    )


def _end(why: str) -> None:
    """Raise what ends a run, where it is the run that ends."""
    if why == INTERRUPTED:
        raise KeyboardInterrupt
    if why in (TIME_LIMIT, MEMORY_LIMIT):
        raise RunEnded(why)


def work_of(solver: Any) -> int:
    """The resource units that the solvers of a solver's context have taken until its last answer,
    which are the same on every machine."""
    taken = solver.statistics()
    return int(taken.get_key_value(TAKEN)) if TAKEN in taken.keys() else 0  # noqa: SIM118  # is no mapping


def held() -> int:
    """The bytes that all solvers of this process hold."""
    return int(z3.Z3_get_estimated_alloc_size())


def _reason(text: str, work: int | None) -> str:
    """A solver's reason in the words of the limits."""
    said = text.lower()
    if "interrupt" in said:
        return INTERRUPTED
    if "resource" in said:
        return WORK_LIMIT
    if "cancel" in said and work is None:
        return INTERRUPTED
    if work is not None and ("cancel" in said or said == "no reason given"):
        return WORK_LIMIT  # the finite-domain solver says no more than this
    return f"the solver gave up: {text}"
