"""The state graph of a finished search, as arrays: what decisions about whole runs are made on."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fencepost.kernel.control import LANES, Command, Slot, Status
from fencepost.kernel.memory import Block
from fencepost.kernel.search import Search

STATES_AT_ONCE = 1 << 15
AT_ONCE = 8
"""How many conditions share one byte of a state."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class StateGraph:
    """The edges that leave state `n` are those from `starts[n]` to `starts[n + 1]`, with the state
    each leads to and the number of its step. `ended` says where nothing can happen, not even a
    fault. `depths` are the fewest steps from an initial state."""

    starts: Array
    targets: Array
    steps: Array
    ended: Array
    depths: Array

    @property
    def count(self) -> int:
        """How many states there are."""
        return len(self.ended)


def bytes_needed(search: Search) -> int:
    """The memory that the arrays take on top of the search."""
    states, edges = search[Slot.COUNT], search[Slot.TRANSITIONS]
    places = search.places(search[Slot.TABLE_BITS]) if search.words <= 2 else 0
    return 8 * edges + 4 * places + (8 + 1 + 4) * states


def state_graph(search: Search, check: Callable[[], None]) -> StateGraph:
    """The graph of a complete search; `check` is called every now and then."""
    states, edges = search[Slot.COUNT], search[Slot.TRANSITIONS]
    starts = np.zeros(states + 1, np.int64)
    targets, steps = np.zeros(edges, np.uint32), np.zeros(edges, np.uint32)
    ended = np.zeros(states, np.uint8)
    fired = (ctypes.c_uint8 * (len(search.system.steps) + LANES))()
    places = search.places(search[Slot.TABLE_BITS]) if search.words <= 2 else 1
    numbers = Block(4 * places)
    search[Slot.EDGE_STARTS], search[Slot.EDGE_TARGETS] = starts.ctypes.data, targets.ctypes.data
    search[Slot.EDGE_STEPS], search[Slot.ENDED] = steps.ctypes.data, ended.ctypes.data
    search[Slot.FIRED_HERE], search[Slot.STEPS] = ctypes.addressof(fired), len(search.system.steps)
    search[Slot.NUMBER_AT_PLACE] = numbers.address
    search[Slot.CURSOR] = search[Slot.EDGE_COUNT] = 0
    try:
        search.command(Command.NUMBER_PLACES)
        status = Status.PAUSED
        while status == Status.PAUSED:
            check()
            search[Slot.QUOTA] = STATES_AT_ONCE
            status = search.command(Command.EDGES)
    finally:
        numbers.free()
    return StateGraph(starts, targets, steps, ended.astype(bool), _depths(search))


def _depths(search: Search) -> Array:
    """How far each state is from the start; parents come before their children."""
    count = search[Slot.COUNT]
    held = (ctypes.c_uint32 * count).from_address(search.parents.address)
    parents: Array = np.ctypeslib.as_array(held).astype(np.int64)
    depths = np.zeros(count, np.int32)
    end, level = search.initial, 0
    while end < count:
        # The next level is those whose parents lie before its beginning.
        beyond = parents[end:] >= end
        following = int(beyond.argmax()) if beyond.any() else count - end
        level += 1
        depths[end : end + following] = level
        end += following
    return depths


def met(search: Search, watches: Sequence[int]) -> list[Array]:
    """For each watch, in which states it is met."""
    found: list[Array] = []
    for start in range(0, len(watches), AT_ONCE):
        some = watches[start : start + AT_ONCE]
        asked = (ctypes.c_int64 * AT_ONCE)(*some)
        marked = np.zeros(search[Slot.COUNT] + LANES, np.uint8)
        search[Slot.ASKED], search[Slot.ASKED_COUNT] = ctypes.addressof(asked), len(some)
        search[Slot.MARKED] = marked.ctypes.data
        search.command(Command.MARK_STATES)
        bits = marked[: search[Slot.COUNT]]
        found += [(bits >> bit & 1).astype(bool) for bit in range(len(some))]
    return found
