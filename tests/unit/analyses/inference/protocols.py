"""Small serving protocols, as anybody writes them, whose lemmas are to be found."""

from enum import IntEnum

from fencepost import *


class Phase(IntEnum):
    IDLE, WAITING, ABORTING, DONE = range(4)


class SlotReclaim(Model):
    """A request is aborted while writes into its slot may be under way."""

    requests, slots, chunks = Parameter(2), Parameter(1), Parameter(2)
    Request, Slot, Chunk = Index(requests), Index(slots), Index(chunks)

    free_waits_for_writes = Barrier("a slot is free when no write is posted", buys=["own_bytes"])

    phase = Array(Request, of=Phase, initial=Phase.IDLE)
    slot = Array(Request, of=Maybe(Slot))
    owner = Array(Slot, of=Maybe(Request))
    posted = Array(Request, Chunk, of=bool)
    landed = Array(Request, Chunk, of=bool)
    bytes_of = Array(Slot, Chunk, of=Maybe(Request))

    @action(request=Request, slot=Slot)
    def allocate(self, request, slot):
        require(self.phase[request] == Phase.IDLE and self.owner[slot] == NONE)
        self.phase[request] = Phase.WAITING
        self.owner[slot], self.slot[request] = request, slot

    @action(request=Request, chunk=Chunk)
    def post(self, request, chunk):
        require(self.phase[request] == Phase.WAITING and not self.posted[request, chunk])
        self.posted[request, chunk] = True

    @action(request=Request, chunk=Chunk)
    def land(self, request, chunk):
        require(self.posted[request, chunk] and not self.landed[request, chunk])
        self.landed[request, chunk] = True
        self.bytes_of[self.slot[request], chunk] = request

    @action(request=Request)
    def finish(self, request):
        require(self.phase[request] == Phase.WAITING)
        require(for_all(self.Chunk, lambda chunk: self.landed[request, chunk]))
        self.phase[request] = Phase.DONE

    @action(request=Request)
    def abort(self, request):
        require(self.phase[request] == Phase.WAITING)
        self.phase[request] = Phase.ABORTING

    @action(request=Request)
    def reclaim(self, request):
        require(self.phase[request] == Phase.ABORTING)
        if self.free_waits_for_writes:
            require(
                for_all(
                    self.Chunk,
                    lambda c: not self.posted[request, c] or self.landed[request, c],
                )
            )
        self.owner[self.slot[request]] = NONE
        self.slot[request] = choose(self.free_waits_for_writes, NONE, self.slot[request])
        self.phase[request] = Phase.IDLE
        assign(self.posted[request], to=False, where=lambda c: self.landed[request, c])
        assign(self.landed[request], to=False)

    safe = Design(free_waits_for_writes, expect=holds)
    hasty = Design(expect=violates("own_bytes"))


@always(SlotReclaim)
def own_bytes(m, request: SlotReclaim.Request):
    """A finished request has its own bytes."""
    return m.phase[request] != Phase.DONE or for_all(
        m.Chunk, lambda chunk: m.bytes_of[m.slot[request], chunk] == request
    )


class LateWrite(Model):
    """A write that comes late is told from a fresh one by the generation of its slot; there are as
    many generations as anybody likes, and none is used twice."""

    slots, writes, generations = Parameter(1), Parameter(2), Parameter(2)
    Slot, Write, Generation = Index(slots), Index(writes), Index(generations)

    tag_is_compared = Barrier("a write lands only in its generation", buys=["no_fault"])

    current = Array(Slot, of=Maybe(Generation))
    used = Array(Generation, of=bool)
    target = Array(Write, of=Maybe(Slot))
    tag = Array(Write, of=Maybe(Generation))
    overtaken = Array(Write, of=bool)

    @action(slot=Slot, generation=Generation)
    def recycle(self, slot, generation):
        require(not self.used[generation])
        self.used[generation] = True
        self.current[slot] = generation
        assign(self.overtaken, to=True, where=lambda write: self.target[write] == slot)

    @action(write=Write, slot=Slot)
    def post(self, write, slot):
        require(self.target[write] == NONE and self.current[slot] != NONE)
        self.target[write], self.tag[write] = slot, self.current[slot]
        self.overtaken[write] = False

    @action(write=Write)
    def land(self, write):
        slot = self.target[write]
        require(slot != NONE)
        if not self.tag_is_compared or self.current[slot] == self.tag[write]:
            assert not self.overtaken[write], "a late write lands in somebody else's slot"
        self.target[write] = NONE

    safe = Design(tag_is_compared, expect=holds)
    blind = Design(expect=violates("no_fault"))


