"""One-sided writes of tensors, and messages between hosts, for programs under torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from fencepost.core.errors import InputError
from fencepost.streams.queues import Host, Queue, Token, Write
from fencepost.streams.shim.shapes import shown
from fencepost.streams.shim.sites import site

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

Regions = Sequence[tuple[torch.Tensor, torch.Tensor]]


class Messaging:
    """What crosses between hosts: the methods of `fencepost.streams.Device`, with tensors for
    addresses.

    Threads of the program are hosts by themselves, and what Python orders between them is ordered;
    `send` and `receive` are for what it does not see, such as a message over a socket.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._device = runtime.bridge.device
        self._hosts: dict[str, Host] = {}

    # One-sided writes.

    def nic(self, name: str = "") -> Queue:
        """A queue of one-sided writes, which land in the order in which they are posted.

        Writes that may land in any order have a queue each.
        """
        return self._device.nic(name)

    def post(
        self,
        nic: Queue,
        regions: Regions,
        *,
        name: str = "one-sided write",
        notify: bool = False,
    ) -> Write:
        """Post a one-sided write of each source to its target; it lands some time later.

        `regions` are pairs of a source and a target, contiguous and of one shape and dtype, on the
        device or on the host. No stream and no synchronisation waits for the write, and it keeps
        no memory alive. With `notify` the `token` of what is returned arrives with it, which
        another host may `receive`. Raises `InputError` F204 for what is no NIC and F228 for tensors
        that do not fit.
        """
        runtime = self.runtime
        _check(regions)
        runtime.settle()
        with runtime.quiet():
            tensors = [tensor for pair in regions for tensor in pair]
            for tensor in tensors:
                if not runtime.is_seen(tensor):
                    runtime.watch(tensor)
            held = [(runtime.alias(source), runtime.alias(target)) for source, target in regions]

            def run() -> None:
                for source, target in held:
                    target.copy_(source)

            return self._device.post(
                nic,
                name,
                reads=[runtime.bytes_of(source) for source, _ in regions],
                writes=[runtime.bytes_of(target) for _, target in regions],
                run=run,
                notify=notify,
                site=runtime.bridge.site(),
            )

    def poll(self, write: Write) -> bool:
        """Whether a write has landed, as its poster may see it; True is an edge, False is none."""
        self.runtime.settle()
        with self.runtime.quiet():
            return self._device.poll(write, site=self.runtime.bridge.site())

    def complete(self, write: Write) -> None:
        """Poll until a write has landed."""
        self.runtime.settle()
        with self.runtime.quiet():
            self._device.complete(write, site=self.runtime.bridge.site())

    def land(self, write: Write) -> None:
        """A write lands now, and those posted before it on its queue; this orders nothing."""
        self.runtime.settle()
        with self.runtime.quiet():
            self._device.land(write)

    def bounce(self, write: Write) -> None:
        """A write fails: if it has not landed, it changes nothing when it ends.

        Whoever wants to know when that is polls it. In the audit it may have landed all the same.
        """
        self.runtime.settle()
        with self.runtime.quiet():
            self._device.bounce(write)

    def revoke(self, write: Write) -> None:
        """The memory that a write names is taken away: if it has not landed, it changes nothing.

        In the audit it may have landed up to here; whoever revokes it comes after that.
        """
        self.runtime.settle()
        with self.runtime.quiet():
            self._device.revoke(write, site=self.runtime.bridge.site())

    def peek(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy of a tensor's bytes as they are now, in memory of the host, for an observer.

        The device does not get on by it, and there is no access in the trace.
        """
        with self.runtime.quiet():
            return self.runtime.alias(tensor).clone()

    # Messages.

    def send(self) -> Token:
        """What the calling host knows now, for another that receives it."""
        self.runtime.settle()
        return self.runtime.bridge.send()

    def receive(self, token: Token) -> None:
        """The calling host comes after what the token's sender knew.

        One that arrives with a one-sided write is waited for.
        """
        self.runtime.settle()
        self.runtime.bridge.receive(token)

    def arrived(self, token: Token) -> bool:
        """Whether a token that comes with a one-sided write is there; orders nothing by itself."""
        with self.runtime.quiet():
            return self._device.arrived(token)

    @contextmanager
    def acting(self, name: str) -> Iterator[None]:
        """The calling thread makes its calls as the host of a name until the end of the context.

        A new one comes after what the thread has done until then.
        """
        device = self._device
        if name not in self._hosts:
            with device.acting(device.here()):
                self._hosts[name] = device.host(name, self.send())
        with device.acting(self._hosts[name]):
            yield


def _check(regions: Regions) -> None:
    for source, target in regions:
        same = source.shape == target.shape and source.dtype == target.dtype
        if same and source.is_contiguous() and target.is_contiguous():
            continue
        kinds = [
            shown(tuple(t.shape), t.dtype) + ("" if t.is_contiguous() else " with gaps")
            for t in (source, target)
        ]
        raise InputError(
            "F228",
            f"a one-sided write of {kinds[0]} to {kinds[1]}",
            why="it moves bytes as they lie, from one run of addresses to another",
            write="pairs of contiguous tensors of one shape and dtype; one for each row of a view",
            at=site(),
        )
