"""The walks as machine code: from the cache, or compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fencepost.kernel.native_loop import as_text, bind, cache_key, kept_or_made

SOURCES = (
    "control.py",
    "machine_code.py",
    "native_loop.py",
    "native_walk.py",
    "randomness.py",
    "raw_memory.py",
    "walk_control.py",
    "walking.py",
)


@cache
def native_walk() -> Callable[[int], int]:
    """The function that walks as the control block at an address says."""
    return bind(kept_or_made(cache_key("walk", SOURCES), walk_as_text))


def walk_as_text() -> str:
    """The walks as an LLVM module."""
    from fencepost.kernel import walking

    return as_text(walking.run)
