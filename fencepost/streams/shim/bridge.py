"""What the shim asks of the device below it: queues, memory and, at the end, what is unordered."""

from __future__ import annotations

import ctypes
from typing import Any

import torch

from fencepost.streams.shim.arena import Arena
from fencepost.streams.shim.blocks import Blocks, OutOfMemory, memory_names
from fencepost.streams.shim.launches import Launch, Spans
from fencepost.streams.shim.orders import Finding, find
from fencepost.streams.shim.queues import Clock, Event, Queues, Stream
from fencepost.streams.shim.sites import site

POISON = 0xDB


def poison(address: int, size: int) -> None:
    """Overwrite freed memory, so that a kernel that still reads it is seen to."""
    ctypes.memset(address, POISON, size)


class Bridge:
    """One device, for one runtime."""

    def __init__(self, arena: Arena, policy: str, seed: int) -> None:
        self.queues = Queues(policy, seed, site)

        self.device = Blocks(self.queues, arena.base, arena.middle, poison)
        self.host = Blocks(self.queues, arena.middle, arena.end)
        self.notes: list[str] = []
        self.several = self.queues.several
        self.send = self.queues.send
        self.receive = self.queues.receive
        self.submit = self.queues.submit
        self.create_stream = self.queues.create_stream
        self.create_event = Event

    def begin(self, name: str, known: Clock) -> None:
        """The calling thread is a new host."""
        self.queues.begin(name, known)

    # Current streams.

    def current(self) -> Stream:
        """The calling thread's current stream."""
        return self.queues.current()

    def default(self) -> Stream:
        """The default stream."""
        return self.queues.default

    def enter(self, stream: Stream) -> None:
        """Make a stream current."""
        self.queues.stack().append(stream)

    def leave(self) -> None:
        """Make the stream before it current again."""
        self.queues.stack().pop()

    def set_current(self, stream: Stream) -> None:
        """Replace the current stream."""
        self.queues.stack()[-1] = stream

    @staticmethod
    def number(stream: Stream) -> int:
        """The stream's number; 0 is the default stream."""
        return stream.number

    def stream_by_number(self, number: int) -> Stream | None:
        """The stream of a number."""
        streams = self.queues.streams
        return streams[number] if 0 <= number < len(streams) else None

    # Events and waits.

    def record(self, event: Event, stream: Stream | None) -> None:
        """Record an event."""
        event.record = self.queues.mark(stream or self.current())

    def wait_event(self, stream: Stream | None, event: Event) -> None:
        """A stream waits for the newest record of an event."""
        self.queues.wait(stream or self.current(), event.record)

    def wait_stream(self, stream: Stream, other: Stream) -> None:
        """A stream waits for another."""
        self.queues.wait(stream, self.queues.mark(other))

    def query_event(self, event: Event) -> bool:
        """Whether the newest record has been reached."""
        return self.queues.query(event.record)

    def query_stream(self, stream: Stream) -> bool:
        """Whether all work of a stream has been done."""
        return self.queues.query(None, stream)

    def synchronize_event(self, event: Event) -> None:
        """The host waits for the newest record."""
        self.queues.synchronize_record(event.record)

    def synchronize_stream(self, stream: Stream | None = None) -> None:
        """The host waits for a stream, the current one by default."""
        self.queues.synchronize_stream(stream or self.current())

    def synchronize_device(self) -> None:
        """The host waits for everything."""
        self.queues.synchronize_device()

    def run_ahead(self) -> None:
        """The current stream runs up to here; this orders nothing."""
        self.queues.run_to(self.current())

    def elapsed(self, first: Event, second: Event) -> float:
        """Virtual milliseconds between two records: one for each operation queued in between."""
        if first.record is None or second.record is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        if not (first.record.done and second.record.done):
            raise RuntimeError("device not ready")
        times = [sum(record.clock.values()) for record in (first.record, second.record)]
        return float(times[1] - times[0])

    # Memory.

    def allocate(self, size: int) -> int:
        """The address of a block of device memory."""
        try:
            return self.device.allocate(size)
        except OutOfMemory as error:
            raise torch.cuda.OutOfMemoryError(str(error)) from error

    def free(self, address: int) -> None:
        """Free a block of device memory."""
        self.device.free(address)

    def record_stream(self, address: int, stream: Stream) -> None:
        """A stream uses a block."""
        self.device.use(address, stream)

    def allocate_pinned(self, size: int) -> int:
        """The address of a block of pinned memory."""
        return self.host.allocate(size)

    def free_pinned(self, address: int) -> None:
        """Free a block of pinned memory."""
        self.host.free(address)

    def use_pinned(self, address: int) -> None:
        """A copy on the current stream uses a pinned block."""
        self.host.use(address, self.current())

    def memory_names(self, check_device: Any) -> dict[str, Any]:
        """The questions of `torch.cuda` about memory."""
        return memory_names(self.device, check_device)

    def host_access(self, name: str, reads: Spans, writes: Spans) -> None:
        """The calling thread reads or writes host memory."""
        self.queues.host_access(name, reads, writes)

    def nothing(self, name: str) -> None:
        """A kernel that touches no data."""
        self.submit(Launch(name, [], []))

    def note(self, text: str) -> None:
        """Something that the report says besides its findings."""
        if text not in self.notes:
            self.notes.append(text)

    def findings(self) -> list[Finding]:
        """What nothing orders, of all that was done so far."""
        self.queues.drain()
        return find(self.queues.operations, self.queues.records)
