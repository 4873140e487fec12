"""The block of 64-bit numbers through which Python and the compiled loop speak."""

from __future__ import annotations

from enum import IntEnum, auto

LANES = 8
"""States are expanded in groups of eight: step by step, and for each step state by state. The
order of discovery, and so the trace that is reported among equally short ones, follows from it."""

BATCH = 32
"""Counted limits and `first` are looked at whenever so many states of a level were expanded."""


class Slot(IntEnum):
    """The position of a number in the block."""

    COMMAND = 0
    # The system.
    EXPAND = auto()
    INSPECT = auto()
    BARRIERS = auto()
    WORDS = auto()
    WATCHES = auto()
    # Memory, as addresses.
    STATES = auto()
    PARENTS = auto()
    TABLE = auto()
    OUT = auto()
    OUT_LANES = auto()
    LINES = auto()
    COVERAGE = auto()
    FIRED = auto()
    MARKS = auto()
    WANTED = auto()
    BAD = auto()
    MET = auto()
    # Sizes.
    CAPACITY = auto()
    TABLE_BITS = auto()
    TABLE_LIMIT = auto()
    STRIDE = auto()
    # How far the search is.
    COUNT = auto()
    EXPANDED = auto()
    TRANSITIONS = auto()
    LEVEL_END = auto()
    LEVEL = auto()
    QUOTA = auto()
    VIOLATED = auto()
    STOP_AT_VIOLATION = auto()
    STATES_LIMIT = auto()
    FAULT_GROUP = auto()
    FAULT_COUNT = auto()
    STUCK = auto()
    WANT_FAULT = auto()
    WANT_STUCK = auto()
    # Looking back.
    HOPE = auto()
    HOPE_AT_PLACE = auto()
    ASKED = auto()
    ASKED_COUNT = auto()
    HOPELESS = auto()
    CURSOR = auto()
    DOWNWARDS = auto()
    CHANGED = auto()
    GATHERED = auto()
    INITIAL = auto()
    # The state graph.
    STEPS = auto()
    FIRED_HERE = auto()
    NUMBER_AT_PLACE = auto()
    EDGE_STARTS = auto()
    EDGE_TARGETS = auto()
    EDGE_STEPS = auto()
    EDGE_COUNT = auto()
    ENDED = auto()
    MARKED = auto()


class Command(IntEnum):
    """What the compiled code is asked to do."""

    SEARCH = 0
    REHASH = auto()
    DOUBLE = auto()
    MARK_GOALS = auto()
    SWEEP = auto()
    FIRST_HOPELESS = auto()
    NUMBER_PLACES = auto()
    EDGES = auto()
    MARK_STATES = auto()


class Status(IntEnum):
    """Why the compiled code came back."""

    DONE = 0
    PAUSED = auto()
    TABLE_FULL = auto()
    OUT_OF_MEMORY = auto()
    VIOLATION = auto()
    STATES_LIMIT = auto()
