"""Random walks over a compiled system: their memory, and one of them performed again."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, State, Step, System
from fencepost.kernel.compiled import Kernel
from fencepost.kernel.control import LANES
from fencepost.kernel.layout import Words
from fencepost.kernel.native_walk import native_walk
from fencepost.kernel.nearby import Sight
from fencepost.kernel.randomness import MASK, mixed
from fencepost.kernel.search import barrier_mask
from fencepost.kernel.walk_control import DEVIATES_BITS, IDLE, ORDER, WalkSlot

Moves = Callable[[State], Sequence[tuple[int, State]]]
"""The steps that can be taken in a state, by number, with where they lead."""


@dataclass(frozen=True)
class Met:
    """Where something was met first: in which walk, after how many steps."""

    walk: int
    at: int


class Walks:
    """So many walks of at most so many steps each, with what they meet first of what is sought."""

    def __init__(
        self,
        system: System,
        kernel: Kernel,
        barriers: frozenset[str],
        starts: Sequence[Words],
        *,
        seed: int,
        walks: int,
        length: int,
    ) -> None:
        self.system, self.kernel = system, kernel
        self._run = native_walk()
        self._control = (ctypes.c_int64 * len(WalkSlot))()
        self._kept: list[Any] = []
        words, steps, watches = kernel.layout.words, len(system.steps), kernel.watches
        stride = LANES * steps + LANES
        flat = [word for start in starts for word in start]
        given = self._array(WalkSlot.STARTS, ctypes.c_uint64, len(flat))
        for n, word in enumerate(flat):
            given[n] = word
        self._states = self._array(WalkSlot.STATES, ctypes.c_uint64, LANES * words)
        self._array(WalkSlot.OUT, ctypes.c_uint64, stride * words + LANES)
        self._array(WalkSlot.OUT_LANES, ctypes.c_uint8, stride + LANES)
        self._coverage = self._array(WalkSlot.COVERAGE, ctypes.c_uint8, len(kernel.leaves) + LANES)
        self._array(WalkSlot.FIRED, ctypes.c_uint8, steps + LANES)
        self._ever = self._array(WalkSlot.EVER_FIRED, ctypes.c_uint8, steps + LANES)
        self._array(WalkSlot.MARKS, ctypes.c_uint8, watches + LANES)
        self._wanted = self._array(WalkSlot.WANTED, ctypes.c_uint8, watches + LANES)
        self._walk = self._array(WalkSlot.LANE_WALK, ctypes.c_int64, LANES)
        self._at = self._array(WalkSlot.LANE_AT, ctypes.c_int64, LANES)
        for slot in (WalkSlot.LANE_SEED, WalkSlot.CHOSEN):
            self._array(slot, ctypes.c_int64, LANES)
        self._array(WalkSlot.COUNTS, ctypes.c_int64, 2 * LANES)
        self._met_walk = self._array(WalkSlot.MET_WALK, ctypes.c_int64, watches + 2)
        self._met_at = self._array(WalkSlot.MET_AT, ctypes.c_int64, watches + 2)
        for n in range(watches + 2):
            self._met_walk[n] = -1
        for name, value in (
            (WalkSlot.EXPAND, kernel.expand),
            (WalkSlot.INSPECT, kernel.inspect),
            (WalkSlot.BARRIERS, barrier_mask(system, barriers)),
            (WalkSlot.WORDS, words),
            (WalkSlot.WATCHES, watches),
            (WalkSlot.STEPS, steps),
            (WalkSlot.STRIDE, stride),
            (WalkSlot.SEED, seed & MASK),
            (WalkSlot.START_COUNT, len(starts)),
            (WalkSlot.LENGTH, length),
            (WalkSlot.WALKS, walks),
        ):
            self[name] = value

    def _array(self, slot: WalkSlot, kind: Any, size: int) -> Any:
        array = (kind * size)()
        self._kept.append(array)
        self[slot] = ctypes.addressof(array)
        return array

    def __getitem__(self, slot: WalkSlot) -> int:
        return self._control[slot]

    def __setitem__(self, slot: WalkSlot, value: int) -> None:
        self._control[slot] = value

    def seek(self, sought: Collection[Sight]) -> None:
        """What to look for."""
        for watch in range(self.kernel.watches):
            self._wanted[watch] = 255 * (watch - 1 in sought)
        self[WalkSlot.WANT_FAULT] = int(NO_FAULT in sought)
        self[WalkSlot.WANT_STUCK] = int(NO_STUCK_STATE in sought)

    def advance(self, quota: int) -> bool:
        """Walk on, for about `quota` steps or until something is met; False where all is done."""
        self[WalkSlot.QUOTA] = quota
        return bool(self._run(ctypes.addressof(self._control)))

    @property
    def bytes(self) -> int:
        """The memory that the walks take, however long they are."""
        return sum(ctypes.sizeof(array) for array in self._kept)

    @property
    def met(self) -> dict[Sight, Met]:
        """What was met, where it was met first."""
        watches = self.kernel.watches
        names: list[Sight] = [*range(-1, watches - 1), NO_FAULT, NO_STUCK_STATE]
        return {
            name: Met(self._met_walk[n], self._met_at[n])
            for n, name in enumerate(names)
            if self._met_walk[n] >= 0
        }

    def where(self) -> list[tuple[int, int, Words]]:
        """For each walk that goes on: its number, how many steps it took, and where it is."""
        words = self.kernel.layout.words
        return [
            (
                self._walk[lane],
                self._at[lane],
                tuple(self._states[lane * words : (lane + 1) * words]),
            )
            for lane in range(LANES)
            if self.begun and self._walk[lane] != IDLE
        ]

    @property
    def begun(self) -> int:
        """How many walks were begun."""
        return self[WalkSlot.NEXT]

    @property
    def taken(self) -> int:
        """How many steps were taken in all walks."""
        return self[WalkSlot.TAKEN]

    @property
    def steps_taken(self) -> frozenset[Step]:
        """The steps that could be taken in some state that a walk came to."""
        return frozenset(s for s, ever in zip(self.system.steps, self._ever, strict=False) if ever)

    @property
    def leaves_reached(self) -> frozenset[tuple[str, int]]:
        """The leaves of actions, by name and number, come to in such a state."""
        return frozenset(leaf for n, leaf in enumerate(self.kernel.leaves) if self._coverage[n])


def performed_again(
    seed: int, walk: int, at: int, starts: Sequence[State], moves: Moves
) -> tuple[State, list[int], State]:
    """A walk up to a position: where it began, the numbers of its steps, and where it is then."""
    own = mixed(seed & MASK, walk)
    initial = state = starts[_below(len(starts), mixed(own, 0))]
    taken: list[int] = []
    while len(taken) < at:
        choices = [(step, after) for step, after in moves(state) if after != state]
        if not choices:
            break
        drawn = mixed(own, len(taken) + 1)
        if walk & 1 and drawn & ((1 << DEVIATES_BITS) - 1):
            step, state = min(choices, key=lambda choice: mixed(own ^ ORDER, choice[0]) >> 1)
        else:
            step, state = choices[_below(len(choices), drawn)]
        taken.append(step)
    return initial, taken, state


def _below(count: int, drawn: int) -> int:
    return (drawn >> 32) * count >> 32
