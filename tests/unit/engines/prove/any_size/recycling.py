"""A slot is written by an earlier request after it was given away, or it waits: for any size."""

from enum import IntEnum

from fencepost import *


class Phase(IntEnum):
    IDLE, HELD, READING, DONE = range(4)


class Recycling(Model):
    requests, slots = Parameter(2, low=1), Parameter(1, low=1)
    Request, Slot = Index(requests), Index(slots)

    waits = Barrier("a slot is given away when its write is over", buys=["reads_own"])

    phase = Array(Request, of=Phase, initial=Phase.IDLE)
    slot = Array(Request, of=Maybe(Slot))
    owner = Array(Slot, of=Maybe(Request))
    posted = Array(Request, of=bool)
    bytes_of = Array(Slot, of=Maybe(Request))

    @action(request=Request, slot=Slot)
    def allocate(self, request, slot):
        require(self.phase[request] == Phase.IDLE and self.owner[slot] == NONE)
        self.phase[request] = Phase.HELD
        self.owner[slot], self.slot[request] = request, slot
        self.posted[request] = True

    @action(request=Request)
    def land(self, request):
        require(self.posted[request])
        self.bytes_of[self.slot[request]] = request
        self.posted[request] = False

    @action(request=Request)
    def read(self, request):
        require(self.phase[request] == Phase.HELD and not self.posted[request])
        self.phase[request] = Phase.READING

    @action(request=Request)
    def give_back(self, request):
        require(self.phase[request] in (Phase.HELD, Phase.READING))
        if self.waits:
            require(not self.posted[request])
        self.owner[self.slot[request]] = NONE
        self.phase[request] = Phase.DONE

    @final
    def all_done(self):
        return for_all(self.Request, lambda r: self.phase[r] == Phase.DONE)

    waiting = Design(waits, expect=holds)
    hasty = waiting.without(waits, expect=violates("reads_own", steps=6), blames="give_back")


@always(Recycling)
def reads_own(m, request: Recycling.Request):
    """A reader reads its own bytes."""
    return m.phase[request] != Phase.READING or m.bytes_of[m.slot[request]] == request


@always_possible(Recycling)
def slot_can_be_free(m, slot: Recycling.Slot):
    return m.owner[slot] == NONE


def is_held(m, request):
    return m.phase[request] in (Phase.HELD, Phase.READING)


@lemma(Recycling)
def holder_owns(m, request: Recycling.Request):
    """A holder owns its slot."""
    return not is_held(m, request) or (
        m.slot[request] != NONE and m.owner[m.slot[request]] == request
    )


@lemma(Recycling)
def posted_is_held(m, request: Recycling.Request):
    """A posted write has its slot."""
    return not m.posted[request] or m.phase[request] == Phase.HELD


@lemma(Recycling)
def landed_stays(m, request: Recycling.Request):
    """What has landed is there while the slot is held."""
    return not is_held(m, request) or m.posted[request] or m.bytes_of[m.slot[request]] == request


PROPERTIES = (reads_own, slot_can_be_free, holder_owns, posted_is_held, landed_stays)
