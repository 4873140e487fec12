"""A small protocol, an implementation of it in plain Python, and the faults that it may have.

Slots are lent to requests. A reader holds a slot with the generation that it was lent in; a slot
that is taken back while somebody still reads goes to the pool when the reader is done, if
`waits_for_reader` is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from fencepost import *
from fencepost.core.system import System


class Phase(IntEnum):
    IDLE, HOLDS, LEAVING, GONE = range(4)


class Lending(Model):
    requests, slots, rounds = Parameter(2), Parameter(1), Parameter(1)
    Request, Slot = Index(requests), Index(slots)

    waits_for_reader = Barrier("a slot is free when its reader is done", buys=["reads_own_slot"])

    phase = Array(Request, of=Phase, initial=Phase.IDLE)
    slot = Array(Request, of=Maybe(Slot), initial=NONE)
    owner = Array(Slot, of=Maybe(Request), initial=NONE)
    reading = Array(Request, of=bool)
    lent = Var(of=Range(0, 6), initial=0)

    @action(request=Request, slot=Slot)
    def lend(self, request, slot):
        require(self.phase[request] == Phase.IDLE and self.owner[slot] == NONE)
        require(self.lent < 2 * self.rounds)
        self.phase[request], self.slot[request], self.owner[slot] = Phase.HOLDS, slot, request
        self.lent += 1

    @action(request=Request)
    def read(self, request):
        require(self.phase[request] == Phase.HOLDS and not self.reading[request])
        self.reading[request] = True

    @action(request=Request)
    def done(self, request):
        require(self.reading[request])
        self.reading[request] = False
        if self.phase[request] == Phase.LEAVING:
            self.give_back(request)

    @action(request=Request)
    def abort(self, request):
        require(self.phase[request] == Phase.HOLDS)
        if self.waits_for_reader and self.reading[request]:
            self.phase[request] = Phase.LEAVING
        else:
            self.give_back(request)

    @action(request=Request)
    def again(self, request):
        require(self.phase[request] == Phase.GONE and not self.reading[request])
        self.phase[request] = Phase.IDLE

    def give_back(self, request):
        self.owner[self.slot[request]] = NONE
        self.slot[request] = NONE
        self.phase[request] = Phase.GONE

    @final
    def anywhere(self):
        return True

    hasty = Design(expect=violates("reads_own_slot"))
    careful = hasty.plus(waits_for_reader, expect=holds)


@always(Lending)
def reads_own_slot(m, request: Lending.Request):
    """Who reads holds a slot."""
    return not m.reading[request] or m.slot[request] != NONE


@reachable(Lending)
def leaves(m, request: Lending.Request):
    return m.phase[request] == Phase.GONE


def lending(**sizes: int) -> System:
    return build(Lending, [reads_own_slot, leaves], sizes)


class Cache:
    """The implementation; `fault` names what is wrong with it, if anything."""

    def __init__(self, requests: int, slots: int, rounds: int, waits: bool, fault: str) -> None:
        self.waits, self.fault, self.most = waits, fault, 2 * rounds
        self.phase = ["IDLE"] * requests
        self.slot: list[int | None] = [None] * requests
        self.free = list(range(slots))
        self.owner: list[int | None] = [None] * slots
        self.reading = [False] * requests
        self.lent = 0
        self.aborts = self.reads = 0
        if fault == "starts full":
            self.free.clear()
            self.owner[0] = 0

    def lend(self, request: int, slot: int) -> bool:
        if self.phase[request] != "IDLE" or slot not in self.free or self.lent >= self.most:
            if self.fault == "refusal counts":
                self.lent += self.lent < self.most
            return False
        self.free.remove(slot)
        if self.fault == "owner is off by one":
            self.owner[slot] = (request + 1) % len(self.phase)
        else:
            self.owner[slot] = request
        self.phase[request], self.slot[request] = "HOLDS", slot
        self.lent += 1
        return True

    def read(self, request: int) -> bool:
        if self.phase[request] != "HOLDS" or (
            self.reading[request] and self.fault != "reads twice"
        ):
            return False
        self.reads += 1
        self.reading[request] = self.fault != "twelfth read" or self.reads != 12
        return True

    def done(self, request: int) -> bool:
        if not self.reading[request]:
            return False
        self.reading[request] = False
        if self.phase[request] == "LEAVING":
            if self.fault == "never given back":
                self.phase[request] = "GONE"
            else:
                self.give_back(request)
        return True

    def abort(self, request: int) -> bool:
        if self.phase[request] != "HOLDS":
            return False
        self.aborts += 1
        if self.fault == "abort while reading fails" and self.reading[request]:
            raise RuntimeError("the slot is in use")
        if self.fault == "third abort" and self.aborts == 3:
            self.phase[request] = "GONE"
            return True
        if self.waits and self.reading[request] and self.fault != "does not wait":
            self.phase[request] = "LEAVING"
        else:
            self.give_back(request)
        return True

    def again(self, request: int) -> bool:
        if self.phase[request] != "GONE" or self.reading[request]:
            return False
        if self.fault == "refuses again":
            return False
        self.phase[request] = "IDLE"
        return True

    def give_back(self, request: int) -> None:
        slot = self.slot[request]
        assert slot is not None
        self.owner[slot] = None
        self.slot[request] = None
        self.phase[request] = "GONE"
        self.free.append(slot)


class LendingAdapter(Adapter):
    """Performs the steps on the cache, and shows all of it."""

    fault = ""
    once = False

    def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
        self.cache = Cache(**sizes, waits="waits_for_reader" in barriers, fault=self.fault)

    def perform(self, action: str, **arguments: int) -> None:
        if not getattr(self.cache, action)(**arguments):
            raise Refused
        if self.fault == "once" and action == "abort" and not type(self).once:
            type(self).once = True
            self.cache.lent -= 1

    def observe(self) -> Mapping[str, object]:
        cache = self.cache
        return {
            "phase": cache.phase,
            "slot": cache.slot,
            "owner": dict(enumerate(cache.owner)),
            "reading": cache.reading,
            "lent": cache.lent,
        }

    def close(self) -> None:
        if self.fault == "leaks":
            assert not any(owner is not None for owner in self.cache.owner), "a slot is not back"


def with_fault(fault: str) -> type[LendingAdapter]:
    return type("FaultyAdapter", (LendingAdapter,), {"fault": fault})
