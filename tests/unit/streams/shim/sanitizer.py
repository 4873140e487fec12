"""torch's own CUDA sanitizer, driven by hand from the calls that the shim makes.

On a GPU, callbacks of the CUDA runtime drive its event handler; here the same calls do, with the
same information: streams, events, allocations and, for each kernel, the data pointers it uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.cuda import _sanitizer

from fencepost.streams.shim.launches import Launch


class Sanitizer:
    """Listens to one virtual device."""

    def __init__(self, bridge) -> None:
        self.bridge = bridge
        self.handler = _sanitizer.EventHandler()
        self.errors: list[object] = []
        self.events = 0
        self.numbers: dict[object, int] = {}
        self.listen()

    def before(self, name: str, tell) -> None:
        """Tell the sanitizer before the device does something."""
        plain = getattr(self.bridge, name)

        def told(*args, **kwargs):
            tell(*args, **kwargs)
            return plain(*args, **kwargs)

        setattr(self.bridge, name, told)

    def listen(self) -> None:
        handler, bridge = self.handler, self.bridge
        create, allocate = bridge.create_stream, bridge.allocate

        def create_stream(priority):
            made = create(priority)
            handler._handle_stream_creation(bridge.number(made))
            return made

        def allocated(size, *label):
            address = allocate(size, *label)
            handler._handle_memory_allocation(address)
            return address

        bridge.create_stream, bridge.allocate = create_stream, allocated
        self.before("free", lambda address, *_, **__: handler._handle_memory_deallocation(address))
        self.before("submit", self.launched)
        self.before("record", self.recorded)
        self.before("wait_event", self.waits)
        self.before("wait_stream", self.waits_for_stream)
        self.before("synchronize_stream", self.synchronized)
        self.before("synchronize_event", self.event_synchronized)
        self.before("synchronize_device", handler._handle_device_synchronization)

    def launched(self, launch: Launch, *_) -> None:
        reads, writes = launch.addresses
        memory = self.bridge.device.allocator
        there = range(memory.start, memory.stop)
        read = {a for a in reads if a in there}
        written = {a for a in writes if a in there}
        stream = self.bridge.number(self.bridge.current())
        aliases = {address: [] for address in read | written}
        self.errors += self.handler._handle_kernel_launch(
            stream, read - written, written, set(), launch.name, aliases
        )

    def number(self, event) -> int:
        """An event as CUDA creates it, at its first record."""
        if event not in self.numbers:
            self.events += 1
            self.numbers[event] = self.events
            self.handler._handle_event_creation(self.events)
        return self.numbers[event]

    def recorded(self, event, stream) -> None:
        stream = stream or self.bridge.current()
        self.handler._handle_event_record(self.number(event), self.bridge.number(stream))

    def waits(self, stream, event) -> None:
        if event in self.numbers:
            stream = stream or self.bridge.current()
            self.handler._handle_event_wait(self.numbers[event], self.bridge.number(stream))

    def waits_for_stream(self, stream, other) -> None:
        self.events += 1
        self.handler._handle_event_creation(self.events)
        self.handler._handle_event_record(self.events, self.bridge.number(other))
        self.handler._handle_event_wait(self.events, self.bridge.number(stream))

    def synchronized(self, stream=None) -> None:
        stream = stream or self.bridge.current()
        self.handler._handle_stream_synchronization(self.bridge.number(stream))

    def event_synchronized(self, event) -> None:
        if event in self.numbers:
            self.handler._handle_event_synchronization(self.numbers[event])


@contextmanager
def listening(device) -> Iterator[Sanitizer]:
    """The sanitizer listens while a program runs."""
    yield Sanitizer(device.runtime.bridge)
