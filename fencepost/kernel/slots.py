"""The names of `control` as plain integers, which is what the compiled loop understands."""

from __future__ import annotations

from fencepost.kernel.control import Command, Slot, Status

(
    EXPAND, INSPECT, BARRIERS, WORDS, WATCHES, STATES, PARENTS, TABLE, OUT, OUT_LANES, LINES,
    COVERAGE, FIRED, MARKS, WANTED, BAD, MET, CAPACITY, TABLE_BITS, TABLE_LIMIT, STRIDE, COUNT,
    EXPANDED, TRANSITIONS, LEVEL_END, LEVEL, QUOTA, VIOLATED, STOP_AT_VIOLATION, MOST_STATES,
    FAULT_GROUP, FAULT_COUNT, STUCK, WANT_FAULT, WANT_STUCK, HOPE, HOPE_AT_PLACE, ASKED,
    ASKED_COUNT, HOPELESS, CURSOR, DOWNWARDS, CHANGED, GATHERED,
    INITIAL,
) = (int(slot) for slot in list(Slot)[1:])  # fmt: skip

SEARCH, REHASH, DOUBLE, MARK_GOALS, SWEEP, FIRST_HOPELESS = (int(c) for c in Command)
DONE, PAUSED, TABLE_FULL, OUT_OF_MEMORY, VIOLATION, STATES_LIMIT = (int(s) for s in Status)
