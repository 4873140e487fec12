"""The virtual device: what hosts call, each call put into the trace and performed by the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import get_ident

from fencepost.core.errors import Location
from fencepost.streams import calls
from fencepost.streams.calls import Accesses, Late, Operation
from fencepost.streams.findings import Audit
from fencepost.streams.lending import Lending
from fencepost.streams.memory import Memory
from fencepost.streams.messaging import Messaging
from fencepost.streams.policies import InOrder, Policy
from fencepost.streams.polling import Polling
from fencepost.streams.queues import Event, Queue
from fencepost.streams.recording import Choices, Turns
from fencepost.streams.sites import caller

DEVICE = (0, 1 << 40)
PINNED = (1 << 40, 1 << 41)


class Device(Lending, Messaging):
    """One virtual device with its streams, memory, NICs and the host threads that use it.

    `policy` says which stream advances; `memory` gives bytes to addresses where kernels have no
    memory of their own, and freed blocks are poisoned in it (kernels are kept for replays then, and
    else let go once they have run); `choices` answers queries. `device`
    and `pinned` are the ranges of addresses of device and pinned memory. Where more than
    `most_queued` items wait, the oldest run. All methods may be called from any thread.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        memory: Memory | None = None,
        choices: Choices | None = None,
        turns: Turns | None = None,
        device: tuple[int, int] = DEVICE,
        pinned: tuple[int, int] = PINNED,
        most_queued: int = 10_000,
    ) -> None:
        super().__init__(policy or InOrder(), most_queued, choices, turns, memory, (device, pinned))
        self._polling = Polling()
        self.default = self._queue("default", "stream", blocking=True, default=True)

    def stream(self, name: str = "", *, blocking: bool = False, priority: int = 0) -> Queue:
        """A new stream; `blocking` ones synchronise with the legacy default stream."""
        with self._lock:
            return self._queue(name, "stream", blocking=blocking, priority=priority)

    def nic(self, name: str = "") -> Queue:
        """A queue of one-sided writes, landed in the order in which they are posted."""
        with self._lock:
            return self._queue(name, "nic")

    def event(self, name: str = "") -> Event:
        """A new event, not recorded."""
        with self._lock:
            number = len(self.trace.events)
            event = Event(number, name or f"event {number}")
            self.trace.events.append(event.name)
            return event

    # Operations.

    def submit(
        self,
        stream: Queue,
        name: str,
        *,
        reads: Accesses = (),
        writes: Accesses = (),
        run: Callable[[], object] | None = None,
        late: Late | None = None,
        site: Location | None = None,
        tags: Sequence[str] = (),
    ) -> Operation:
        """Queue a kernel or a copy.

        `late` is called right before it runs and gives reads and writes besides.
        """
        if self.turns is not None:
            self.turns.switch()
        with self._lock:  # as `_call()`, which takes its time where there are many
            host = self._hosts.get(get_ident()) or self.here()
            if stream not in self._streams:
                self._is_stream(stream)
            made = self._operation(name, host, stream.number, reads, writes, run, late, site, tags)
            self.trace.calls.append(made)
            before = self._before(stream) if self._blocking else ()
            self._put(stream, made, before)
            if not self.policy.lazy or self._waiting > self.most_queued:
                self._went_on()
            return made

    def access(
        self,
        name: str,
        *,
        reads: Accesses = (),
        writes: Accesses = (),
        run: Callable[[], object] | None = None,
        site: Location | None = None,
    ) -> Operation:
        """The host itself reads and writes memory, now.

        What it reads again, with no call in between, is recorded once, and lets the streams go on.
        Raises `InputError` F240 where it reads on and on and nothing will change.
        """
        with self._call() as host:
            polls, calls_ = self._polling, self.trace.calls
            site = site or caller()
            read = None if writes or run else polls.known(calls_, host.number, reads, site)
            if read is not None:
                self._went_on()
                polls.once_more(read, self._step)
                return read
            made = self._operation(name, host, host.number, reads, writes, run, None, site)
            calls_.append(made)
            if not writes:
                polls.keep(calls_, host.number, reads, made)
            if run is not None:
                run()
                if not self._keeps_kernels:
                    made.run = None
            self._went_on()
            return made

    # Order between streams, and between streams and host.

    def record(self, event: Event, stream: Queue, *, site: Location | None = None) -> None:
        """Record an event: it stands for all work queued on the stream, until recorded again."""
        with self._call() as host:
            self._is_stream(stream)
            self.trace.calls.append(
                calls.Record(host.number, event.number, stream.number, site or caller())
            )
            event.newest = self._mark(stream)
            self._went_on()

    def wait(self, stream: Queue, event: Event, *, site: Location | None = None) -> None:
        """Later work of the stream waits for the newest record; nothing if there is none."""
        with self._call() as host:
            self._is_stream(stream)
            self.trace.calls.append(
                calls.Wait(host.number, stream.number, event.number, site or caller())
            )
            if event.newest is not None:
                self._put(stream, needs=(event.newest, *self._before(stream)))
            self._went_on()

    def wait_stream(self, stream: Queue, other: Queue, *, site: Location | None = None) -> None:
        """Later work of the stream waits for all work queued on another."""
        with self._call() as host:
            self._is_stream(stream)
            self._is_stream(other)
            self.trace.calls.append(
                calls.WaitStream(host.number, stream.number, other.number, site or caller())
            )
            self._put(stream, needs=(self._mark(other), *self._before(stream)))
            self._went_on()

    def synchronize(
        self,
        what: Event | Queue | None = None,
        *,
        why: str = "synchronize",
        site: Location | None = None,
    ) -> None:
        """The host waits for an event's newest record, for a stream, or for all streams."""
        with self._call() as host:
            event = what.number if isinstance(what, Event) else None
            stream = what.number if isinstance(what, Queue) else None
            self.trace.calls.append(
                calls.Synchronize(host.number, event, stream, site or caller(), why)
            )
            for mark in self._marks(what):
                self._drain(mark)

    def query(self, what: Event | Queue, *, site: Location | None = None) -> bool:
        """Whether an event's newest record (or none) or all work of a stream is done."""
        with self._call() as host:
            answer = all(self._answer(mark, f"query of {what.name}") for mark in self._marks(what))
            event = what.number if isinstance(what, Event) else None
            stream = what.number if isinstance(what, Queue) else None
            self.trace.calls.append(
                calls.Query(host.number, answer, event, stream, site or caller())
            )
            return answer

    def note(self, text: str) -> None:
        """Something that the audit should say besides its findings."""
        if text not in self.trace.notes:
            self.trace.notes.append(text)

    def note_unseen(self, text: str) -> None:
        """Something that happened and is not in the trace, as a sentence."""
        if text not in self.trace.unseen:
            self.trace.unseen.append(text)

    def audit(self, *, replays: bool = False) -> Audit:
        """The findings on everything called so far; all queued work runs first.

        With `replays`, each finding's two orders are performed on `memory` and compared, if the
        kernels are still there.
        """
        from fencepost.streams.assessment import assess

        with self._lock:
            self.run_all()
            return assess(
                self.trace, memory=self.memory if replays and self._keeps_kernels else None
            )

    def _queue(
        self,
        name: str,
        kind: str,
        *,
        blocking: bool = False,
        default: bool = False,
        priority: int = 0,
    ) -> Queue:
        number = self._agent(name, kind, blocking=blocking, default=default)
        queue = Queue(
            number, self.trace.agents[number].name, kind, len(self.queues), blocking, priority
        )
        self._add(queue)
        return queue
