"""A run: the workload served in shifts, each by a fresh server, and all of them counted."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.decode import Request
from reference_impl.load.counting import Tally
from reference_impl.load.drafting import History
from reference_impl.load.serving import Ended, Live, Machine, Pace, Server
from reference_impl.load.workload import GUARD, Workload
from reference_impl.load.writing import Cases, Log
from reference_impl.speculation import Monitor, Rule

SHIFT = 250
"""Requests that one server serves: what a device records grows with it, and so do its tables."""


NUMBERS = Rule(guard=GUARD, span=3)
"""The published thresholds; a verdict is about three steps, as one step has three outcomes."""


class Run:
    """`machine` starts a server from a number; `tally` has what was counted, at any time."""

    def __init__(
        self,
        machine: Callable[[int], AbstractContextManager[Machine]],
        workload: Workload,
        on: Switches,
        *,
        acts: bool = False,
        pace: Pace | None = None,
        log: Log | None = None,
        cases: Cases | None = None,
    ) -> None:
        self.tally = Tally()
        self.progress: Callable[..., object] = lambda **_: None
        """Called with how many requests are over, as `completed`, each time that an attempt is."""
        self._machine, self._workload, self._on = machine, workload, on
        self._acts, self._pace, self._log, self._cases = acts, pace or Pace(), log, cases

    def serve(self) -> None:
        """Serve all of the workload."""
        asked = list(self._workload.draw())
        for begin in range(0, len(asked), SHIFT):
            shift, number = asked[begin : begin + SHIFT], begin // SHIFT
            first = shift[0].arrives
            with self._machine(1000 * self._workload.seed + number) as machine:
                server = Server(
                    machine,
                    [replace(one, arrives=one.arrives - first) for one in shift],
                    self.tally,
                    Monitor(NUMBERS, self._on),
                    acts=self._acts,
                    pace=self._pace,
                )
                server.ended = partial(self._ended, server)
                server.suspected = partial(self._suspected, machine)
                server.serve()
            gc.collect()  # the device and all that it has recorded refer to one another

    def _ended(self, server: Server, ended: Ended) -> None:
        if self._log is not None:
            self._log.write(ended)
        self.progress(completed=self.tally.requests - len(server.live))

    def _suspected(self, machine: Machine, live: Live, request: Request, history: History) -> None:
        if self._cases is not None:
            self._cases.store(live, request, history, machine.decode.pool)
