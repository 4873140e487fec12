"""A host that runs ahead fills a pinned buffer that a copy reads only when the stream executes it.

Written from the documentation alone.
TensorRT-LLM PR 15546. Actors: the host, which prepares iterations in order; one stream, which runs
what was enqueued in order and may be stalled for as long as it likes.
Abstracted: the offsets; a buffer holds the page table OF an iteration. Safe, no decision depends on
them. Abstracted: a fill and a copy are each one step, so a torn table shows as a wrong one. Safe.
"""

from fencepost import *
from fencepost.language.components import Streams


class HostRunsAhead(Model):
    """Is the host's buffer still what iteration k put there when copy k executes?"""

    iterations, ring = Parameter(3), Parameter(2, low=1)
    ahead = Parameter(1)  # the host starts k only when iteration k - ahead - 1 is over
    Iteration = Index(iterations, ordered=True)
    Buffer = Iteration  # a buffer is numbered after the first iteration that fills it
    Stream, Operation = Index(1), Index(iterations * 2)

    fresh_buffer = Barrier("every iteration fills a buffer of its own", buys=["uses_own_table"])
    ring_of_buffers = Barrier("iterations take turns in a ring of buffers", buys=["uses_own_table"])
    fill_waits = Barrier("a buffer is filled after its event is done", buys=["uses_own_table"])
    event_after_copy = Barrier("the event is recorded after the copy", buys=["uses_own_table"])

    filled, enqueued = Array(Iteration, of=bool), Array(Iteration, of=bool)
    used = Array(Iteration, of=Maybe(Iteration))  # whose table attention read
    host_table = Array(Buffer, of=Maybe(Iteration))
    device_table = Var(Maybe(Iteration))
    device = Streams(Stream, Operation, Buffer, depth=iterations * 2, launches=iterations * 2)

    def buffer_of(self, iteration):
        if self.fresh_buffer:
            return iteration
        return iteration % self.ring if self.ring_of_buffers else 0

    @actor("host")
    @action(iteration=Iteration)
    def fill(self, iteration):
        require(not self.filled[iteration])
        require(for_all(self.Iteration, lambda i: i >= iteration or self.enqueued[i]))
        require(
            for_all(self.Iteration, lambda i: i + self.ahead >= iteration or self.used[i] != NONE)
        )
        if self.fill_waits:
            self.device.synchronize(self.buffer_of(iteration))
        self.filled[iteration] = True
        self.host_table[self.buffer_of(iteration)] = iteration

    @actor("host")
    @action(iteration=Iteration)
    def enqueue(self, iteration):
        require(self.filled[iteration] and not self.enqueued[iteration])
        self.enqueued[iteration] = True
        if not self.event_after_copy:
            self.device.record(0, self.buffer_of(iteration))
        self.device.launch(0, 2 * iteration)
        if self.event_after_copy:
            self.device.record(0, self.buffer_of(iteration))
        self.device.launch(0, 2 * iteration + 1)

    @actor("stream")
    @action(iteration=Iteration)
    def copy(self, iteration):
        self.device.run(0, 2 * iteration)
        self.device_table = self.host_table[self.buffer_of(iteration)]

    @actor("stream")
    @action(iteration=Iteration)
    def attend(self, iteration):
        self.device.run(0, 2 * iteration + 1)
        self.used[iteration] = self.device_table

    @final
    def all_ran(self):
        return for_all(self.Iteration, lambda i: self.used[i] != NONE)

    as_reported = Design(expect=violates("uses_own_table", steps=5), known_bug="TRTLLM-15546")
    fresh = Design(fresh_buffer, expect=holds)
    ring_of_two = Design(ring_of_buffers, expect=holds)
    waits = Design(fill_waits, event_after_copy, expect=holds)
    waits_for_event_before_copy = waits.without(
        event_after_copy, expect=violates("uses_own_table", steps=5)
    )
