"""What lies near a state: a breadth-first search from it that ends after so many states.

The search loop does this in the time that Python needs for a few lines, so a run that looks around
itself at every step sees what it would pass by.
"""

from __future__ import annotations

import ctypes
from collections.abc import Collection

from fencepost.core.evidence import Way
from fencepost.core.semantics import perform
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Step, System
from fencepost.core.trees import Fault
from fencepost.kernel.compiled import Kernel
from fencepost.kernel.control import Command, Slot
from fencepost.kernel.layout import Words
from fencepost.kernel.search import Search

MEMORY_BYTES = 1 << 26
"""Room for more states than are ever looked at around one."""

STATES_EACH = 8
"""A look meets so many times as many states as it looks at, or few more in most systems."""

Sight = int | str
"""What may be met in a state: what a question asks, by its number, or `no_fault` or
`no_stuck_state`, by its name."""


class Nearby:
    """Looks around the states of one design; `free` gives its memory back.

    `room` is how many states a look may meet; emptying the table for each look takes time in
    proportion to it.
    """

    def __init__(self, system: System, kernel: Kernel, barriers: frozenset[str], room: int) -> None:
        self.system, self.barriers, self.layout, self.room = system, barriers, kernel.layout, room
        self.search = Search(system, kernel, barriers)
        self.search.reserve(MEMORY_BYTES)
        self.search.start([kernel.layout.unpack((0,) * kernel.layout.words)])
        bits = room.bit_length() + (kernel.layout.words == 2)
        while self.search[Slot.TABLE_BITS] < bits:
            self.search.make_table(self.search[Slot.TABLE_BITS] + 1)
        self.search[Slot.STOP_AT_VIOLATION] = 1
        self._table_bytes = 8 << self.search[Slot.TABLE_BITS]
        self._faults: dict[Words, Step | None] = {}
        self._sought: Collection[Sight] = ()
        self._violations: Collection[Sight] = ()
        self.seek((), ())

    def free(self) -> None:
        """Give the memory back."""
        self.search.free()

    @property
    def bytes(self) -> int:
        """The memory that a look takes which meets as many states as there is room for."""
        return self._table_bytes + self.room * self.search.state_bytes

    def seek(self, sought: Collection[Sight], violations: Collection[Sight]) -> None:
        """What to look for from now on, and which of it ends a look."""
        search, watches = self.search, self.search.kernel.watches
        self._sought, self._violations = sought, violations
        self._wanted = bytes(255 * (watch - 1 in sought) for watch in range(watches))
        for watch in range(watches):
            search.bad[watch] = int(watch - 1 in violations)
        search[Slot.WANT_FAULT] = int(NO_FAULT in violations)
        search[Slot.WANT_STUCK] = int(NO_STUCK_STATE in violations)

    def look_for(self, sight: Sight, words: Words, most: int) -> Way | None:
        """The shortest way to one thing, whatever else is sought."""
        kept = self._sought, self._violations
        try:
            self.seek((sight,), (sight,))
            return self.look(words, most).get(sight)
        finally:
            self.seek(*kept)

    def look(self, words: Words, most: int) -> dict[Sight, Way]:
        """For everything sought that is met in a state or near it, the shortest way there.

        States are looked at nearest first, until `most` of them are (those of a batch together),
        or until one violates something.
        """
        search = self.search
        ctypes.memmove(search.wanted, self._wanted, len(self._wanted))
        ctypes.memset(search.table.address, 0, self._table_bytes)
        ctypes.memmove(
            search.states.address, (ctypes.c_uint64 * len(words))(*words), 8 * len(words)
        )
        for slot, value in _FRESH:
            search[slot] = value
        search.command(Command.REHASH)
        search[Slot.QUOTA] = most
        search.command(Command.SEARCH)
        return self._found()

    def _found(self) -> dict[Sight, Way]:
        search = self.search
        found: dict[Sight, Way] = {}
        for sight in self._sought:
            if isinstance(sight, int):
                if search.wanted[sight + 1] != self._wanted[sight + 1]:
                    found[sight] = self._way(search.met[sight + 1])
            elif sight == NO_STUCK_STATE and search[Slot.STUCK] >= 0:
                found[sight] = self._way(search[Slot.STUCK])
            elif sight == NO_FAULT and search[Slot.FAULT_GROUP] >= 0:
                found[sight] = self._way_to_fault()
        return found

    def _way(self, number: int) -> Way:
        initial, steps = self.search.way(number)
        return Way(initial, tuple(self.system.steps[step] for step in steps))

    def _way_to_fault(self) -> Way:
        first, count = self.search[Slot.FAULT_GROUP], self.search[Slot.FAULT_COUNT]
        for number in range(first, first + count):
            step = self._faulting(self.search.packed(number))
            if step is not None:
                way = self._way(number)
                return Way(way.initial, (*way.steps, step))
        raise AssertionError("the interpreter sees no fault in the group that has one")

    def _faulting(self, words: Words) -> Step | None:
        """The first step that faults in a state, as the interpreter has it; found once for each."""
        if words not in self._faults:
            state = self.layout.unpack(words)
            self._faults[words] = next(
                (
                    step
                    for step in self.system.steps
                    if isinstance(perform(self.system, self.barriers, state, step), Fault)
                ),
                None,
            )
        return self._faults[words]


_FRESH = (
    (Slot.COUNT, 1),
    (Slot.EXPANDED, 0),
    (Slot.TRANSITIONS, 0),
    (Slot.LEVEL, 0),
    (Slot.LEVEL_END, 1),
    (Slot.VIOLATED, 0),
    (Slot.FAULT_GROUP, -1),
    (Slot.STUCK, -1),
)
"""A search that has one state and has not begun."""
