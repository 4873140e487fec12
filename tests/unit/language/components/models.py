"""Small models, each about one component."""

from enum import IntEnum

from fencepost import (
    NONE,
    Array,
    Index,
    Maybe,
    Model,
    Range,
    Var,
    action,
    final,
    require,
)
from fencepost.language.components import (
    Channel,
    FifoChannel,
    ReferenceCount,
    References,
    SlotPool,
    Streams,
    WriteQueue,
)


class Pooled(Model):
    """Requests take slots and give them back; the careless one gives back what is free."""

    Request, Slot = Index(2), Index(2)
    pool = SlotPool(Slot, Request)

    @action(request=Request, slot=Slot)
    def take(self, request, slot):
        self.pool.take(slot, request)

    @action(slot=Slot)
    def give_back(self, slot):
        require(not self.pool.is_free(slot))
        self.pool.give_back(slot)


class DoubleFree(Pooled):
    @action(slot=Pooled.Slot)
    def give_back(self, slot):
        self.pool.give_back(slot)


class Counted(Model):
    """One object with a counter that may be released once too often."""

    Thing = Index(1)
    count = ReferenceCount(Thing, most=2)

    @action(thing=Thing)
    def acquire(self, thing):
        self.count.acquire(thing)

    @action(thing=Thing)
    def release(self, thing):
        self.count.release(thing)


class Held(Model):
    """One object and two holders, each of whom pairs its own acquire and release."""

    Thing, Holder = Index(1), Index(2)
    references = References(Thing, Holder)

    @action(thing=Thing, holder=Holder)
    def acquire(self, thing, holder):
        require(not self.references.held[thing, holder])
        self.references.acquire(thing, holder)

    @action(thing=Thing, holder=Holder)
    def release(self, thing, holder):
        require(self.references.is_held(thing))
        self.references.release(thing, holder)


class Writes(Model):
    """One transfer of two parts, posted once and landing in any order."""

    Transfer, Part = Index(1), Index(2)
    writes = WriteQueue(Transfer, Part, fails=True)

    @action(transfer=Transfer, part=Part)
    def post(self, transfer, part):
        require(not self.writes.posted[transfer, part])
        self.writes.post(transfer, part)

    @action(transfer=Transfer, part=Part)
    def land(self, transfer, part):
        self.writes.land(transfer, part)


class Unordered(Model):
    """A network that loses and duplicates."""

    Message = Index(2)
    network = Channel(Message, copies=2, loses=True, duplicates=True, when_full="block")

    @action(message=Message)
    def send(self, message):
        self.network.send(message)

    @action(message=Message)
    def receive(self, message):
        self.network.receive(message)


class Letters(Model):
    """Messages of two parts, which the network loses and doubles."""

    Request, Rank = Index(2), Index(2)
    letters = Channel(Request, Rank, copies=2, loses=True, duplicates=True, when_full="drop")
    heard = Array(Request, Rank, of=bool)

    @action(request=Request, rank=Rank)
    def send(self, request, rank):
        require(not self.letters.holds(request, rank))
        self.letters.send(request, rank)

    @action(request=Request, rank=Rank)
    def receive(self, request, rank):
        self.letters.receive(request, rank)
        self.heard[request, rank] = True


class Overfull(Model):
    """A sender that nobody stops."""

    Message = Index(1)
    network = Channel(Message)

    @action(message=Message)
    def send(self, message):
        self.network.send(message)


class Ordered(Model):
    """Numbers sent in order; what was received last is remembered."""

    Message = Index(3, ordered=True)
    queue = FifoChannel(Message, capacity=2)
    sent = Var(Range(0, 3), initial=0)
    received = Var(Maybe(Message))

    @action(message=Message)
    def send(self, message):
        require(self.sent == message and self.queue.length < 2)
        self.queue.send(message)
        self.sent += 1

    @action(message=Message)
    def receive(self, message):
        self.queue.receive(message)
        assert self.received == NONE or self.received < message
        self.received = message


class Lossy(Ordered):
    queue = FifoChannel(Ordered.Message, capacity=2, loses=True, duplicates=True)

    @action(message=Ordered.Message)
    def receive(self, message):
        self.queue.receive(message)
        assert self.received == NONE or self.received <= message
        self.received = message


class Operation(IntEnum):
    LOAD, OTHER, COMPUTE = range(3)


class Overlap(Model):
    """Stream 0 loads, stream 1 computes after an event; the event may be recorded once more.

    `again` is the stream on which the host records the event a second time before the wait:
    2 means not at all.
    """

    Stream, Event, Again = Index(2), Index(1), Range(0, 2)
    device = Streams(Stream, Operation, Event, depth=3, launches=3)
    at = Var(Range(0, 4), initial=0)
    loaded = Var(bool)
    again = Var(Range(0, 2), initial=2)

    @action
    def launch_load(self):
        require(self.at == 0)
        self.device.launch(0, Operation.LOAD)
        self.device.record(0, 0)
        self.at = 1

    @action
    def launch_compute(self):
        require(self.at == 1)
        if self.again == 0:
            self.device.record(0, 0)
        elif self.again == 1:
            self.device.record(1, 0)
        self.device.wait(1, 0)
        self.device.launch(1, Operation.COMPUTE)
        self.at = 2

    @action
    def load(self):
        self.device.run(0, Operation.LOAD)
        self.loaded = True

    @action
    def compute(self):
        self.device.run(1, Operation.COMPUTE)
        assert self.loaded

    @final
    def all_done(self):
        return self.at == 2 and self.device.idle(0) and self.device.idle(1)


class RecordedOnSameStream(Overlap):
    again = Var(Range(0, 2), initial=0)


class RecordedOnWaiter(Overlap):
    again = Var(Range(0, 2), initial=1)


class RecordedLater(Overlap):
    """The event is recorded on the computing stream after the wait: the wait keeps its binding."""

    @action
    def launch_compute(self):
        require(self.at == 1)
        self.device.wait(1, 0)
        self.device.record(1, 0)
        self.device.launch(1, Operation.COMPUTE)
        self.at = 2


class NeverRecorded(Overlap):
    @action
    def launch_load(self):
        require(self.at == 0)
        self.device.launch(0, Operation.LOAD)
        self.at = 1
