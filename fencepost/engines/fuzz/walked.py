"""States that random walks come to, side by side, for what looks at many of them at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fencepost.core.limits import Limits
from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, System
from fencepost.kernel.compiled import compiled
from fencepost.kernel.walks import Walks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Cells = NDArray[np.int64]

STEPS = 400
"""No walk is longer."""
SLICE = 33
"""After so many steps of all walks it is noted where each is: after more of them,
walks that began together are seen at the same few places."""


def walked_states(
    system: System,
    design: Design,
    *,
    most: int,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Cells:
    """So many different states of a design that walks came to, fewer where there are few or where a
    limit of time or memory is met: a row for each cell, a column for each state. The same seed
    gives the same states."""
    import numpy as np

    began = time.perf_counter()
    starts = [s for s, _ in zip(initial_states(system, design.barriers), range(most), strict=False)]
    kernel = compiled(system)
    layout = kernel.layout
    packed = [layout.pack(state) for state in starts]
    walks = Walks(system, kernel, design.barriers, packed, seed=seed, walks=most, length=STEPS)
    walks.seek(())
    found = dict.fromkeys(packed)
    looks = 0
    going = limits.memory_bytes is None or walks.bytes <= limits.memory_bytes
    while going and len(found) < most and looks < most:
        if limits.seconds is not None and time.perf_counter() - began >= limits.seconds:
            break
        going = walks.advance(SLICE)
        looks += 1
        found |= dict.fromkeys(words for _, _, words in walks.where())
    cells: Cells = layout.columns(np.array(list(found)[:most], dtype=np.uint64))
    return cells
