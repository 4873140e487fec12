"""How queued work is performed: what may run, what a waiting host makes run, when poison falls."""

from __future__ import annotations

from fencepost.core.errors import InputError
from fencepost.streams.calls import Operation
from fencepost.streams.policies import Policy
from fencepost.streams.queues import Event, Item, Mark, Queue


class Running:
    """The queues of a device and the clock of what has run."""

    default: Queue

    def __init__(self, policy: Policy, most_queued: int) -> None:
        self.policy, self.most_queued = policy, most_queued
        self.queues: list[Queue] = []
        self.time = 0
        """Operations performed so far, which is the device's clock."""
        self._streams: set[Queue] = set()
        self._blocking: list[Queue] = []
        self._ages = 0
        self._waiting = 0
        self._keeps_kernels = False
        self._poisons: list[tuple[tuple[Mark, ...], Operation]] = []

    def run_all(self) -> None:
        """Perform everything that is queued."""
        for queue in self.queues:
            self._drain(queue.end())

    def run_ahead(self, queue: Queue) -> None:
        """Perform what is queued on one queue now; this is no edge."""
        self._drain(queue.end())

    @property
    def waiting(self) -> int:
        """How many items are queued."""
        return self._waiting

    def elapsed(self, start: Event, end: Event) -> float:
        """Operations performed between two records, as milliseconds.

        Raises `InputError` F203 where one is not recorded or not reached yet.
        """
        for event in (start, end):
            if event.newest is None or not event.newest.reached:
                raise InputError(
                    "F203",
                    f"{event.name} has no time yet",
                    why="it was not recorded, or the device has not come there",
                    write="synchronize() on the event first",
                )
        assert start.newest is not None  # noqa: S101  # the loop has looked
        assert end.newest is not None  # noqa: S101
        return float(end.newest.time - start.newest.time)

    # Putting items into queues.

    def _add(self, queue: Queue) -> None:
        self.queues.append(queue)
        if queue.kind == "stream":
            self._streams.add(queue)
        if queue.blocking and len(self.queues) > 1:
            self._blocking.append(queue)

    def _before(self, stream: Queue) -> tuple[Mark, ...]:
        """What the legacy default stream makes an action wait for."""
        if not self._blocking:
            return ()
        if stream is self.default:
            return tuple(queue.end() for queue in self._blocking)
        return (self.default.end(),) if stream.blocking else ()

    def _put(
        self, queue: Queue, operation: Operation | None = None, needs: tuple[Mark, ...] = ()
    ) -> Item:
        self._waiting += 1
        self._ages += 1
        item = Item(self._ages, needs, operation)
        queue.items.append(item)
        queue.queued += 1
        return item

    def _mark(self, stream: Queue) -> Mark:
        """Queue a record."""
        item = self._put(stream, needs=self._before(stream))
        item.mark = stream.end()
        return item.mark

    def _marks(self, what: Event | Queue | None) -> tuple[Mark, ...]:
        if isinstance(what, Event):
            return () if what.newest is None else (what.newest,)
        if what is None:
            return tuple(queue.end() for queue in self.queues if queue.kind == "stream")
        return (what.end(),)

    def _poison_after(self, marks: tuple[Mark, ...], poison: Operation) -> None:
        self._poisons.append((marks, poison))
        self._let_poison_fall()

    # Performing.

    def _went_on(self) -> None:
        """After a call of the host the policy may perform something."""
        if self.policy.lazy and self._waiting <= self.most_queued:
            return
        while self._waiting:
            ready = [queue for queue in self.queues if queue.items and queue.ready()]
            if not ready:
                return
            chosen = self.policy.choose(ready, must=self._waiting > self.most_queued)
            if chosen is None:
                return
            self._perform(chosen)

    def _drain(self, mark: Mark) -> None:
        queue, place = mark.queue, mark.place
        while queue.done < place:
            self._step()

    def _step(self) -> bool:
        """Perform one item, chosen by the policy; False if there is none."""
        ready = []
        for queue in self.queues:
            if queue.items and (not queue.items[0].needs or queue.ready()):
                ready.append(queue)  # noqa: PERF401  # a comprehension is a call of its own
        if not ready:
            return False
        chosen = self.policy.choose(ready, must=True)
        self._perform(chosen or ready[0])
        return True

    def _perform(self, queue: Queue) -> None:
        item = queue.items.popleft()
        self._waiting -= 1
        operation = item.operation
        try:
            if operation is not None:
                self.time += 1
                if operation.late is not None:
                    operation.resolve()
                if operation.run is not None:
                    operation.run()
                    if not self._keeps_kernels:
                        operation.run = None
        except Exception as error:
            if operation is not None:
                error.add_note(f"in {operation.name}, queued at {operation.site}")
            raise
        finally:
            queue.done += 1
            if item.mark is not None:
                item.mark.time = self.time
            if self._poisons:
                self._let_poison_fall()

    def _let_poison_fall(self) -> None:
        waiting = self._poisons
        self._poisons = [(m, p) for m, p in waiting if not all(mark.reached for mark in m)]
        for marks, poison in waiting:
            if poison.run is not None and all(mark.reached for mark in marks):
                poison.run()
