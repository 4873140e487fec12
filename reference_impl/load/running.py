"""A run: the workload served in shifts, each by a fresh server, and all of them counted."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Protocol

from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.load.counting import Tally
from reference_impl.load.serving import Ended, Pace, Server, Watch
from reference_impl.load.workload import GUARD, Asked, Workload
from reference_impl.load.writing import Cases, Log
from reference_impl.speculation import Monitor, Rule

SHIFT = 250
"""Requests that one server serves: what a device records grows with it, and so do its tables."""
NUMBERS = Rule(guard=GUARD, span=3)
"""The published thresholds; a verdict is about three steps, as one step has three outcomes."""


class Machine(Protocol):
    """What serves."""

    def server(self, asked: Iterable[Asked], tally: Tally, watch: Watch, pace: Pace) -> Server:
        """Its server, which begins with the first of these requests."""


class Run:
    """`machine` starts a machine from a number; `tally` has what was counted, at any time."""

    def __init__(
        self,
        machine: Callable[[int], AbstractContextManager[Machine]],
        workload: Workload,
        on: Switches,
        *,
        acts: bool = False,
        pace: Pace | None = None,
        shift: int = SHIFT,
        log: Log | None = None,
        cases: Cases | None = None,
    ) -> None:
        self.tally = Tally()
        self.progress: Callable[..., object] = lambda **_: None
        """Called with how many requests are over, as `completed`, each time that an attempt is."""
        self._machine, self._workload, self._on, self._acts = machine, workload, on, acts
        self._pace, self._shift = pace or Pace(), shift
        self._log, self._cases = log, cases

    def serve(self) -> None:
        """Serve all of the workload."""
        asked = list(self._workload.draw())
        gc.collect()
        gc.freeze()  # what is there already need not be looked through after each shift
        try:
            for number, begin in enumerate(range(0, len(asked), self._shift)):
                with self._machine(1000 * self._workload.seed + number) as machine:
                    self._serve(machine, asked[begin : begin + self._shift])
                gc.collect()  # the device and all that it has recorded refer to one another
        finally:
            gc.unfreeze()

    def _serve(self, machine: Machine, shift: Sequence[Asked]) -> None:
        first = shift[0].arrives
        server = machine.server(
            [replace(one, arrives=one.arrives - first) for one in shift],
            self.tally,
            Watch(Monitor(NUMBERS, self._on), self._acts),
            self._pace,
        )
        server.ended = partial(self._ended, server)
        if self._cases is not None:
            server.suspected = self._cases.store
        server.serve()

    def _ended(self, server: Server, ended: Ended) -> None:
        if self._log is not None:
            self._log.write(ended)
        self.progress(completed=self.tally.requests - len(server.live))
