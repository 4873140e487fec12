"""A virtual device from its beginning to its audit."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from fencepost.core.errors import InputError
from fencepost.streams.calls import Trace
from fencepost.streams.findings import Audit
from fencepost.streams.policies import Policy
from fencepost.streams.recording import Choices
from fencepost.streams.shim.arena import Arena
from fencepost.streams.shim.bridge import Bridge
from fencepost.streams.shim.children import Children
from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.install import installed
from fencepost.streams.shim.messaging import Messaging
from fencepost.streams.shim.processes import telling
from fencepost.streams.shim.runtime import Runtime
from fencepost.streams.shim.sites import site
from fencepost.streams.shim.stubs import load_adapter, stubbed


class VirtualDevice(Messaging):
    """What `virtual_cuda()` gives: the device that torch sees, and what was found on it."""

    def audit(self) -> Audit:
        """What nothing orders in all that was done so far."""
        self.runtime.settle()
        with self.runtime.quiet():
            audit = self.runtime.bridge.audit()
        used = [f"{error.what} at {error.at}, which is not seen" for error in self.refused]
        told = (*used, *self._children.unseen(), *self.runtime.libraries.unseen())
        return replace(audit, unseen=(*audit.unseen, *told))

    def close(self) -> None:
        """Nothing more happens on the device, and nothing takes the place of what is alive still:
        it is not freed. A thread that calls the device from now on ends there."""
        self.runtime.settle()
        self.runtime.bridge.close()
        self._children.close()

    def run_all(self) -> None:
        """Perform what is queued; raises what a kernel raises, once each time it is called."""
        with self.runtime.quiet():
            self.runtime.bridge.device.run_all()

    def run_streams(self) -> None:
        """As `run_all`, but no one-sided write lands by it."""
        device = self.runtime.bridge.device
        if not device.waiting:
            return
        with self.runtime.quiet():
            for queue in device.queues:
                if queue.kind == "stream":
                    device.run_ahead(queue)

    def note_unseen(self, text: str) -> None:
        """The audit says that something was not seen."""
        self.runtime.bridge.device.note_unseen(text)

    @property
    def failures(self) -> list[tuple[str, BaseException]]:
        """The threads that an exception ended, by name."""
        return self.runtime.bridge.failures

    @property
    def refused(self) -> list[InputError]:
        """F230 for each place at which a child process used CUDA."""
        return self._children.uses()

    @property
    def _children(self) -> Children:
        return self.runtime.bridge.children

    @property
    def trace(self) -> Trace:
        """Every call so far, for `mutate`, `graph`, `outcomes` and `interleavings`."""
        return self.runtime.bridge.device.trace


_CURRENT: list[VirtualDevice] = []


def current() -> VirtualDevice:
    """The device that torch sees; raises `InputError` F229 where there is none."""
    if not _CURRENT:
        raise InputError(
            "F229",
            "there is no virtual device",
            why="it exists inside of `virtual_cuda()` and in a program under audit",
            write="with virtual_cuda() as device: ..., or `fencepost audit` for the whole program",
            at=site(),
        )
    return _CURRENT[-1]


@contextmanager
def _left_at_the_end(stack: ExitStack) -> Iterator[None]:
    """A context that the program never leaves is left when Python ends, while there is a Python."""

    def leave() -> None:
        with suppress(Exception):  # the modes of a thread that is gone
            stack.close()

    atexit.register(leave)
    try:
        yield
    finally:
        atexit.unregister(leave)


@contextmanager
def session(
    *, policy: Policy, adapters: Sequence[str], choices: Choices | None = None
) -> Iterator[VirtualDevice]:
    """Torch has a virtual CUDA device until the end of the context."""
    if _CURRENT:
        raise unsupported(
            "a virtual device inside another",
            "the virtual machine has one device",
            "one `virtual_cuda()` around both",
        )
    loaded = [load_adapter(named) for named in adapters]
    arena = Arena()
    runtime = Runtime(Bridge(arena, policy, choices), arena)
    device = VirtualDevice(runtime)
    # What was there before need not be looked at while millions of small objects are recorded.
    gc.freeze()
    with ExitStack() as stack:
        stack.enter_context(_left_at_the_end(stack))
        stack.callback(gc.unfreeze)
        stack.callback(runtime.stalls.end)
        stack.enter_context(telling(runtime.bridge.children))
        stack.enter_context(installed(runtime))
        if loaded:
            stack.enter_context(stubbed(loaded, runtime))
        _CURRENT.append(device)
        stack.callback(_CURRENT.clear)
        yield device
