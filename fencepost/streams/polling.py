"""A host that reads the same memory again and again: a flag that the device sets, or never does.

Nothing advances a stream of a lazy policy while the host goes on, so a loop that only reads would
never end. What was read before, with no call in between, is not put into the trace once more; it
makes the device go on instead. That is no edge, as CUDA promises none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from fencepost.core.errors import InputError, Location
from fencepost.streams.calls import Operation
from fencepost.streams.regions import Bytes

PATIENCE = 100
"""Reads of the same memory before the device goes on by one item at each."""
MOST_READS = 100_000
"""Reads of the same memory, with nothing that the device could do, before they are refused."""
SHARED = 1_000
"""Of these, how many go by before each takes a millisecond, where another thread may write yet."""


class Polling:
    """The reads of hosts since something else was called."""

    def __init__(self) -> None:
        self._calls = -1
        self._read: dict[Any, Operation] = {}
        self._again = 0
        self._idle = 0

    def known(
        self, calls: Sequence[object], host: int, reads: Sequence[Bytes], site: Location
    ) -> Operation | None:
        """The same read, if it was made before and nothing was called since."""
        if len(calls) != self._calls:
            self._read.clear()
            self._again = self._idle = 0
        return self._read.get((host, site, *(bytes_.regions for bytes_ in reads)))

    def keep(
        self, calls: Sequence[object], host: int, reads: Sequence[Bytes], made: Operation
    ) -> None:
        """A read that was not made before, and is the last call now."""
        self._calls = len(calls)
        self._read[host, made.site, *(bytes_.regions for bytes_ in reads)] = made

    def once_more(self, made: Operation, step: Callable[[], bool]) -> None:
        """A read was made again; `step` lets the device do one thing, if there is one.

        Raises `InputError` F240 where nothing will ever change what is read.
        """
        self._again += 1
        if self._again < PATIENCE or step():
            return
        self._idle += 1
        if self._idle > SHARED and threading.active_count() > 1:
            time.sleep(0.001)
        if self._idle >= MOST_READS:
            label = made.reads[0].label if made.reads else "memory"
            raise InputError(
                "F240",
                f"the host reads {label or 'memory'} again and again, and nothing will change it",
                why=f"it was read {self._idle:,} times with no call in between, and no stream has "
                "work left",
                write="what sets it before the loop that reads it, or an event to wait for",
                at=made.site if made.site.line else None,
            )
