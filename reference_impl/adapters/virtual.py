"""The cache on the virtual device: its NIC as a transport, its hosts as ends of a channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from fencepost.streams.policies import Policy
from fencepost.streams.queues import Queue, Token, Write
from fencepost.streams.shim.session import VirtualDevice
from reference_impl.messages import Message
from reference_impl.transport import Region, State

# Its tensors are a few numbers each: threads of torch would only wait for each other.
torch.set_num_threads(1)


class LandsWhenTold:
    """A policy: streams as another policy says, and one-sided writes only when told to land."""

    def __init__(self, streams: Policy) -> None:
        self._streams = streams
        self.lazy = streams.lazy

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """What the policy of the streams says."""
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
        return self.write.landed

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
            self._nic.device.bounce(self.write)

    def flush(self) -> None:
        """As in `Handle` of the transport."""
        self._nic.land(self)
        self._nic.device.complete(self.write)


class VirtualNic:
    """A `Transport` of one-sided writes, each on a queue of its own, so that they land in any
    order; `handle` is what a write is."""

    handle = Handle

    def __init__(self, virtual: VirtualDevice, policy: LandsWhenTold) -> None:
        self.device, self.policy = virtual, policy
        self.posted: list[Handle] = []
        self.is_fenced = False

    def post(self, regions: Sequence[Region]) -> Handle:
        """As in `Transport`."""
        queue = self.queue()
        handle = self.handle(self, queue, self.device.post(queue, regions), regions)
        if self.is_fenced:
            handle.bounce()
        self.posted.append(handle)
        return handle

    def queue(self) -> Queue:
        """One for the next write."""
        return self.device.nic(f"nic {len(self.posted)}")

    def land(self, handle: Handle) -> None:
        """The bytes arrive now; this orders nothing."""
        self.device.land(handle.write)

    def fence(self) -> None:
        """As in `Transport`: what has not landed, or is posted from now on, bounces."""
        self.is_fenced = True
        for handle in self.posted:
            if not handle.landed:
                handle.bounce()
                handle.flush()

    def peek(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy of the bytes once the streams have done their work, for an observer; no access in
        the trace."""
        self.device.run_streams()
        return self.device.peek(tensor)


def raw(virtual: VirtualDevice, tensor: torch.Tensor) -> torch.Tensor:
    """A copy of the bytes as they are now, for an observer."""
    return virtual.peek(tensor)


def bytes_of(virtual: VirtualDevice, tensor: torch.Tensor) -> Any:
    """The bytes themselves as an array of numpy, for an observer who looks again and again: what is
    in it is what is there whenever one looks."""
    with virtual.runtime.quiet():
        return virtual.runtime.alias(tensor).numpy()


@dataclass
class Hosts:
    """The two nodes as host threads of the device; one thread acts as either."""

    virtual: VirtualDevice

    def acting(self, name: str) -> AbstractContextManager[None]:
        """Calls are made by this host until the end of the context."""
        return self.virtual.acting(name)


class VirtualChannel:
    """A `Channel` between two hosts: a message makes its receiver come after its sender.

    `watch` is told of every message that is sent.
    """

    def __init__(self, virtual: VirtualDevice, watch: Callable[[Message], object]) -> None:
        self._device, self._watch = virtual, watch
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
