"""Whether two sets of barriers give the very same state graph, by expanding every state twice."""

from __future__ import annotations

import ctypes

from fencepost.core.limits import INTERRUPTED, Limits
from fencepost.core.questions import Questions
from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, Expectation, System
from fencepost.engines.explore.exhaustive import Exhaustive
from fencepost.kernel.control import LANES, Slot
from fencepost.kernel.search import barrier_mask

NO_QUESTIONS = Questions((), no_fault=False, no_stuck_state=False)
COUNT = (1 << 32) - 1


def keeps_every_step(
    system: System,
    one: frozenset[str],
    other: frozenset[str],
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> bool | None:
    """Whether every run with `one` set of barriers is a run with the `other`, step by step; that
    one may have others besides. None where a limit ended the search."""
    return _compared(system, one, other, limits, exactly=False)


def same_graph(
    system: System,
    one: frozenset[str],
    other: frozenset[str],
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> bool | None:
    """Whether two sets of barriers have the same reachable states with the same steps between them.

    Every state that `one` reaches is expanded with either set. If each step does the same in all of
    them, and the initial states are the same, then `other` reaches these states and no others. None
    where a limit ended the search.
    """
    return _compared(system, one, other, limits, exactly=True)


def _compared(
    system: System, one: frozenset[str], other: frozenset[str], limits: Limits, *, exactly: bool
) -> bool | None:
    starts = [set(initial_states(system, barriers)) for barriers in (one, other)]
    if starts[0] != starts[1] and (exactly or not starts[0] <= starts[1]):
        return False
    search = Exhaustive(system, Design("", one, Expectation()), NO_QUESTIONS, limits, None)
    try:
        search.run()
        if search.stopped == INTERRUPTED:
            raise KeyboardInterrupt
        if not search.complete():
            return None
        masks = (barrier_mask(system, one), barrier_mask(system, other))
        return _Expansions(search).agree(*masks, exactly=exactly)
    finally:
        search.search.free()


class _Expansions:
    def __init__(self, exhaustive: Exhaustive) -> None:
        self.search = exhaustive.search
        kernel = self.search.kernel
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 8)
        self.expand = kind(kernel.expand)
        self.steps = len(exhaustive.system.steps)
        self.words, self.stride = self.search.words, LANES * self.steps + LANES
        self.coverage = (ctypes.c_uint8 * (len(kernel.leaves) + LANES))()
        self.out = [(ctypes.c_uint64 * (self.stride * self.words + LANES))() for _ in range(2)]
        self.lanes = [(ctypes.c_uint8 * (self.stride + LANES))() for _ in range(2)]
        self.fired = [(ctypes.c_uint8 * (self.steps + LANES))() for _ in range(2)]

    def agree(self, one: int, other: int, *, exactly: bool) -> bool:
        """Whether every step does the same in every state with either mask: which lanes take it,
        where to, and which lanes fault; or else, whether it does with `other` what it does with
        `one` wherever it is taken with that."""
        count = self.search[Slot.COUNT]
        for first in range(0, count, LANES):
            lanes = min(LANES, count - first)
            at = self.search.states.address + first * self.words * 8
            told = [self.expanded(side, at, lanes, mask) for side, mask in enumerate((one, other))]
            if not self.same(told) and (exactly or not self.first_within_second()):
                return False
        return True

    def same(self, told: list[int]) -> bool:
        """Whether both sides were expanded to just the same."""
        if told[0] != told[1] or bytes(self.fired[0]) != bytes(self.fired[1]):
            return False
        size = 8 * (told[0] & COUNT)
        for word in range(self.words):
            rows = [
                ctypes.string_at(ctypes.addressof(out) + 8 * word * self.stride, size)
                for out in self.out
            ]
            if rows[0] != rows[1]:
                return False
        return True

    def first_within_second(self) -> bool:
        """Whether each step of the first side is one of the second: by the same lane, to the same
        state. Successors stand step by step, and for each step lane by lane."""
        places = [0, 0]
        for step in range(self.steps):
            fired = (self.fired[0][step], self.fired[1][step])
            if fired[0] & ~fired[1]:
                return False
            for lane in range(LANES):
                if fired[0] >> lane & 1 and any(
                    self.out[0][word * self.stride + places[0]]
                    != self.out[1][word * self.stride + places[1]]
                    for word in range(self.words)
                ):
                    return False
                for side in (0, 1):
                    places[side] += fired[side] >> lane & 1
        return True

    def expanded(self, side: int, at: int, lanes: int, mask: int) -> int:
        ctypes.memset(self.fired[side], 0, self.steps)
        told: int = self.expand(
            at,
            lanes,
            mask,
            ctypes.addressof(self.out[side]),
            self.stride,
            ctypes.addressof(self.lanes[side]),
            ctypes.addressof(self.coverage),
            ctypes.addressof(self.fired[side]),
        )
        return told
