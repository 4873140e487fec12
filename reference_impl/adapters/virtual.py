"""The cache on the virtual device: its NIC as a transport, its hosts as ends of a channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from fencepost.streams.policies import Policy
from fencepost.streams.queues import Host, Queue, Token, Write
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.messages import Message
from reference_impl.transport import Region, State


class LandsWhenTold:
    """A policy: streams as another policy says, and one-sided writes only when told to land."""

    def __init__(self, streams: Policy) -> None:
        self._streams = streams
        self.lazy = streams.lazy
        self.landing: Queue | None = None

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The write that is to land, else what the policy of the streams says."""
        if self.landing is not None and self.landing in ready:
            return self.landing
        streams = [queue for queue in ready if queue.kind == "stream"]
        return self._streams.choose(streams, must) if streams else None


class Handle:
    """A write of the virtual NIC; the schedule says when it lands, or that it fails."""

    def __init__(
        self, nic: VirtualNic, queue: Queue, write: Write, regions: Sequence[Region]
    ) -> None:
        self._nic, self.queue, self.write, self.regions = nic, queue, write, regions
        self.sent = [nic.peek(source) for source, _ in regions]
        """The bytes that were to be sent, for an observer."""
        self.failed = self.fenced = False

    @property
    def landed(self) -> bool:
        """Whether the bytes are there, which only an observer knows."""
        return self.write.mark.reached

    def state(self) -> State:
        """As in `Handle` of the transport; that it is over orders it before what the asker does."""
        if self.failed:
            return State.FAILED
        if not self.landed:
            return State.ACKNOWLEDGED
        self._nic.device.poll(self.write)
        return State.VISIBLE

    def bounce(self) -> None:
        """It ends in an error, and nothing of it lands."""
        if not self.landed:
            self.failed = self.fenced = True

    def flush(self) -> None:
        """As in `Handle` of the transport."""
        self._nic.land(self)
        self._nic.device.complete(self.write)


class VirtualNic:
    """A `Transport` of one-sided writes, each on a queue of its own, so that they land in any
    order."""

    def __init__(self, virtual: VirtualDevice, policy: LandsWhenTold) -> None:
        self._runtime, self._policy = virtual.runtime, policy
        self.device = virtual.runtime.bridge.device
        self.posted: list[Handle] = []
        self.is_fenced = False

    def post(self, regions: Sequence[Region]) -> Handle:
        """As in `Transport`."""
        runtime = self._runtime
        held = [(runtime.alias(source), runtime.alias(target)) for source, target in regions]
        made: list[Handle] = []

        def run() -> None:
            if not made[0].fenced:
                for source, target in held:
                    target.copy_(source)

        queue = self.queue()
        write, _ = self.device.post(
            queue,
            "one-sided write",
            reads=[runtime.bytes_of(source) for source, _ in regions],
            writes=[runtime.bytes_of(target) for _, target in regions],
            run=run,
        )
        made.append(Handle(self, queue, write, regions))
        if self.is_fenced:
            made[0].bounce()
        self.posted += made
        return made[0]

    def queue(self) -> Queue:
        """One for the next write."""
        return self.device.nic(f"nic {len(self.posted)}")

    def land(self, handle: Handle) -> None:
        """The bytes arrive now; this orders nothing."""
        self._policy.landing = handle.queue
        with self._runtime.quiet():
            self.device.run_ahead(handle.queue)
        self._policy.landing = None

    def fence(self) -> None:
        """As in `Transport`: what has not landed, or is posted from now on, bounces."""
        self.is_fenced = True
        for handle in self.posted:
            if not handle.landed:
                handle.bounce()
                handle.flush()

    def peek(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy of the bytes as they are, for an observer; no access in the trace."""
        with self._runtime.quiet():
            for queue in self.device.queues:
                if queue.kind == "stream":
                    self.device.run_ahead(queue)
            return self._runtime.alias(tensor).clone()


def raw(virtual: VirtualDevice, tensor: torch.Tensor) -> torch.Tensor:
    """A copy of the bytes as they are now, for an observer: the device does not get on, and there
    is no access in the trace."""
    with virtual.runtime.quiet():
        return virtual.runtime.alias(tensor).clone()


def bytes_of(virtual: VirtualDevice, tensor: torch.Tensor) -> Any:
    """The bytes themselves as an array of numpy, for an observer who looks again and again: what is
    in it is what is there whenever one looks."""
    with virtual.runtime.quiet():
        return virtual.runtime.alias(tensor).numpy()


@dataclass
class Hosts:
    """The two nodes as host threads of the device; one thread acts as either."""

    virtual: VirtualDevice

    def __post_init__(self) -> None:
        self._device = self.virtual.runtime.bridge.device
        self._by_name: dict[str, Host] = {}

    @contextmanager
    def acting(self, name: str) -> Iterator[None]:
        """Calls are made by this host until the end of the context."""
        if name not in self._by_name:
            with self._device.acting(self._device.here()):
                self._by_name[name] = self._device.host(name, self._device.send())
        with self._device.acting(self._by_name[name]):
            yield


class VirtualChannel:
    """A `Channel` between two hosts: a message makes its receiver come after its sender.

    `watch` is told of every message that is sent.
    """

    def __init__(self, virtual: VirtualDevice, watch: Callable[[Message], object]) -> None:
        self._device, self._watch = virtual.runtime.bridge.device, watch
        self.under_way: deque[tuple[Message, Token]] = deque()

    def send(self, message: Message) -> None:
        """As in `Channel`."""
        self._watch(message)
        self.under_way.append((message, self._device.send()))

    def receive(self) -> Message | None:
        """As in `Channel`."""
        if not self.under_way:
            return None
        message, token = self.under_way.popleft()
        self._device.receive(token)
        return message

    def lose(self) -> None:
        """The next message never arrives."""
        self.under_way.popleft()


def newest_record(event: torch.cuda.Event) -> Any:
    """What an event was recorded for last, as the virtual device knows it; None before that."""
    return event.native.newest  # type: ignore[attr-defined]  # an event of the virtual device
