"""Two nodes in one process and on one device: copies in place of one-sided writes, and a mailbox in
place of a connection."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import torch

from reference_impl.messages import Message
from reference_impl.transport import Region, State


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


class Mailbox:
    """A `Channel` within one process, in order and without loss."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()

    def send(self, message: Message) -> None:
        """As in `Channel`."""
        self._messages.append(message)

    def receive(self) -> Message | None:
        """As in `Channel`."""
        return self._messages.popleft() if self._messages else None
