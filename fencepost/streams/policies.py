"""Which stream advances next. Findings do not depend on it; what a kernel sees does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from fencepost.core.errors import InputError

if TYPE_CHECKING:
    from fencepost.streams.queues import Queue


class Policy(Protocol):
    """Chooses among the queues whose next item may run.

    `must` is False after a call of the host, where nothing has to run: then None means "not now".
    It is True where the host waits. A `lazy` policy always says "not now".
    """

    lazy: bool

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The queue that runs its next item."""


class InOrder:
    """Nothing runs before the host waits for it; then in the order of submission."""

    lazy = True

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The oldest item, or nothing while the host goes on."""
        if not must:
            return None
        return ready[0] if len(ready) == 1 else min(ready, key=_age)


class Eager:
    """Everything runs as soon as it may: a device that is never behind."""

    lazy = False

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:  # noqa: ARG002
        """The oldest item."""
        return min(ready, key=_age)


class NewestFirst:
    """Nothing runs before the host waits; then the item submitted last of those that may run."""

    lazy = True

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The newest item, or nothing while the host goes on."""
        return max(ready, key=_age) if must else None


class Random:
    """Any queue, at any time, from a seed."""

    lazy = False

    def __init__(self, seed: int = 0, eagerness: float = 0.5) -> None:
        self._random = random.Random(seed)  # noqa: S311  # schedules need no secrets
        self._eagerness = eagerness

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """A random one; while the host goes on, with a probability of `eagerness`."""
        if not must and self._random.random() >= self._eagerness:
            return None
        return self._random.choice(ready)


class Priorities:
    """A fixed order of queues by name; one that is not named comes last."""

    lazy = True

    def __init__(self, *names: str) -> None:
        self._rank = {name: place for place, name in enumerate(names)}

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The first in the order, or nothing while the host goes on."""
        if not must:
            return None
        return min(ready, key=lambda q: (self._rank.get(q.name, len(self._rank)), q.number))


class Script:
    """Queues by name, one for each item that runs; afterwards in order of submission.

    Raises `InputError` F200 where a named queue has nothing that may run.
    """

    lazy = True

    def __init__(self, *names: str) -> None:
        self._names = list(reversed(names))

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The queue that the script names."""
        if not must:
            return None
        if not self._names:
            return min(ready, key=_age)
        name = self._names.pop()
        for queue in ready:
            if queue.name == name:
                return queue
        raise InputError(
            "F200",
            f"the schedule says that {name} runs next, and it has nothing that may run",
            why="a wait holds it back, or nothing is queued on it",
            write="one of: " + ", ".join(queue.name for queue in ready),
        )


class HostWaits(Exception):
    """A host waits for what nobody has told to run."""


class WhenTold:
    """Nothing runs but the queue `told`, however often a host asks: for whoever performs a schedule
    step by step. While none is told, a host that waits gets `HostWaits`, unless only records and
    waits are in its way; with `free` it waits in order of submission, as when all is set up.
    """

    lazy = True

    def __init__(self) -> None:
        self.told: Queue | None = None
        self.free = True

    def choose(self, ready: Sequence[Queue], must: bool) -> Queue | None:
        """The queue that is told, if it may run."""
        if not must:
            return None
        if self.free:
            return min(ready, key=_age)
        for queue in ready:
            if queue is self.told or queue.items[0].operation is None:
                return queue
        raise HostWaits


POLICIES: dict[str, Callable[[int], Policy]] = {
    "in-order": lambda _: InOrder(),
    "eager": lambda _: Eager(),
    "random": Random,
    "newest-first": lambda _: NewestFirst(),
}
"""The policies that have a name on the command line, each made from a seed."""


def policy_of(name: str, seed: int = 0) -> Policy:
    """A policy by its name.

    Raises `InputError` F227 where there is none.
    """
    made = POLICIES.get(name)
    if made is None:
        raise InputError(
            "F227",
            f"there is no policy {name!r}",
            why="a policy says which stream runs next",
            write=f"one of {', '.join(POLICIES)}",
        )
    return made(seed)


def _age(queue: Queue) -> int:
    return queue.items[0].age
