"""What a host did to the device, call by call: the trace that everything else reads.

A trace is the path that the host took: operations in the order of their submission, and the calls
between them that order something. It holds calls as they were made (`wait` names an event, not the
record that it bound to), so that a trace with a call taken out or put in means what the program
with that change would.

Calls are not changed once they are in a trace. Those made for each kernel are not frozen all the
same: a frozen one takes three times as long to make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fencepost.core.errors import Location
from fencepost.streams.regions import Bytes

NOWHERE = Location("", 0)
Accesses = Sequence[Bytes]
Late = Callable[[], tuple[Accesses, Accesses]]


@dataclass(frozen=True, slots=True)
class Agent:
    """Who performs operations in an order of its own: a host thread, a stream or a NIC queue."""

    number: int
    name: str
    kind: str  # "host", "stream" or "nic"
    blocking: bool = False
    """Of a stream: synchronises with the legacy default stream."""
    default: bool = False
    """Of a stream: the legacy default stream itself."""


@dataclass(slots=True)
class Operation:
    """One kernel, copy, one-sided write or access by a host.

    `number` is its place among the operations of the trace. It reads, then writes, as one step.
    `run` does it; `late` gives reads and writes besides, known only right before it runs.
    """

    number: int
    name: str
    host: int
    agent: int
    reads: Accesses
    writes: Accesses
    site: Location = NOWHERE
    run: Callable[[], object] | None = None
    late: Late | None = None
    tags: tuple[str, ...] = ()
    token: int | None = None
    """Of a one-sided write: the message that arrives with it."""

    def resolve(self) -> None:
        """Learn the accesses that depend on values; called right before the operation runs."""
        if self.late is not None:
            reads, writes = self.late()
            self.reads, self.writes = (*self.reads, *reads), (*self.writes, *writes)
            self.late = None


@dataclass(frozen=True, slots=True)
class Record:
    """`event.record(stream)`."""

    host: int
    event: int
    stream: int
    site: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class Wait:
    """`stream.wait_event(event)`: binds to the newest record at this call."""

    host: int
    stream: int
    event: int
    site: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class WaitStream:
    """`stream.wait_stream(other)`: a record on the other stream and a wait for it."""

    host: int
    stream: int
    other: int
    site: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class Synchronize:
    """The host waits: for an event's newest record, for a stream, or for all streams."""

    host: int
    event: int | None = None
    stream: int | None = None
    site: Location = NOWHERE
    why: str = "synchronize"


@dataclass(frozen=True, slots=True)
class Query:
    """The host asks whether an event or a stream is done; True orders, False orders nothing."""

    host: int
    answer: bool
    event: int | None = None
    stream: int | None = None
    site: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class Poll:
    """The host asks whether a one-sided write has landed; True orders."""

    host: int
    write: int
    """The number of the operation."""
    answer: bool
    site: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class Send:
    """The host gives away what it knows: a message, a lock released, a thread started or ended."""

    host: int
    token: int
    site: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class Receive:
    """The host comes after the sender of a token."""

    host: int
    token: int
    site: Location = NOWHERE


@dataclass(slots=True)
class Allocate:
    """A block begins to be used; `agent` is the stream that it belongs to, or the host."""

    host: int
    block: int
    agent: int
    start: int
    size: int
    label: str = ""
    pinned: bool = False
    site: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class RecordStream:
    """`tensor.record_stream(stream)`; `automatic` where the pinned allocator does it by itself."""

    host: int
    block: int
    stream: int
    automatic: bool = False
    site: Location = NOWHERE


@dataclass(slots=True)
class Free:
    """A block goes back to the allocator. `poison` is the write that the allocator makes then."""

    host: int
    block: int
    poison: Operation


Call = (
    Operation
    | Record
    | Wait
    | WaitStream
    | Synchronize
    | Query
    | Poll
    | Send
    | Receive
    | Allocate
    | RecordStream
    | Free
)


@dataclass(slots=True)
class Trace:
    """One run: who took part, and every call in order. `events` are names by number."""

    agents: list[Agent] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    operations: int = 0
    notes: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """What the program did that the trace does not have, as sentences."""

    def with_calls(self, calls: list[Call]) -> Trace:
        """The same agents and events with other calls."""
        return Trace(self.agents, self.events, calls, self.operations, self.notes, self.unseen)

    def every_operation(self) -> list[Operation]:
        """All operations in order of submission, the poison writes of frees included."""
        found = []
        for call in self.calls:
            if isinstance(call, Operation):
                found.append(call)
            elif isinstance(call, Free):
                found.append(call.poison)
        return found
