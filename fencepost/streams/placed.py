"""The operations of a trace with their clocks, for whatever looks at pairs of them."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.streams.calls import Free, Operation, Record, Trace, Wait, WaitStream
from fencepost.streams.clocks import Clock, Clocks

MARK = Operation(-1, "mark", 0, 0, (), ())


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An operation with its agent, its number there, and the clock at which it is looked at.

    `operation` is `MARK` for a record or a wait, which `placed(trace, marks=True)` gives besides.
    """

    operation: Operation
    agent: int
    place: int
    clock: Clock

    def after(self, other: Placed) -> bool:
        """Whether it comes after another operation in every order."""
        return self.clock[other.agent] >= other.place and self is not other


class _Placing(Clocks):
    def __init__(self, trace: Trace, *, marks: bool) -> None:
        super().__init__(trace)
        self.marks = marks
        self.placed: list[Placed] = []

    def operation(self, call: Operation) -> Clock:
        clock = Clocks.operation(self, call)
        self.placed.append(Placed(call, call.agent, clock[call.agent], list(clock)))
        return clock

    def free(self, call: Free) -> Clock:
        clock = Clocks.free(self, call)
        agent = call.poison.agent
        self.placed.append(Placed(call.poison, agent, self.now[agent][agent], clock))
        return clock

    def record(self, call: Record) -> None:
        self._mark(call.stream, call.host)
        Clocks.record(self, call)

    def wait(self, call: Wait) -> None:
        Clocks.wait(self, call)
        if call.event in self.events:
            self._mark(call.stream, call.host)

    def wait_stream(self, call: WaitStream) -> None:
        self._mark(call.other, call.host)
        Clocks.wait_stream(self, call)
        self._mark(call.stream, call.host)

    def _mark(self, stream: int, host: int) -> None:
        """Count a record or a wait as something that the stream does."""
        if self.marks:
            self.act(stream, host)
            clock = self.now[stream]
            clock[stream] += 1
            self.placed.append(Placed(MARK, stream, clock[stream], list(clock)))


def placed(trace: Trace, *, marks: bool = False) -> list[Placed]:
    """Every operation of a trace with its clock, in order of submission; with `marks`, every
    record and wait in a queue, too.
    """
    reader = _Placing(trace, marks=marks)
    reader.read(trace.calls)
    return reader.placed
