"""What the shim asks of the device below it, in addresses and in torch's words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import sleep

import torch

from fencepost.core.errors import InputError, Location
from fencepost.streams.assessment import MOST_REPLAYED
from fencepost.streams.device import Device
from fencepost.streams.findings import Audit
from fencepost.streams.policies import Policy
from fencepost.streams.queues import Event, Host, Queue, Token
from fencepost.streams.recording import Choices
from fencepost.streams.shim.arena import Arena
from fencepost.streams.shim.children import Children
from fencepost.streams.shim.here import Here
from fencepost.streams.shim.launches import Launch, Touches, of_its_time
from fencepost.streams.shim.memory import MOST_SAVED, ArenaMemory
from fencepost.streams.shim.shapes import default_dtype
from fencepost.streams.shim.sites import site as place_of_call
from fencepost.streams.shim.threads import end_of_thread
from fencepost.streams.turns import Threads

NO_CHANGE = nullcontext()
MOST_HELD = 1 << 30
"""Bytes of host values that are kept for replays."""


class Bridge:
    """One device, for one runtime."""

    def __init__(self, arena: Arena, policy: Policy, choices: Choices | None = None) -> None:
        self.memory = ArenaMemory(arena)
        self.device = Device(
            policy,
            memory=self.memory,
            choices=choices,
            device=(arena.base, arena.middle),
            pinned=(arena.middle, arena.end),
        )
        self.memory.allocators = (self.device.allocator, self.device.pinned)
        self.keeps = True
        self._held = 0
        self.here = Here()
        self._lock = threading.Lock()
        self.children = Children()
        self.failures: list[tuple[str, BaseException]] = []
        """Threads that an exception ended, by name."""
        self._over = False
        """How often each thread has slept, by Python's numbers."""

    def site(self) -> Location:
        """Where the program made the call; looked up once while fencepost is at work for it.

        Raises `InputError` F230 in a child process: its calls are no calls of this device.
        """
        if self.children.here:
            self.children.refuse()
        if self._over:
            end_of_thread()
        here = self.here
        if not here.busy:
            return place_of_call()
        site = here.site
        if site is None:
            site = here.site = place_of_call()
        return site

    def kernels(self) -> AbstractContextManager[None]:
        """A context for calls that may run kernels."""
        return NO_CHANGE if self.here.busy else self.here.outermost

    def close(self) -> None:
        """Nothing more happens on the device: a thread that calls it from now on ends there."""
        self._over = True

    @property
    def _nobody(self) -> bool:
        """Whether what orders threads is of no interest: in a child process, and after the end."""
        return self._over or self.children.here

    # Host threads.

    def begin(self, name: str, known: Token) -> None:
        """The calling thread is a new host."""
        if not self._nobody:
            self.device.host(name, known)

    def end(self) -> Token:
        """The calling thread ends; gives what it knew."""
        known = self.send()
        if not self._nobody:
            self.device.forget_host()
        return known

    def failed(self, name: str, error: BaseException) -> None:
        """An exception ended a thread."""
        self.failures.append((name, error))

    @property
    def turns(self) -> Threads | None:
        """The turns of the calling thread and others, where they are tried."""
        turns = self.device.turns
        return turns if isinstance(turns, Threads) and turns.has_caller else None

    def sleep(self, seconds: float, /) -> None:
        """The calling thread sleeps."""
        turns = self.turns
        if turns is None:
            sleep(seconds)
        else:
            turns.wait_until(lambda: False, seconds)

    def several(self) -> bool:
        """Whether there is more than one host thread."""
        return self.device.hosts > 1 and not self._nobody

    def send(self) -> Token:
        """What the calling thread knows now."""
        if self._nobody:
            return Token(0)
        return self.device.send(site=self.site())

    def receive(self, known: Token) -> None:
        """The calling thread comes to know what another knew."""
        if self._nobody:
            return
        with self.kernels():
            self.device.receive(known, site=self.site())

    # Current streams.

    def current(self) -> Queue:
        """The calling thread's current stream."""
        return self.here.stream or self.device.default

    def default(self) -> Queue:
        """The default stream."""
        return self.device.default

    def enter(self, stream: Queue) -> None:
        """Make a stream current."""
        self.here.entered.append((stream, self.current()))
        self.here.stream = stream

    def leave(self, stream: Queue) -> None:
        """Make the stream current that was so when this one was entered, whatever came since."""
        entered = self.here.entered
        last = max(n for n, (which, _) in enumerate(entered) if which is stream)
        self.here.stream = entered.pop(last)[1]

    def set_current(self, stream: Queue) -> None:
        """Replace the current stream."""
        self.here.stream = stream

    def create_stream(self, priority: int) -> Queue:
        """A stream that nothing else uses."""
        self.site()
        with self._lock:
            name = f"stream {len(self.device.queues)}"
            return self.device.stream(name, priority=priority)

    @staticmethod
    def number(stream: Queue) -> int:
        """The stream's number; 0 is the default stream."""
        return stream.place

    def stream_by_number(self, number: int) -> Queue | None:
        """The stream of a number."""
        streams = self.device.queues
        return streams[number] if 0 <= number < len(streams) else None

    # Events and waits.

    def create_event(self) -> Event:
        """An event that is not recorded."""
        return self.device.event()

    def record(self, event: Event, stream: Queue | None) -> None:
        """Record an event."""
        with self.kernels():
            self.device.record(event, stream or self.current(), site=self.site())

    def wait_event(self, stream: Queue | None, event: Event) -> None:
        """A stream waits for the newest record of an event."""
        with self.kernels():
            self.device.wait(stream or self.current(), event, site=self.site())

    def wait_stream(self, stream: Queue, other: Queue) -> None:
        """A stream waits for another."""
        with self.kernels():
            self.device.wait_stream(stream, other, site=self.site())

    def query_event(self, event: Event) -> bool:
        """Whether the newest record has been reached."""
        with self.kernels():
            return self.device.query(event, site=self.site())

    def query_stream(self, stream: Queue) -> bool:
        """Whether all work of a stream has been done."""
        with self.kernels():
            return self.device.query(stream, site=self.site())

    def synchronize_event(self, event: Event) -> None:
        """The host waits for the newest record."""
        with self.kernels():
            self.device.synchronize(event, site=self.site())

    def synchronize_stream(self, stream: Queue | None = None) -> None:
        """The host waits for a stream, the current one by default."""
        with self.kernels():
            self.device.synchronize(stream or self.current(), site=self.site())

    def synchronize_device(self) -> None:
        """The host waits for everything."""
        with self.kernels():
            self.device.synchronize(site=self.site())

    def run_ahead(self) -> None:
        """The current stream runs up to here; this orders nothing."""
        self.site()
        with self.kernels():
            self.device.run_ahead(self.current())

    def elapsed(self, first: Event, second: Event) -> float:
        """Virtual milliseconds between two records: one for each operation performed between."""
        if first.newest is None or second.newest is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        if not (first.newest.reached and second.newest.reached):
            raise RuntimeError("device not ready")
        return self.device.elapsed(first, second)

    # Memory.

    def allocate(self, size: int, label: str = "") -> int:
        """The address of a block of device memory."""
        here, device = self.here, self.device
        site = here.site or self.site()
        try:
            block = device.allocate(size, here.stream or device.default, label, site=site)
        except InputError as error:
            raise torch.cuda.OutOfMemoryError(error.what) from error
        return block.start

    def allocate_pinned(self, size: int, label: str = "") -> int:
        """The address of a block of pinned memory."""
        site = self.site()
        try:
            block = self.device.allocate_pinned(size, label, site=site)
        except InputError as error:
            raise torch.cuda.OutOfMemoryError(error.what) from error
        return block.start

    def free(
        self, address: int, place: Location, host: Host | None, *, keeps_addresses: bool = False
    ) -> None:
        """Free a block, of the device or pinned, that a host let go of at a place."""
        if self._over or self.children.here:
            return
        device, here = self.device, self.here
        if device.hosts > 1 and host is not None and host is not device.known_host:
            with self.kernels(), device.acting(host):
                Bridge.free(self, address, place, None, keeps_addresses=keeps_addresses)
        elif not here.busy:
            with here.outermost:
                Bridge.free(self, address, place, None, keeps_addresses=keeps_addresses)
        else:
            site = place if place.line else self.site()
            device.free(device.blocks[address], keeps_addresses=keeps_addresses, site=site)

    def record_stream(self, address: int, stream: Queue, *, automatic: bool = False) -> None:
        """A stream uses a block."""
        block = self.device.blocks.get(address)
        if block is not None and stream not in block.used_by:
            self.device.record_stream(block, stream, site=self.site(), automatic=automatic)

    def use_pinned(self, address: int) -> None:
        """A copy on the current stream uses a pinned block."""
        self.record_stream(address, self.current(), automatic=True)

    # Operations.

    def submit(self, launch: Launch) -> None:
        """Queue a kernel on the current stream."""
        here, device = self.here, self.device
        if not here.busy:
            with here.outermost:
                Bridge.submit(self, launch)  # once for whoever listens
            return
        device.submit(
            here.stream or device.default,
            launch.name,
            reads=launch.reads,
            writes=launch.writes,
            run=partial(of_its_time, default_dtype(), launch.kernel),
            late=launch.late,
            site=here.site or self.site(),
        )
        if self.keeps and device.trace.operations > MOST_REPLAYED:
            self._let_go(f"it has more than {MOST_REPLAYED:,} operations")

    def host_access(
        self,
        name: str,
        reads: Touches,
        writes: Touches,
        again: Callable[[], object] | None = None,
    ) -> None:
        """The calling thread has read or written host memory; `again` does it in a replay."""
        if self.children.here:  # a copy of the memory, which nothing on the device touches
            return
        with self.kernels():
            made = self.device.access(name, reads=reads, writes=writes, site=self.site())
            if self.keeps:
                made.run = again

    def hold(self, size: int) -> None:
        """A kernel that may be replayed keeps so many bytes of the host's."""
        self._held += size
        if self.keeps and self._held > MOST_HELD:
            self._let_go("it has too many values of the host")

    def watch(self, start: int, size: int, storage: torch.UntypedStorage | None = None) -> None:
        """Copies use memory of the host, which a replay puts back to what it is now."""
        if start in self.memory.outside:
            return
        self.hold(size)
        if self.keeps:
            self.memory.watch(start, size, storage)

    def _let_go(self, why: str) -> None:
        self.keeps = False
        self.device.let_go_of_kernels()
        self.device.note(f"the orders of this run were not replayed: {why}")

    def note(self, text: str) -> None:
        """Something that the audit says besides its findings."""
        self.device.note(text)

    def audit(self) -> Audit:
        """What nothing orders, of all that was done so far."""
        self.device.run_all()
        if self.keeps and self.memory.size > MOST_SAVED:
            self._let_go("it uses too much memory")
        if not self.keeps:
            return self.device.audit()
        with self.memory.put_back():
            return self.device.audit(replays=True)
