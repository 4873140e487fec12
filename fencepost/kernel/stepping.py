"""One state at a time through the generated code: what can happen there."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

from fencepost.core.system import State, Step, System
from fencepost.kernel.compiled import Kernel
from fencepost.kernel.control import LANES
from fencepost.kernel.layout import Words
from fencepost.kernel.search import barrier_mask

FAULTING = 40
"""Where the lanes with a faulting step are in what the code returns."""

Taken = tuple[Step, Words]
"""A step that can be taken, and the state it leads to."""


class Stepper:
    """The steps of a system at one design, by the code that the search runs too.

    What was come to in all states looked at so far is collected in `fired` and `coverage`.
    """

    def __init__(self, system: System, kernel: Kernel, barriers: frozenset[str]) -> None:
        self.system, self.kernel, self.layout = system, kernel, kernel.layout
        steps, words = len(system.steps), kernel.layout.words
        self._stride = steps + LANES
        self._states = (ctypes.c_uint64 * (LANES * words))()
        self._out = (ctypes.c_uint64 * (self._stride * words + LANES))()
        self._lanes = (ctypes.c_uint8 * (self._stride + LANES))()
        self._fired = (ctypes.c_uint8 * (steps + LANES))()
        self._coverage = (ctypes.c_uint8 * (len(kernel.leaves) + LANES))()
        self._ever = bytearray(steps)
        self._marks = (ctypes.c_uint8 * (kernel.watches + LANES))()
        self._wanted = (ctypes.c_uint8 * (kernel.watches + LANES))()
        function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 8)(kernel.expand)
        mask, at = barrier_mask(system, barriers), ctypes.addressof
        arguments = (
            *(at(self._states), 1, mask, at(self._out), self._stride),
            *(at(self._lanes), at(self._coverage), at(self._fired)),
        )
        self._expand: Callable[[], int] = lambda: int(function(*arguments))
        inspect = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 5)(kernel.inspect)
        asked = (at(self._states), 1, mask, at(self._marks), at(self._wanted))
        self._inspect: Callable[[], int] = lambda: int(inspect(*asked))
        self.faults = False
        """Whether some step faults in the state looked at last."""

    def pack(self, state: State) -> Words:
        return self.layout.pack(state)

    def unpack(self, words: Words) -> State:
        return self.layout.unpack(words)

    def look(self, words: Words) -> list[Taken]:
        """Every step that can be taken in a state, in the order of `System.steps`."""
        steps = self.system.steps
        return [(steps[number], after) for number, after in self.numbered(words)]

    def numbered(self, words: Words) -> list[tuple[int, Words]]:
        """The same, with the numbers of the steps."""
        steps, stride = len(self.system.steps), self._stride
        self._states[: len(words)] = list(words)
        ctypes.memset(self._fired, 0, steps)
        self.faults = bool(self._expand() >> FAULTING & 1)
        fired = bytes(self._fired)
        taken = [number for number in range(steps) if fired[number]]
        for number in taken:
            self._ever[number] = 1
        count = len(taken)
        rows: Sequence[list[int]] = [
            self._out[row * stride : row * stride + count] for row in range(len(words))
        ]
        return list(zip(taken, zip(*rows, strict=True), strict=True))

    def met(self, words: Words) -> frozenset[int]:
        """The questions that a state meets, by number: an `always` where it is violated, another
        property where it is satisfied."""
        self._states[: len(words)] = list(words)
        self._inspect()
        return frozenset(n - 1 for n in range(1, self.kernel.watches) if self._marks[n])

    @property
    def steps_taken(self) -> frozenset[Step]:
        """The steps that could be taken in some state looked at."""
        return frozenset(s for s, ever in zip(self.system.steps, self._ever, strict=True) if ever)

    @property
    def leaves_reached(self) -> frozenset[tuple[str, int]]:
        """The leaves of actions, by name and number, come to in some state looked at."""
        return frozenset(leaf for n, leaf in enumerate(self.kernel.leaves) if self._coverage[n])
