"""How likely bad luck is under load, and streams that have it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from fencepost.streams.queues import Queue


@dataclass(frozen=True, kw_only=True)
class Luck:
    """How likely bad luck is: of a write to be `late` or to fail, of a message to be `lost`, of a
    handoff to be `rejected` or to lose its prefill node; delays in ticks."""

    late: float = 0.1
    fails: float = 0.002
    lost: float = 0.02
    rejected: float = 0.005
    loses_node: float = 0.002
    usual_delay: int = 3
    late_delay: int = 60
    late_stream: int = 15
    """The longest delay of a stream, which has work at nearly each tick."""

    def delay(self, draw: random.Random) -> int:
        """After how many ticks a write lands that is posted now."""
        return draw.randint(1, self.late_delay if draw.random() < self.late else self.usual_delay)

    def lag(self, draw: random.Random) -> int:
        """For how many ticks a stream lags from now."""
        return draw.randint(0, self.late_stream if draw.random() < self.late else self.usual_delay)


class Lagging:
    """A policy: work runs as soon as it may, but each stream now and then lags for some ticks.

    What a stream has to do at the beginning of a tick waits for the delay that is drawn then, and
    all that is queued behind it waits too. Where the host waits for it, it runs.
    """

    lazy = False

    def __init__(self, draw: random.Random, luck: Luck) -> None:
        self.tick = 0
        self._draw, self._luck = draw, luck
        self._begins: dict[int, int] = {}
        """The tick at which each stream goes on, or went on last."""

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The oldest item of those that do not lag."""
        free = [queue for queue in ready if self._goes_on(queue)]
        return min(free or ready, key=_age) if free or must else None

    def _goes_on(self, queue: Queue) -> bool:
        begins = self._begins.get(queue.number, -1)
        if begins < self.tick:
            begins = self._begins[queue.number] = self.tick + self._luck.lag(self._draw)
        return begins <= self.tick


def _age(queue: Queue) -> int:
    return queue.items[0].age