@always(LateWrite)
def posted_write_has_a_tag(m, write: LateWrite.Write):
    """A write that is under way has a generation."""
    return m.target[write] == NONE or m.tag[write] != NONE


class PrefixBlock(Model):
    """A block of a prefix cache that several requests share: who holds it is a relation."""

    requests, blocks = Parameter(2), Parameter(1)
    Request, Block = Index(requests), Index(blocks)

    freed_by_the_last = Barrier("a block is free when nobody holds it", buys=["held_is_there"])

    cached = Array(Block, of=bool)
    hold = Array(Request, Block, of=bool)
    reads = Array(Request, Block, of=bool)

    @action(block=Block)
    def fill(self, block):
        require(not self.cached[block])
        self.cached[block] = True

    @action(request=Request, block=Block)
    def take(self, request, block):
        require(self.cached[block] and not self.hold[request, block])
        self.hold[request, block] = True

    @action(request=Request, block=Block)
    def read(self, request, block):
        require(self.hold[request, block])
        self.reads[request, block] = True

    @action(request=Request, block=Block)
    def drop(self, request, block):
        require(self.hold[request, block])
        self.hold[request, block] = self.reads[request, block] = False
        if not self.freed_by_the_last or not exists(self.Request, lambda r: self.hold[r, block]):
            self.cached[block] = False

    safe = Design(freed_by_the_last, expect=holds)
    freed_by_the_first = Design(expect=violates("held_is_there"))


@always(PrefixBlock)
def held_is_there(m, request: PrefixBlock.Request, block: PrefixBlock.Block):
    """What a request reads is cached."""
    return not m.reads[request, block] or m.cached[block]


class CountedBlock(Model):
    """The same with a counter in place of the relation: safe, and out of reach of any lemma that
    speaks of a few members."""

    requests = Parameter(2)
    Request = Index(requests)

    cached = Var(bool)
    count = Var(Range(0, 3), initial=0)
    hold = Array(Request, of=bool)

    @action(request=Request)
    def take(self, request):
        require(not self.hold[request] and self.count < 3)
        self.hold[request] = True
        self.count += 1
        self.cached = True

    @action(request=Request)
    def drop(self, request):
        require(self.hold[request])
        self.hold[request] = False
        self.count -= 1
        if self.count == 0:
            self.cached = False

    counted = Design(expect=holds)


@always(CountedBlock)
def counted_is_there(m, request: CountedBlock.Request):
    """What a request holds is cached."""
    return not m.hold[request] or m.cached


class Handover(Model):
    """No Index at all: what is written is read once it was announced."""

    written, announced, seen, read_early = Var(bool), Var(bool), Var(bool), Var(bool)
    announced_when_written = Barrier("announced once it is written", buys=["read_when_written"])

    @action
    def write(self):
        require(not self.written)
        self.written = True

    @action
    def announce(self):
        require(not self.announced)
        if self.announced_when_written:
            require(self.written)
        self.announced = True

    @action
    def read(self):
        require(self.announced and not self.seen)
        self.seen, self.read_early = True, not self.written

    @final
    def done(self):
        return self.seen

    safe = Design(announced_when_written, expect=holds)
    early = Design(expect=violates("read_when_written", steps=2))


@always(Handover)
def read_when_written(m):
    """Nothing is read before it is written."""
    return not m.read_early


class Pair(Model):
    """Two of them at least: with one alone, its property is false."""

    count = Parameter(2)
    Member = Index(count)
    alone = Var(bool)

    @action(member=Member)
    def look(self, member):
        require(not exists(self.Member, lambda other: other != member))
        self.alone = True

    expected = Design(expect=holds)


@always(Pair)
def nobody_is_alone(m):
    """Somebody else is there."""
    return not m.alone


@always(Pair)
def always_so(m, member: Pair.Member):
    """Says nothing."""
    return m.alone or not m.alone
