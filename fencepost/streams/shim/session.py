"""A virtual device from its beginning to its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch

from fencepost.streams.shim.arena import Arena
from fencepost.streams.shim.bridge import Bridge
from fencepost.streams.shim.cuda_names import StreamContext
from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.install import installed
from fencepost.streams.shim.report import Report
from fencepost.streams.shim.runtime import Runtime
from fencepost.streams.shim.stubs import load_adapter, stubbed


class VirtualDevice:
    """What `virtual_cuda()` gives: the device that torch sees, and what was found on it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def report(self) -> Report:
        """What nothing orders in all that was done so far."""
        self.runtime.settle()
        bridge = self.runtime.bridge
        with self.runtime.quiet():
            findings = bridge.findings()
        return Report(
            tuple(findings),
            len(bridge.queues.operations),
            len(bridge.queues.streams),
            len(bridge.queues.hosts),
            bridge.queues.paths_not_taken,
            tuple(bridge.notes),
        )


@contextmanager
def session(*, policy: str, seed: int, adapters: Sequence[str]) -> Iterator[VirtualDevice]:
    """Torch has a virtual CUDA device until the end of the context."""
    if issubclass(torch.cuda.StreamContext, StreamContext):
        raise unsupported(
            "a virtual device inside another",
            "the virtual machine has one device",
            "one `virtual_cuda()` around both",
        )
    loaded = [load_adapter(named) for named in adapters]
    arena = Arena()
    runtime = Runtime(Bridge(arena, policy, seed), arena)
    device = VirtualDevice(runtime)
    with ExitStack() as stack:
        stack.enter_context(installed(runtime))
        if loaded:
            stack.enter_context(stubbed(loaded, runtime))
        yield device
