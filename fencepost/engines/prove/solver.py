"""Solvers with limits of time, memory and work, which an interrupt ends at once."""

from __future__ import annotations

import time
from enum import Enum
from typing import Any

import z3

from fencepost.core.limits import INTERRUPTED, MEMORY_LIMIT, TIME_LIMIT, WORK_LIMIT, Limits
from fencepost.core.machine import machine_memory

MIB = 1 << 20


class Satisfied(Enum):
    """What a solver says of its constraints."""

    YES = "sat"
    NO = "unsat"


class GaveUp(Exception):
    """A solver ends without an answer; `why` is one of the reasons of `core.limits`, or its own."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Bounded:
    """Asks solvers within the limits of one run of an engine.

    `memory_bytes` bounds what the solver holds: one pool for all solvers of the process. A question
    is stopped at the limit; beyond it while constraints are written, `pause` ends the run. Work is
    counted in the solver's own units, which are the same in every run.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.started = time.perf_counter()
        memory = limits.memory_bytes
        self._memory = machine_memory() * 3 // 4 if memory is None else memory

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return time.perf_counter() - self.started

    def pause(self) -> None:
        """To be called now and then where constraints are written: `GaveUp` beyond a limit."""
        if self.limits.seconds is not None and self.seconds >= self.limits.seconds:
            raise GaveUp(TIME_LIMIT)
        if held() >= self._memory:
            raise GaveUp(MEMORY_LIMIT)

    def check(self, solver: Any, *assumptions: Any) -> Satisfied:
        """Whether a solver's constraints can be satisfied; `GaveUp` where it finds no answer, and
        KeyboardInterrupt where it was interrupted, which the solver would keep to itself."""
        self.pause()
        if self.limits.seconds is not None:
            left = self.limits.seconds - self.seconds
            solver.set("timeout", max(1, int(left * 1000)))
        if self.limits.work is not None:
            solver.set("rlimit", self.limits.work)
        # The limit of memory stands while a question is asked and no longer: reached by a
        # constraint that is written, it would end the process.
        z3.set_param("memory_max_size", max(1, self._memory // MIB))
        try:
            answer = solver.check(*assumptions)
        except z3.Z3Exception as error:
            raise GaveUp(_reason(str(error), self)) from error
        finally:
            z3.set_param("memory_max_size", 0)
        if answer == z3.sat:
            return Satisfied.YES
        if answer == z3.unsat:
            return Satisfied.NO
        why = _reason(solver.reason_unknown(), self)
        if why == INTERRUPTED:
            raise KeyboardInterrupt
        raise GaveUp(why)


def held() -> int:
    """The bytes that all solvers of this process hold."""
    return int(z3.Z3_get_estimated_alloc_size())


def _reason(text: str, run: Bounded) -> str:
    """A solver's reason in the words of the limits."""
    said = text.lower()
    if "memory" in said:
        return MEMORY_LIMIT
    if "interrupt" in said:
        return INTERRUPTED
    if "resource" in said:
        return WORK_LIMIT
    late = run.limits.seconds is not None and run.seconds >= run.limits.seconds
    if "timeout" in said or (late and "cancel" in said):
        return TIME_LIMIT
    if "cancel" in said:
        # The finite-domain solver says no more than this at its limit of work.
        return INTERRUPTED if run.limits.work is None else WORK_LIMIT
    return f"the solver gave up: {text}"
