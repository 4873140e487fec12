"""States that random walks come to, side by side, for what looks at many of them at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fencepost.core.limits import Limits
from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, System
from fencepost.kernel.compiled import compiled
from fencepost.kernel.layout import Words
from fencepost.kernel.randomness import mixed
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
ROUNDS = 6
"""So many times walks begin anew, in the rarest states that were come to."""
RARE = 10
"""One in so many states is a rare one."""
MOST_VALUES = 12
"""A cell of more values is a number, and none of them is rare."""
COMPARED = 12_000
"""So many states are compared at most, to tell which of them are rare."""
SHORTER = 4
"""Walks from rare states are so much shorter: each round is to come a little further."""


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
    gives the same states.

    Random walks seldom come to what takes several unlikely steps. So they begin anew in the rarest
    states so far, as in importance splitting (Kahn and Harris 1951).
    """
    import numpy as np

    began = time.perf_counter()
    starts = [s for s, _ in zip(initial_states(system, design.barriers), range(most), strict=False)]
    kernel = compiled(system)
    layout = kernel.layout
    begin = [layout.pack(state) for state in starts]
    found = dict.fromkeys(begin)

    def cells(states: list[Words]) -> Cells:
        columns: Cells = layout.columns(np.array(states, dtype=np.uint64))
        return columns

    enough = [len(found) + (most - len(found)) * n // ROUNDS for n in range(1, ROUNDS + 1)]
    for number, until in enumerate(enough):
        length = STEPS if number == 0 else STEPS // SHORTER
        walks = Walks(
            system,
            kernel,
            design.barriers,
            begin,
            seed=mixed(seed, number),
            walks=most,
            length=length,
        )
        walks.seek(())
        if limits.memory_bytes is not None and walks.bytes > limits.memory_bytes:
            break
        looks, going = 0, True
        while going and len(found) < until and looks < most:
            if limits.seconds is not None and time.perf_counter() - began >= limits.seconds:
                return cells(list(found)[:most])
            going = walks.advance(SLICE)
            looks += 1
            found |= dict.fromkeys(words for _, _, words in walks.where())
        if len(found) < most and number < ROUNDS - 1:
            states = list(found)[:: 1 + len(found) // COMPARED]
            rarest = np.argsort(-_rarity(cells(states)), kind="stable")
            begin = [states[n] for n in rarest[: max(1, len(states) // RARE)]]
    return cells(list(found)[:most])


def _rarity(cells: Cells) -> Any:
    """For each state how rare it is: the sum, over pairs of its cells, of one in the number of
    states that have the same two values there. In whole numbers, so that it does not depend on
    the order of summing, which is the machine's."""
    import numpy as np

    has = [
        row == value
        for row in cells
        if 1 < len(values := np.unique(row)) <= MOST_VALUES
        for value in values
    ]
    if not has:
        return np.zeros(cells.shape[1])
    hot = np.array(has, dtype=np.float64)
    together = hot @ hot.T
    weight = np.floor_divide(1 << 20, together, out=np.zeros_like(together), where=together > 0)
    return ((weight @ hot) * hot).sum(axis=0)
