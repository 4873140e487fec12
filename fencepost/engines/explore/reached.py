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
    discovery; `states` were found, and `complete` says whether these are all that can be reached.
    There are fewer columns than states where so many were asked for."""

    cells: Any
    states: int
    complete: bool


def reached_states(
    system: System, design: Design, limits: Limits, *, most: int | None = None
) -> Reached:
    """Explore a design at its sizes and give the values of every cell in every state found; or in
    `most` of them, chosen evenly by a fixed seed."""
    memory = limits.memory_bytes or MOST_MEMORY
    bounded = Limits(limits.states, limits.seconds, memory)
    search = Exhaustive(system, design, NO_QUESTIONS, bounded, None)
    try:
        search.run()
        complete = search.complete()
        return Reached(_cells(search, most), search.search[Slot.COUNT], complete)
    finally:
        search.search.free()


def _cells(search: Exhaustive, most: int | None) -> Cells:
    """The packed words of every state, taken apart."""
    import numpy as np

    layout, found = search.kernel.layout, search.search
    states = found[Slot.COUNT]
    block = (ctypes.c_uint64 * (states * layout.words)).from_address(found.states.address)
    words = np.ctypeslib.as_array(block).reshape(states, layout.words)
    if most is not None and states > most:
        words = words[np.sort(np.random.default_rng(0).permutation(states)[:most])]
    cells: Cells = layout.columns(words)
    return cells
