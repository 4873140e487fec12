"""Small models with barriers of every worth, for the analyses that switch them."""

from __future__ import annotations

from fencepost import *


class Trap(Model):
    """A barrier that is safe alone and unsafe with another one."""

    guard = Barrier("the value is looked at first", buys=["low"])
    cache = Barrier("the last look is believed", buys=["low"])
    value = Var(Range(0, 2), initial=0)
    looked = Var(bool)

    @action
    def look(self):
        require(self.guard and self.value == 0)
        self.looked = True

    @action
    def go(self):
        require(self.value < 2)
        if self.guard:
            require(self.looked if self.cache else self.value == 0)
        self.value += 1

    @action
    def back(self):
        require(self.value > 0)
        self.value = 0
        self.looked = False

    nothing = Design(expect=violates("low"))
    careful = Design(guard, expect=holds)
    hasty = Design(guard, cache, expect=violates("low"))


@always(Trap)
def low(m):
    """The value stays low."""
    return m.value < 2


@reachable(Trap)
def rises(m):
    """The value can rise."""
    return m.value == 1


class Slot(Model):
    """A slot is given back early (unsafe), on an answer, or never."""

    waits = Barrier("the slot is given back only on an answer", buys=["own"])
    answers = Barrier("an answer is sent", buys=["can_be_free"])
    stops = Barrier("nothing is ever taken", buys=["own"])
    idle = Barrier("says something", buys=["own"])
    taken = Var(bool)
    writing = Var(bool)
    answered = Var(bool)

    @action
    def take(self):
        require(not self.stops)
        require(not self.taken)
        self.taken = True
        self.writing = True
        self.answered = False

    @action
    def land(self):
        require(self.writing)
        self.writing = False
        if self.answers:
            self.answered = True

    @action
    def give_back(self):
        require(self.taken)
        if self.waits:
            require(self.answered)
        self.taken = False

    @action
    def look(self):
        """What keeps a state from being stuck."""
        require(self.taken or self.stops)

    early = Design(expect=violates("own"))
    both = Design(waits, answers, expect=holds)
    blocked = Design(stops, expect=violates("used"))


@always(Slot)
def own(m):
    """Nobody writes into a slot that was given back."""
    return m.taken or not m.writing


@always_possible(Slot)
def can_be_free(m):
    """The slot can become free."""
    return not m.taken


@reachable(Slot)
def used(m):
    """The slot can be used."""
    return m.taken


def trap():
    return build(Trap, [low, rises])


def slot():
    return build(Slot, [own, can_be_free, used])
