"""Streams of the virtual device that get on a part at a time, and only when they are told."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from itertools import islice

import torch

from fencepost.streams.policies import WhenTold
from fencepost.streams.queues import Mark, Queue
from fencepost.streams.shim.session import VirtualDevice


class Parts:
    """The work that is queued on a stream as parts, each of which is performed as one step."""

    def __init__(
        self, virtual: VirtualDevice, policy: WhenTold, *streams: torch.cuda.Stream
    ) -> None:
        """The parts of a stream; of several, each part lies in one of them."""
        self._virtual, self._policy = virtual, policy
        self.queues: list[Queue] = [stream.native for stream in streams]  # type: ignore[attr-defined]  # of the virtual device
        self._ends: deque[tuple[Hashable, Mark]] = deque()
        self.known: set[Hashable] = set()
        """Parts that were queued."""
        self.done: set[Hashable] = set()
        """Parts that were performed."""

    def end(self, part: Hashable, queue: Queue | None = None) -> None:
        """Everything that is queued by now and in no part yet is this part."""
        self.end_at(part, (queue or self.queues[0]).end())

    def end_at(self, part: Hashable, mark: Mark) -> None:
        """As `end`, up to an earlier place in the queue."""
        self._ends.append((part, mark))
        self.known.add(part)

    def perform(self, part: Hashable) -> bool:
        """Perform a part, if it is the next and waits for nothing that is still to come."""
        if not self._ends or self._ends[0][0] != part:
            return False
        end = self._ends[0][1]
        queue = end.queue
        items = islice(queue.items, end.place - queue.done)
        needs = (mark for item in items for mark in item.needs)
        if not all(mark.reached or mark.queue is queue for mark in needs):
            return False
        self._policy.told = queue
        with self._virtual.runtime.quiet():
            while not end.reached:
                self._virtual.runtime.bridge.device.go_on()
        self._policy.told = None
        self._ends.popleft()
        self.done.add(part)
        return True

    def waits(self, since: Mark) -> Iterator[Mark]:
        """What the work queued after a place waits for, as places in other streams."""
        queue = since.queue
        for item in islice(queue.items, since.place - queue.done, None):
            yield from (mark for mark in item.needs if mark.queue is not queue)
