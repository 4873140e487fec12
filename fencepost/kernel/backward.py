"""From which states a condition can still be met: a backward search over the finished graph."""

from __future__ import annotations

from collections.abc import Callable

from fencepost.kernel.control import Command, Slot, Status
from fencepost.kernel.memory import Block
from fencepost.kernel.search import Search

EDGE_QUOTA = 1 << 16


class Backward:
    """The edges of a complete search, turned round; `check` is called every now and then."""

    def __init__(self, search: Search, check: Callable[[], None]) -> None:
        self.search, self.check = search, check
        self.blocks: list[Block] = []

    def bytes_needed(self) -> int:
        """The memory it takes on top of the search."""
        search = self.search
        places = 4 << search[Slot.TABLE_BITS] if search.words == 1 else 0
        return places + 13 * search[Slot.COUNT] + 8 + 4 * search[Slot.TRANSITIONS]

    def prepare(self) -> None:
        """Find every edge, by expanding every state twice more."""
        search = self.search
        count, transitions = search[Slot.COUNT], search[Slot.TRANSITIONS]
        if search.words == 1:
            self.take(Slot.INDEX_OF_PLACE, 4 << search[Slot.TABLE_BITS])
            search.command(Command.INDEX_PLACES)
        self.take(Slot.EDGE_OFFSETS, 8 * (count + 1))
        self.take(Slot.EDGES, 4 * transitions)
        self.take(Slot.HOPEFUL, count)
        self.take(Slot.QUEUE, 4 * count)
        self.round(0)
        search.command(Command.SUM_OFFSETS)
        self.round(1)

    def take(self, slot: Slot, size: int) -> Block:
        block = Block(size)
        self.blocks.append(block)
        self.search[slot] = block.address
        return block

    def round(self, number: int) -> None:
        search = self.search
        search[Slot.EDGE_ROUND] = number
        search[Slot.GROUP] = 0
        search[Slot.QUOTA] = EDGE_QUOTA
        while search.command(Command.EDGES) == Status.PAUSED:
            self.check()

    def first_hopeless(self, watch: int) -> int | None:
        """The first state from which no state that meets the watch can be reached."""
        self.check()
        self.search[Slot.QUESTION] = watch
        self.search.command(Command.BACKWARD)
        number = self.search[Slot.HOPELESS]
        return None if number < 0 else number

    def free(self) -> None:
        for block in self.blocks:
            block.free()
