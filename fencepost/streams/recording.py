"""Who calls the device, and how each call gets into the trace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Protocol

from fencepost.core.errors import InputError, Location
from fencepost.streams.calls import Accesses, Agent, Late, Operation, Receive, Trace
from fencepost.streams.policies import Policy, WhenTold
from fencepost.streams.queues import Host, Mark, Queue, Token
from fencepost.streams.running import Running
from fencepost.streams.sites import caller

_KINDS = {"stream": "stream", "nic": "NIC"}


class Choices(Protocol):
    """Decides what the host sees where the answer is open."""

    def choose(self, count: int, what: str) -> int:
        """A number below `count`."""


class Turns(Protocol):
    """Decides which host thread goes on before each call."""

    def switch(self) -> None:
        """Perhaps let another thread go on."""


class _Calling:
    """One call at a time, after other threads had their chance to go on."""

    __slots__ = ("_device", "_lock")

    def __init__(self, device: Recording, lock: threading.RLock) -> None:
        self._device, self._lock = device, lock

    def __enter__(self) -> Host:
        device = self._device
        if device.turns is not None:
            device.turns.switch()
        self._lock.acquire()
        return device.here()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Recording(Running):
    """The host threads of a device and its trace."""

    def __init__(
        self, policy: Policy, most_queued: int, choices: Choices | None, turns: Turns | None
    ) -> None:
        super().__init__(policy, most_queued)
        self.choices, self.turns = choices, turns
        self.trace = Trace()
        self._lock = threading.RLock()
        self._calling = _Calling(self, self._lock)
        self._hosts: dict[int, Host] = {}
        self._former: dict[int, Host] = {}
        self._tokens = 0
        self.hosts = 0
        """How many host threads there are."""
        self.main = self.host("main")

    # Who takes part.

    def host(self, name: str, known: Token | None = None) -> Host:
        """Make the calling thread a host of its own, which comes after the sender of `known`."""
        with self._lock:
            host = Host(self._agent(name, "host"), name)
            self.hosts += 1
            self._hosts[get_ident()] = host
            if known is not None:
                self._know(known)
            return host

    def forget_host(self) -> None:
        """The calling thread ends: another may get its number, and is another host."""
        with self._lock:
            host = self._hosts.pop(get_ident(), None)
            if host is not None:
                self._former[get_ident()] = host

    @property
    def threads(self) -> list[int]:
        """The threads that are hosts, by Python's numbers."""
        return list(self._hosts)

    def go_on(self) -> bool:
        """Perform one item while no host makes a call, as a device does; False if there is none."""
        with self._lock:
            return self._step()

    @contextmanager
    def acting(self, host: Host) -> Iterator[None]:
        """The calling thread makes its calls as another host until the end of the context."""
        ident = get_ident()
        before = self.here()
        self._hosts[ident] = host
        try:
            yield
        finally:
            self._hosts[ident] = before

    def here(self) -> Host:
        """The host that the calling thread is; one that is not known yet knows nothing."""
        found = self._hosts.get(get_ident())
        # `current_thread` would make an object, with locks, for a thread that Python did not start.
        return found or self.host(f"host {len(self.trace.agents)}")

    @property
    def known_host(self) -> Host | None:
        """The host that the calling thread is, or was if it ends; takes no lock."""
        return self._hosts.get(get_ident()) or self._former.get(get_ident())

    def _call(self) -> _Calling:
        """The calling host, while it makes one call."""
        return self._calling

    def _agent(self, name: str, kind: str, *, blocking: bool = False, default: bool = False) -> int:
        number = len(self.trace.agents)
        self.trace.agents.append(Agent(number, name or f"{kind} {number}", kind, blocking, default))
        return number

    def _operation(
        self,
        name: str,
        host: Host,
        agent: int,
        reads: Accesses,
        writes: Accesses,
        run: Callable[[], object] | None,
        late: Late | None,
        site: Location | None,
        tags: Sequence[str] = (),
    ) -> Operation:
        trace = self.trace
        number = trace.operations
        trace.operations = number + 1
        place = site or caller()
        tags = tuple(tags) if tags else ()
        return Operation(number, name, host.number, agent, reads, writes, place, run, late, tags)

    def _next_token(self) -> int:
        self._tokens += 1
        return self._tokens

    def _know(self, token: Token, site: Location | None = None) -> None:
        if token.mark is not None:
            self._drain(token.mark)
        self.trace.calls.append(Receive(self.here().number, token.number, site or caller()))

    def _answer(self, mark: Mark, what: str) -> bool:
        """Whether a mark is reached, as the host sees it; who asks again and again learns it."""
        if self.choices is not None:
            if not self.choices.choose(2, what):
                return False
            self._drain(mark)
            return True
        self._went_on()
        answer = mark.reached
        if not answer and not isinstance(self.policy, WhenTold):
            self._step()
        return answer

    def _is_stream(self, queue: Queue) -> None:
        if queue not in self._streams:
            self._is_of_kind(queue, "stream")

    def _is_of_kind(self, queue: Queue, kind: str) -> None:
        if queue.kind != kind or self.queues[queue.place] is not queue:
            raise InputError(
                "F204",
                f"{queue.name} is no {_KINDS[kind]} of this device",
                why="work is queued, recorded and waited for on streams of one device, and "
                "one-sided writes are posted on the queues of its NICs",
                write="device.stream(), or device.post() for the queue of device.nic()",
            )
