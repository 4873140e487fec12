"""Counting who holds a thing, as a number and as a set."""

from __future__ import annotations

from fencepost.language.component import Component
from fencepost.language.declarations import Array, Index, Range, Size
from fencepost.language.machine import Value
from fencepost.language.words import exists, fault


class ReferenceCount(Component):
    """A counter for each thing: what engines write.

    Abstracts: nothing but the size of the counter. More than `most` references at once is a fault
    and not a wrap, so no behaviour is hidden. Safe. Finite only, since it counts: `References` is
    the form that can be proved for any size.
    """

    def __init__(self, thing: Index, *, most: int | Size) -> None:
        self.Thing = thing
        self.references = Array(thing, of=Range(0, most), initial=0)

    def acquire(self, thing: Value) -> None:
        """One reference more; past `most` the counter leaves its domain, which is a fault."""
        self.references[thing] += 1

    def release(self, thing: Value) -> None:
        """One reference less; releasing a thing that nobody holds (an underflow) is a fault."""
        if self.references[thing] == 0:
            fault("a reference that nobody holds is released")
        self.references[thing] -= 1

    def is_held(self, thing: Value) -> Value:
        """Whether anybody holds the thing."""
        return self.references[thing] > 0


class References(Component):
    """The set of holders of each thing: a counter that knows whom it counts.

    Abstracts: nothing; it is stricter than a counter. Each holder has at most one reference, and
    taking it twice or releasing it without having it is a fault, where a counter would go wrong
    later or for another holder. Safe, if holders are what the engine pairs acquire and release by.
    """

    def __init__(self, thing: Index, holder: Index) -> None:
        self.Thing, self.Holder = thing, holder
        self.held = Array(thing, holder, of=bool, initial=False)

    def acquire(self, thing: Value, holder: Value) -> None:
        """The holder has a reference; having one already is a fault."""
        if self.held[thing, holder]:
            fault("a holder takes the same reference twice")
        self.held[thing, holder] = True

    def release(self, thing: Value, holder: Value) -> None:
        """The holder's reference is gone; not having one is a fault."""
        if not self.held[thing, holder]:
            fault("a holder releases a reference that it does not have")
        self.held[thing, holder] = False

    def is_held(self, thing: Value) -> Value:
        """Whether anybody holds the thing."""
        return exists(self.Holder, lambda holder: self.held[thing, holder])
