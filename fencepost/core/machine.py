"""The machine that a check runs on."""

from __future__ import annotations

import contextlib
import os


def machine_memory() -> int:
    """The bytes of memory of this machine, or of the container it is limited to."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(name) as file:  # noqa: PTH123
            total = min(total, int(file.read()))
    return total
