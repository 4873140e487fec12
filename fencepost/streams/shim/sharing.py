"""Ways of a tensor to another process or library: refused on the device, else told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import torch
import torch.multiprocessing
import torch.utils.dlpack

from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.processes import asker

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

WHY = "memory would be shared that nothing watches"
INSTEAD = "a copy through the host"


def shared(runtime: Runtime, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives the memory of its first argument to another library."""

    def share(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if not runtime.here.busy:
            if runtime.on_device(tensor):
                raise unsupported(name, WHY, INSTEAD)
            runtime.handed_out.give(tensor, f"{name.rpartition('.')[2]}()")
        return plain(tensor, *args, **kwargs)

    return share


def sharing_names(runtime: Runtime) -> dict[Any, dict[str, Any]]:
    """By module, what replaces the names that share memory."""
    plain = vars(torch.utils.dlpack)["to_dlpack"]
    replacement = {"to_dlpack": shared(runtime, "to_dlpack", plain)}
    return {torch: replacement, torch.utils.dlpack: replacement}


@contextmanager
def told_to_processes(runtime: Runtime) -> Iterator[None]:
    """Until the end of the context, tensors that go to other processes are looked at.

    `torch.multiprocessing` moves a tensor's memory to where both processes see it.
    """
    reducers: Any = ForkingPickler._extra_reducers  # type: ignore[attr-defined]
    before = {kind: reducers[kind] for kind in (torch.Tensor, torch.nn.Parameter)}

    def looking(plain: Callable[..., Any]) -> Callable[..., Any]:
        def reduce(tensor: torch.Tensor) -> Any:
            if not runtime.here.busy:
                if runtime.on_device(tensor):
                    label = runtime.storage_bytes(tensor).label
                    what = f"{label} of the device goes to another process"
                    runtime.bridge.children.refuse(what, asker())
                with runtime.quiet():
                    runtime.pickled(tensor)
                runtime.handed_out.give(tensor, "torch.multiprocessing")
            return plain(tensor)

        return reduce

    reducers.update({kind: looking(plain) for kind, plain in before.items()})
    try:
        yield
    finally:
        reducers.update(before)
