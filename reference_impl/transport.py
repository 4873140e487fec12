"""One-sided writes: the sender names both ends, the receiver takes no part, nothing recalls one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

import torch
from torch import Tensor

Region = tuple[Tensor, Tensor]
"""Source and target, contiguous and of one shape and dtype."""


class State(Enum):
    """What is known of a write."""

    POSTED = "posted"
    ACKNOWLEDGED = "acknowledged"
    """The sender has its answer; the receiver may not see the bytes yet."""
    VISIBLE = "visible"
    FAILED = "failed"
    """An error or a timeout, which does not say whether bytes are still to come."""


class Handle(Protocol):
    """One write that is posted."""

    def state(self) -> State:
        """What the sender can know of it now; asking does not wait."""

    def flush(self) -> None:
        """Wait until nothing of it is under way any more; what it was before, it stays."""


class Transport(Protocol):
    """A way to write into the memory of another node."""

    def post(self, regions: Sequence[Region]) -> Handle:
        """Write every source to its target, in any order, some time from now.

        The sources must be complete, and must stay as they are until the write is over.
        """

    def fence(self) -> None:
        """The owner of the targets takes its memory away: nothing posted lands from now on."""


class Copies:
    """Nodes on one device: each write is a copy on a stream of its own, a `Transport`.

    Nothing orders these streams with anybody's but what the sender sees of them.
    """

    def __init__(self) -> None:
        self._posted: list[_Copy] = []

    def post(self, regions: Sequence[Region], before: Callable[[], object] = lambda: None) -> _Copy:
        """As in `Transport`; `before` is called on the stream of the copy."""
        handle = _Copy(regions, before)
        self._posted.append(handle)
        return handle

    def fence(self) -> None:
        """As in `Transport`: a copy cannot be recalled, so it is waited for."""
        for handle in self._posted:
            handle.flush()
        self._posted.clear()


class _Copy:
    def __init__(self, regions: Sequence[Region], before: Callable[[], object]) -> None:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            before()
            for source, target in regions:
                target.copy_(source, non_blocking=True)
        self._done = stream.record_event()

    def state(self) -> State:
        return State.VISIBLE if self._done.query() else State.ACKNOWLEDGED

    def flush(self) -> None:
        self._done.synchronize()
