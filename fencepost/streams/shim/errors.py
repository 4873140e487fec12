"""What a program may do on CUDA and not on the virtual device, as the error that a person sees."""

from __future__ import annotations

import torch

from fencepost.core.errors import InputError, Location
from fencepost.streams.shim.sites import site


def unsupported(what: str, why: str, write: str, at: Location | None = None) -> InputError:
    """Something of CUDA that the virtual device does not have."""
    return InputError(
        "F220",
        f"{what} is not supported on the virtual device",
        why=why,
        write=write,
        at=at or site(),
    )


def sparse(layout: object) -> InputError:
    """A tensor of the device that is not a plain block of elements."""
    name = str(layout).removeprefix("torch.")
    return unsupported(
        f"a tensor of layout {name} on the device",
        "its parts are tensors of their own, which nothing watches",
        "a dense tensor, or the sparse one on the host",
    )


def several_streams() -> InputError:
    """A backward pass over operators of several streams."""
    return InputError(
        "F226",
        "a backward pass reaches operators of several streams",
        why="CUDA runs each on the stream of its forward operator, and the virtual device does not",
        write="the forward pass on the stream that is current at `backward()`",
        at=site(),
    )


def unknown_kernel(name: str) -> InputError:
    """A kernel whose reads and writes are not known; running it could hide a race."""
    return InputError(
        "F221",
        f"the kernel {name} has no emulation",
        why="what it reads and writes is not known, so nothing could be said about its order",
        write=f'a function with `@emulates("{name}", reads=[...], writes=[...])`',
        at=site(),
    )


def lengths_on_device(lengths: torch.Tensor) -> RuntimeError:
    """Torch's own error for lengths of sequences that do not lie on the host."""
    kind = lengths.type().rpartition(".")[2].removesuffix("Tensor")
    return RuntimeError(
        f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.dim()}D cuda:0 "
        f"{kind} tensor"
    )
