"""A pool of slots: each is free or has one owner."""

from __future__ import annotations

from fencepost.language.component import Component
from fencepost.language.declarations import Array, Index, Maybe
from fencepost.language.machine import Value
from fencepost.language.values import NONE
from fencepost.language.words import fault, require


class SlotPool(Component):
    """A pool whose slots are handed out in any order and may be reused at once.

    Abstracts: the free list. Any free slot may come next, which covers last-in-first-out,
    first-in-first-out and every other order, so no behaviour of a real pool is hidden. Safe.
    """

    def __init__(self, slot: Index, owner: Index) -> None:
        self.Slot, self.Owner = slot, owner
        self.owner = Array(slot, of=Maybe(owner), initial=NONE)

    def take(self, slot: Value, owner: Value) -> None:
        """The owner gets a slot; the step is disabled while the slot is not free."""
        require(self.owner[slot] == NONE)
        self.owner[slot] = owner

    def give_back(self, slot: Value) -> None:
        """The slot is free again; giving back a free slot (a double free) is a fault."""
        if self.owner[slot] == NONE:
            fault("a free slot is given back")
        self.owner[slot] = NONE

    def is_free(self, slot: Value) -> Value:
        """Whether nobody owns the slot."""
        return self.owner[slot] == NONE
