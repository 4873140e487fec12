"""The block of 64-bit numbers through which Python and the compiled walks speak."""

from __future__ import annotations

from enum import IntEnum, auto


class WalkSlot(IntEnum):
    """The position of a number in the block."""

    # The system.
    EXPAND = 0
    INSPECT = auto()
    BARRIERS = auto()
    WORDS = auto()
    WATCHES = auto()
    STEPS = auto()
    STRIDE = auto()
    # Memory, as addresses.
    STATES = auto()
    OUT = auto()
    OUT_LANES = auto()
    COVERAGE = auto()
    FIRED = auto()
    EVER_FIRED = auto()
    MARKS = auto()
    WANTED = auto()
    STARTS = auto()
    LANE_WALK = auto()
    LANE_AT = auto()
    LANE_SEED = auto()
    COUNTS = auto()
    CHOSEN = auto()
    MET_WALK = auto()
    MET_AT = auto()
    # What to do.
    SEED = auto()
    START_COUNT = auto()
    LENGTH = auto()
    WALKS = auto()
    WANT_FAULT = auto()
    WANT_STUCK = auto()
    QUOTA = auto()
    # How far it is.
    NEXT = auto()
    TAKEN = auto()
    MET = auto()


DEVIATES_BITS = 3
"""A walk that keeps to an order deviates from it at one step in two to the power of this."""
ORDER = 0x5851F42D4C957F2D
"""Sets the numbers that order the steps of a walk apart from those that it draws."""
IDLE = -1
"""The walk of a lane that has none."""
