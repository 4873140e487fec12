"""What a program may do on CUDA and not on the virtual device, as the error that a person sees."""

from __future__ import annotations

from fencepost.core.errors import InputError


def unsupported(what: str, why: str, write: str) -> InputError:
    """Something of CUDA that the virtual device does not have."""
    return InputError(
        "F220", f"{what} is not supported on the virtual device", why=why, write=write
    )


def unknown_kernel(name: str) -> InputError:
    """A kernel whose reads and writes are not known; running it could hide a race."""
    return InputError(
        "F221",
        f"the kernel {name} has no emulation",
        why="what it reads and writes is not known, so nothing could be said about its order",
        write=f'a function with `@emulates("{name}", reads=[...], writes=[...])`',
    )
