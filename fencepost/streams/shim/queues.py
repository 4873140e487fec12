"""Streams, events and host threads: queues of kernels, and a vector clock fixed at submission.

Which operation comes before which is decided by the order of the host's calls alone, so clocks are
known when an operation is queued, and any order in which the queues then run gives the same clocks.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fencepost.core.errors import Location
from fencepost.streams.shim.launches import Launch, Spans

Clock = dict[str, int]


def join(clock: Clock, other: Clock) -> None:
    """The first clock comes to know what the other knows."""
    for actor, count in other.items():
        if clock.get(actor, 0) < count:
            clock[actor] = count


@dataclass(eq=False, slots=True)
class Operation:
    """A kernel, an access of the host, a free, or a mark of an event."""

    name: str
    actor: str
    index: int
    clock: Clock
    site: Location
    reads: Spans = field(default_factory=list)
    writes: Spans = field(default_factory=list)
    kernel: Callable[[], object] | None = None
    late: Callable[[], tuple[Spans, Spans]] | None = None
    after: Operation | None = None
    done: bool = False
    forgets: tuple[int, int] | None = None

    def before(self, other: Operation) -> bool:
        """Whether something orders it before another."""
        return other.clock.get(self.actor, 0) >= self.index


@dataclass(eq=False)
class Stream:
    """A queue, and what it comes after."""

    number: int
    priority: int = 0
    clock: Clock = field(default_factory=dict)
    waiting: deque[Operation] = field(default_factory=deque)

    @property
    def actor(self) -> str:
        """The stream's name in clocks and reports."""
        return f"stream {self.number}" if self.number else "the default stream"


@dataclass(eq=False)
class Event:
    """A point in a stream: its newest record."""

    record: Operation | None = None


class Here(threading.local):
    """The calling thread: its host, and its stack of current streams."""

    host: Host | None = None
    current: list[Stream]


@dataclass(eq=False)
class Host:
    """A host thread."""

    actor: str
    clock: Clock = field(default_factory=dict)


