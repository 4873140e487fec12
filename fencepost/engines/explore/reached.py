"""The reachable states of a design, side by side, for what looks at all of them at once."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fencepost.core.limits import Limits
from fencepost.core.system import Design, System
from fencepost.engines.explore.exhaustive import Exhaustive
from fencepost.engines.explore.graph import NO_QUESTIONS
from fencepost.kernel.control import Slot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Cells = NDArray[np.int64]

MOST_MEMORY = 1 << 30


@dataclass(frozen=True)
class Reached:
    """`cells` has a row for each cell of a state and a column for each state, in the order of
    discovery; `complete` says whether these are all states that can be reached."""

    cells: Any
    complete: bool

    @property
    def states(self) -> int:
        """How many there are."""
        return int(self.cells.shape[1])


def reached_states(system: System, design: Design, limits: Limits) -> Reached:
    """Explore a design at its sizes and give the values of every cell in every state found."""
    memory = limits.memory_bytes or MOST_MEMORY
    bounded = Limits(limits.states, limits.seconds, memory)
    search = Exhaustive(system, design, NO_QUESTIONS, bounded, None)
    try:
        search.run()
        return Reached(_cells(search), search.complete())
    finally:
        search.search.free()


def _cells(search: Exhaustive) -> Cells:
    """The packed words of every state, taken apart."""
    import numpy as np

    layout, found = search.kernel.layout, search.search
    states = found[Slot.COUNT]
    block = (ctypes.c_uint64 * (states * layout.words)).from_address(found.states.address)
    words = np.ctypeslib.as_array(block).reshape(states, layout.words)
    cells = np.empty((len(layout.places), states), dtype=np.int64)
    for number, place in enumerate(layout.places):
        mask = np.uint64((1 << place.width) - 1)
        cells[number] = (words[:, place.word] >> np.uint64(place.shift)) & mask
        cells[number] += place.low
    return cells
