"""How a state lies in memory: each cell as `value - low` in a few bits of a 64-bit word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fencepost.core.errors import InputError
from fencepost.core.system import Field, State, System

WORD_BITS = 64
MOST_WORDS = 64
MOST_BARRIERS = 64
PRESENT = 1 << 63
"""Bit 63 of the first word is always set, so that no packed state looks like an empty slot."""


Words = tuple[int, ...]
"""A state as it is packed, in unsigned integers: equal states have equal words."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one cell lies; `width` is 0 for a cell that has a single value."""

    word: int
    shift: int
    width: int
    low: int


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring cells of one field in one word, at a distance of the field's width."""

    word: int
    shift: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """The cells of a field, as runs in the order of its cells."""

    width: int
    low: int
    runs: tuple[Run, ...]

    def place(self, cell: int) -> Place:
        for run in self.runs:
            if cell < run.first + run.count:
                shift = run.shift + (cell - run.first) * self.width
                return Place(run.word, shift, self.width, self.low)
        raise IndexError(cell)


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a system's states in `words` words."""

    words: int
    fields: dict[str, FieldLayout]
    places: tuple[Place, ...]
    """For every cell of a state, in order."""

    def pack(self, state: State) -> Words:
        """The words of a state, as unsigned integers."""
        words = [0] * self.words
        words[0] = PRESENT
        for value, place in zip(state, self.places, strict=True):
            words[place.word] |= (value - place.low) << place.shift
        return tuple(words)

    def unpack(self, words: Words) -> State:
        """The state of some words (unsigned or signed)."""
        return tuple((words[p.word] >> p.shift & ((1 << p.width) - 1)) + p.low for p in self.places)

    def columns(self, words: Any) -> Any:
        """Many states, a row of words each, as an array with a row for each cell and a column for
        each state."""
        import numpy as np

        cells = np.empty((len(self.places), len(words)), dtype=np.int64)
        for number, place in enumerate(self.places):
            mask = np.uint64((1 << place.width) - 1)
            cells[number] = (words[:, place.word] >> np.uint64(place.shift)) & mask
            cells[number] += place.low
        return cells


def lay_out(system: System) -> Layout:
    """Fields go, whole where they can, into the first word with room; no cell straddles two."""
    used = [1]  # the bit that marks a state as present
    fields: dict[str, FieldLayout] = {}
    for declared in system.fields:
        fields[declared.name] = _place_field(declared, used)
    if len(system.barriers) > MOST_BARRIERS:
        raise InputError(
            "F65",
            f"{system.name} has {len(system.barriers)} barriers",
            why=f"one word says which are on, so there are at most {MOST_BARRIERS}",
            write="fewer barriers: one for each piece of synchronisation",
            at=system.barriers[MOST_BARRIERS].location,
        )
    if len(used) > MOST_WORDS:
        raise InputError(
            "F67",
            f"a state of {system.name} takes {len(used)} words of 64 bits",
            why=f"a packed state has at most {MOST_WORDS} words",
            write="smaller parameters, or smaller domains",
        )
    # Bit 63 of word 0 is taken, though cells grow from bit 0: room is counted, not positions.
    places = tuple(fields[f.name].place(cell) for f in system.fields for cell in range(f.cells))
    return Layout(len(used), fields, places)


def _place_field(declared: Field, used: list[int]) -> FieldLayout:
    width = (declared.domain.size - 1).bit_length()
    low = declared.domain.low
    if width > WORD_BITS:
        raise InputError(
            "F68",
            f"a cell of {declared.name} takes {width} bits",
            why="a cell lies in one word of 64 bits",
            write="a smaller domain",
            at=declared.location,
        )
    if width == 0:
        return FieldLayout(0, low, (Run(0, 0, 0, declared.cells),))
    total = width * declared.cells
    for word, taken in enumerate(used):
        if taken + total <= WORD_BITS:
            run = Run(word, _free_shift(word, taken), 0, declared.cells)
            used[word] += total
            return FieldLayout(width, low, (run,))
    runs: list[Run] = []
    first, word = 0, len(used) - 1
    if total <= WORD_BITS:
        word = len(used)
    while first < declared.cells:
        if word == len(used):
            used.append(0)
        count = min((WORD_BITS - used[word]) // width, declared.cells - first)
        if count:
            runs.append(Run(word, _free_shift(word, used[word]), first, count))
            used[word] += count * width
            first += count
        word += 1
    return FieldLayout(width, low, tuple(runs))


def _free_shift(word: int, taken: int) -> int:
    """The lowest free bit of a word; the first word's marker counts as taken but lies on top."""
    return taken - 1 if word == 0 else taken