class Queues:
    """The device: what is queued, in which order it may run, and what is known of that order."""

    def __init__(self, policy: str, seed: int, site: Callable[[], Location]) -> None:
        self.policy = policy
        self.random = random.Random(seed)  # noqa: S311  # a schedule needs no secret
        self.site = site
        self.default = Stream(0)
        self.streams = [self.default]
        self.operations: list[Operation] = []
        self.records: list[Operation] = []
        self.paths_not_taken = 0
        self.lock = threading.RLock()
        self.here = Here()
        self.hosts: list[Host] = []

    # Host threads.

    def host(self) -> Host:
        """The calling thread."""
        found = self.here.host
        if found is None:
            found = self._new_host("the host")
        return found

    def _new_host(self, name: str) -> Host:
        with self.lock:
            number = len(self.hosts)
            made = Host(name if not number else f"{name} (thread {number})")
            self.hosts.append(made)
        self.here.host = made
        return made

    def begin(self, name: str, known: Clock) -> None:
        """The calling thread is new, and comes after what started it."""
        join(self._new_host(name).clock, known)

    def several(self) -> bool:
        """Whether there is more than one host thread."""
        return len(self.hosts) > 1

    def send(self) -> Clock:
        """What the calling thread knows now."""
        host = self.host()
        self._tick(host.actor, host.clock)
        return dict(host.clock)

    def receive(self, known: Clock) -> None:
        """The calling thread comes to know what another knew."""
        join(self.host().clock, known)

    @staticmethod
    def _tick(actor: str, clock: Clock) -> int:
        clock[actor] = index = clock.get(actor, 0) + 1
        return index

    # Queuing.

    def current(self) -> Stream:
        """The calling thread's current stream."""
        stack = getattr(self.here, "current", None)
        return stack[-1] if stack else self.default

    def stack(self) -> list[Stream]:
        """The calling thread's stack of current streams."""
        if not hasattr(self.here, "current"):
            self.here.current = [self.default]
        return self.here.current

    def create_stream(self, priority: int) -> Stream:
        """A stream that nothing else uses."""
        with self.lock:
            made = Stream(len(self.streams), priority)
            self.streams.append(made)
        return made

    def submit(self, launch: Launch, stream: Stream | None = None) -> Operation:
        """Queue a kernel."""
        with self.lock:
            stream = stream or self.current()
            join(stream.clock, self.host().clock)
            index = self._tick(stream.actor, stream.clock)
            operation = Operation(
                launch.name,
                stream.actor,
                index,
                dict(stream.clock),
                self.site(),
                list(launch.reads),
                list(launch.writes),
                launch.kernel,
                launch.late,
            )
            self.operations.append(operation)
            stream.waiting.append(operation)
            self._advance(stream)
            return operation

    def mark(self, stream: Stream, *, named: bool = True) -> Operation:
        """A point in a stream that others can wait for; an event's record is named in reports."""
        with self.lock:
            join(stream.clock, self.host().clock)
            index = self._tick(stream.actor, stream.clock)
            made = Operation("record", stream.actor, index, dict(stream.clock), self.site())
            stream.waiting.append(made)
            if named:
                self.records.append(made)
            self._advance(stream)
            return made

    def wait(self, stream: Stream, record: Operation | None) -> None:
        """Later work of a stream comes after a record, if there was one."""
        with self.lock:
            join(stream.clock, self.host().clock)
            if record is None:
                return
            join(stream.clock, record.clock)
            gate = Operation("wait", stream.actor, 0, {}, record.site, after=record)
            stream.waiting.append(gate)
            self._advance(stream)

    def host_access(self, name: str, reads: Spans, writes: Spans) -> None:
        """The calling thread reads or writes memory."""
        with self.lock:
            host = self.host()
            index = self._tick(host.actor, host.clock)
            self.operations.append(
                Operation(
                    name, host.actor, index, dict(host.clock), self.site(), reads, writes, done=True
                )
            )

    def forget(self, start: int, stop: int) -> None:
        """Bytes have a new tenant, which comes after all that used them before."""
        with self.lock:
            made = Operation("reuse", "", 0, {}, self.site(), done=True, forgets=(start, stop))
            self.operations.append(made)

    # Running.

    def _advance(self, stream: Stream) -> None:
        if self.policy == "in-order":  # whatever was queued before has run
            while stream.waiting and self._is_ready(stream.waiting[0]):
                self._run(stream)
        elif self.policy == "random":
            while self.random.random() < 0.5 and self._step():
                pass

    def _step(self) -> bool:
        ready = [s for s in self.streams if s.waiting and self._is_ready(s.waiting[0])]
        if not ready:
            return False
        if self.policy == "random":
            self._run(self.random.choice(ready))
        else:
            self._run(ready[-1 if self.policy == "newest-first" else 0])
        return True

    @staticmethod
    def _is_ready(operation: Operation) -> bool:
        return operation.after is None or operation.after.done

    def _run(self, stream: Stream) -> None:
        operation = stream.waiting[0]
        if operation.late is not None:
            reads, writes = operation.late()
            operation.reads += reads
            operation.writes += writes
            operation.late = None
        kernel, operation.kernel = operation.kernel, None
        stream.waiting.popleft()
        operation.done = True
        if kernel is not None:
            kernel()

    def run_to(self, stream: Stream) -> None:
        """Run a stream until its queue is empty, with what it waits for and nothing else."""
        with self.lock:
            while stream.waiting:
                self._run_first(stream)

    def _run_first(self, stream: Stream) -> None:
        while True:
            blocked = stream.waiting[0].after
            if blocked is None or blocked.done:
                self._run(stream)
                return
            stream = next(s for s in self.streams if s.actor == blocked.actor)

    def run_until(self, record: Operation) -> None:
        """Run until a record has been reached."""
        stream = next(s for s in self.streams if s.actor == record.actor)
        with self.lock:
            while not record.done:
                self._run_first(stream)

    def drain(self) -> None:
        """Run everything."""
        with self.lock:
            while self._step():
                pass

    # What the host waits for.

    def synchronize_stream(self, stream: Stream) -> None:
        """The calling thread waits for a stream."""
        self.run_to(stream)
        join(self.host().clock, stream.clock)

    def synchronize_record(self, record: Operation | None) -> None:
        """The calling thread waits for a record."""
        if record is not None:
            self.run_until(record)
            join(self.host().clock, record.clock)

    def synchronize_device(self) -> None:
        """The calling thread waits for everything."""
        self.drain()
        for stream in self.streams:
            join(self.host().clock, stream.clock)

    def query(self, record: Operation | None, stream: Stream | None = None) -> bool:
        """Whether a record, or all of a stream, has been reached; True is an edge."""
        with self.lock:
            pending = bool(stream.waiting) if stream else bool(record and not record.done)
            if pending:
                self.paths_not_taken += 1
                self._step()
                pending = bool(stream.waiting) if stream else bool(record and not record.done)
        if not pending:
            known: Any = stream or record
            if known is not None:
                join(self.host().clock, known.clock)
        return not pending
