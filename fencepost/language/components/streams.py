"""Device streams and events, with CUDA's rule for what a wait waits for."""

from __future__ import annotations

from typing import Any

from fencepost.language.component import Component
from fencepost.language.declarations import Array, Index, Maybe, Range, Size, as_size
from fencepost.language.decorators import action
from fencepost.language.machine import Value
from fencepost.language.values import NONE
from fencepost.language.words import assign, fault, require


class Streams(Component):
    """The streams of one device, each a queue of operations that run in order.

    The host launches operations, records events and lets streams wait for events; it runs ahead
    and never blocks here. The model says what an operation does when it runs: an action of the
    model calls `run(stream, operation)`, which is possible when that operation is first in its
    stream.

    CUDA's binding rule: a record marks the work queued on the stream so far; a wait binds to the
    newest record *at the time of the call*, so recording the event again later changes nothing for
    it; a wait for an event never recorded is no wait at all.

    `stream` and `operation` are each an `Index`, an `IntEnum` or a `Range` that starts at 0, since
    places may hold none of them; `event` may be any of these.

    `depth` bounds how many operations and waits are queued on a stream, `launches` how many
    operations a stream runs in all; going past either is a fault.

    Abstracts: time and the number of operations that run at once (one operation of each stream,
    each an atomic step). Safe for what starts and ends of operations order; a race *within* two
    operations that overlap shows as either order of them. Finite only, since it counts.
    """

    def __init__(
        self,
        stream: Any,
        operation: Any,
        event: Any,
        *,
        depth: int | Size,
        launches: int | Size,
    ) -> None:
        self.Stream, self.Operation, self.Event = stream, operation, event
        self.Place = Index(depth, ordered=True)
        self.depth, self.launches = as_size(depth), as_size(launches)
        self.actor = "device"
        self.operation = Array(stream, self.Place, of=Maybe(operation), initial=NONE)
        self.awaited = Array(stream, self.Place, of=Maybe(stream), initial=NONE)
        self.ticket = Array(stream, self.Place, of=Range(0, launches), initial=0)
        self.queued = Array(stream, of=Range(0, depth), initial=0)
        self.launched = Array(stream, of=Range(0, launches), initial=0)
        self.done = Array(stream, of=Range(0, launches), initial=0)
        self.event_stream = Array(event, of=Maybe(stream), initial=NONE)
        self.event_ticket = Array(event, of=Range(0, launches), initial=0)

    def launch(self, stream: Value, operation: Value) -> None:
        """The host queues an operation behind all that is queued on the stream."""
        self._queue(stream, operation, NONE, 0)
        self.launched[stream] += 1

    def record(self, stream: Value, event: Value) -> None:
        """The event stands for all operations queued on the stream so far."""
        self.event_stream[event] = stream
        self.event_ticket[event] = self.launched[stream]

    def wait(self, stream: Value, event: Value) -> None:
        """Later operations of the stream run after what the event stands for now."""
        if self.event_stream[event] != NONE and self.event_stream[event] != stream:
            self._queue(stream, NONE, self.event_stream[event], self.event_ticket[event])

    def run(self, stream: Value, operation: Value) -> None:
        """The device runs an operation; the step is disabled unless it is first in its stream."""
        require(self.queued[stream] > 0 and self.operation[stream, 0] == operation)
        self._move_up(stream)
        self.done[stream] += 1

    @action(stream="Stream")
    def pass_wait(self, stream: Value) -> None:
        """A wait that is first in its stream ends once what it waits for has run."""
        awaited = self.awaited[stream, 0]
        require(awaited != NONE)
        require(self.done[awaited] >= self.ticket[stream, 0])
        self._move_up(stream)

    def query(self, event: Value) -> Value:
        """Whether all that the event stands for has run; true if it was never recorded."""
        recorded = self.event_stream[event]
        return recorded == NONE or self.done[recorded] >= self.event_ticket[event]

    def synchronize(self, event: Value) -> None:
        """The host goes on only once all that the event stands for has run."""
        require(self.query(event))

    def idle(self, stream: Value) -> Value:
        """Whether nothing is queued on the stream."""
        return self.queued[stream] == 0

    def _queue(self, stream: Value, operation: Value, awaited: Value, ticket: Value) -> None:
        if self.queued[stream] == self.depth:
            fault("more is queued on a stream than its depth")
        place = self.queued[stream]
        self.operation[stream, place] = operation
        self.awaited[stream, place] = awaited
        self.ticket[stream, place] = ticket
        self.queued[stream] += 1

    def _move_up(self, stream: Value) -> None:
        """The first entry of a stream is gone."""
        last = self.depth - 1

        def moved(array: Any, empty: Value) -> Any:
            def value(place: Value) -> Value:
                return empty if place == last else array[stream, place + 1]

            return value

        assign(self.operation[stream], to=moved(self.operation, NONE))
        assign(self.awaited[stream], to=moved(self.awaited, NONE))
        assign(self.ticket[stream], to=moved(self.ticket, 0))
        self.queued[stream] -= 1
