"""From which states a condition can still be met, decided by sweeps over the finished search.

Every state has a byte of hope: a bit for each condition that can be met from it. What a state has,
its parent has too. A sweep expands the states that lack a bit and adds what their successors have;
sweeps go on, last state first and first state first in turn, until nothing changes. Edges are not
kept: they would take as much memory as the search itself, and the first sweep settles most states.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

from fencepost.kernel.control import LANES, Command, Slot, Status
from fencepost.kernel.memory import Block
from fencepost.kernel.search import Search

AT_ONCE = 8
"""How many conditions share one byte of hope."""

GROUPS_AT_ONCE = 1 << 14


class Backward:
    """Looks back over a complete search; `check` is called every now and then."""

    def __init__(self, search: Search, check: Callable[[], None]) -> None:
        self.search, self.check = search, check

    def bytes_needed(self) -> int:
        """The memory it takes on top of the search."""
        return self.search[Slot.COUNT] + self.bytes_at_places()

    def bytes_at_places(self) -> int:
        search = self.search
        return search.places(search[Slot.TABLE_BITS]) if search.words <= 2 else 1

    def first_hopeless(self, watches: Sequence[int]) -> list[int | None]:
        """For each of at most eight watches, the first state after which it is never met."""
        search = self.search
        asked = (ctypes.c_int64 * AT_ONCE)(*watches)
        hopeless = (ctypes.c_int64 * AT_ONCE)()
        hope, at_place = Block(search[Slot.COUNT]), Block(self.bytes_at_places())
        search[Slot.ASKED], search[Slot.ASKED_COUNT] = ctypes.addressof(asked), len(watches)
        gathered = (ctypes.c_int64 * ((search.words + 1) * LANES))()
        search[Slot.GATHERED], search[Slot.INITIAL] = ctypes.addressof(gathered), search.initial
        search[Slot.HOPELESS] = ctypes.addressof(hopeless)
        search[Slot.HOPE], search[Slot.HOPE_AT_PLACE] = hope.address, at_place.address
        try:
            search.command(Command.MARK_GOALS)
            self.sweep_until_nothing_changes()
            search.command(Command.FIRST_HOPELESS)
        finally:
            hope.free()
            at_place.free()
        return [None if number < 0 else number for number in hopeless[: len(watches)]]

    def sweep_until_nothing_changes(self) -> None:
        search = self.search
        search[Slot.DOWNWARDS] = 1
        changed = True
        while changed:
            search[Slot.CURSOR] = search[Slot.CHANGED] = 0
            status = Status.PAUSED
            while status == Status.PAUSED:
                self.check()
                search[Slot.QUOTA] = GROUPS_AT_ONCE
                status = search.command(Command.SWEEP)
            changed = bool(search[Slot.CHANGED])
            search[Slot.DOWNWARDS] ^= 1
