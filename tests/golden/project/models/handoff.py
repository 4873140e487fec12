"""A writer hands buffers to a reader: a model with one design for each kind of finding."""

from enum import IntEnum

from fencepost import *


class Phase(IntEnum):
    EMPTY, WRITING, WRITTEN = range(3)


class Handoff(Model):
    """A writer hands buffers to a reader. Every kind of finding has a design here."""

    buffers = Parameter(2)
    Buffer = Index(buffers)

    read_waits = Barrier("the reader waits for the writer's event", buys=["reads_whole"])
    lock_is_freed = Barrier("the reader gives the lock back", buys=["lock_free_again"])
    one_reader = Barrier("a buffer is read once", buys=["no_fault"], kind="guard")

    phase = Array(Buffer, of=Phase, initial=Phase.EMPTY)
    reads = Array(Buffer, of=Range(0, 1), initial=0)
    locked = Var(bool, initial=False)

    @actor("writer")
    @action(buffer=Buffer)
    def begin(self, buffer):
        require(self.phase[buffer] == Phase.EMPTY)
        self.phase[buffer] = Phase.WRITING

    @actor("writer")
    @action(buffer=Buffer)
    def end(self, buffer):
        require(self.phase[buffer] == Phase.WRITING)
        self.phase[buffer] = Phase.WRITTEN

    @actor("reader")
    @action(buffer=Buffer)
    def read(self, buffer):
        require(self.phase[buffer] != Phase.EMPTY and not self.locked)
        if self.read_waits:
            require(self.phase[buffer] == Phase.WRITTEN)
        if self.one_reader:
            require(self.reads[buffer] == 0)
        self.reads[buffer] += 1
        self.locked = True

    @actor("reader")
    @action
    def free(self):
        require(self.lock_is_freed and self.locked)
        self.locked = False

    @final
    def done(self):
        return for_all(self.Buffer, lambda b: self.reads[b] == 1 and not self.locked)

    early = Design(
        lock_is_freed, one_reader, expect=violates("reads_whole", steps=2), known_bug="BUF-1"
    )
    leaky = Design(
        read_waits,
        one_reader,
        expect=(
            violates("lock_free_again", steps=3),
            violates("both_read"),
            violates("no_stuck_state", steps=5),
        ),
    )
    repeated = Design(read_waits, lock_is_freed, expect=violates("no_fault", steps=5))
    safe = Design(read_waits, lock_is_freed, one_reader, expect=holds)
