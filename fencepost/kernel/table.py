"""The visited set: an open-addressing table of cache lines of eight entries.

For states of one word an entry is the state itself; for two words it is two entries' space with
the state in it. For longer ones it is a fingerprint over the number of the state plus one, and the
state is compared in full.
"""

from __future__ import annotations

from numba import njit

from fencepost.kernel.raw_memory import (
    load64,
    lowest_bit,
    places_like,
    places_of,
    places_of_pair,
    shift_right,
    store64,
)

MIX_ONE = -7046029254386353131  # odd, its bits look random (2**64 over the golden ratio)
MIX_TWO = -4417276706812531889
AHEAD = 12  # how many cache lines are asked for before they are needed
LOW_HALF = 0xFFFFFFFF
HIGH_HALF = -(1 << 32)
EVEN = 0x55  # where states of two words begin in a line; their first word is never 0

inlined = njit(inline="never", error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""How every part of the loop is compiled: LLVM decides what is inlined."""


@inlined
def hash_of(address: int, stride: int, words: int) -> int:
    """A number whose high bits depend on every bit of a state."""
    mixed = load64(address, 0) * MIX_ONE
    for word in range(1, words):
        mixed = (mixed ^ shift_right(mixed, 29)) + load64(address, word * stride)
        mixed = mixed * MIX_TWO
    return (mixed ^ shift_right(mixed, 32)) * MIX_TWO


@inlined
def line_of(mixed: int, table: int, bits: int) -> int:
    """The cache line where a state with this hash belongs: 2**bits entries in lines of eight."""
    return table + (shift_right(mixed, 64 - bits) >> 3 << 6)


@inlined
def fingerprint_of(mixed: int) -> int:
    """The upper half of an entry; its lowest bit is set, so no entry is 0."""
    return (mixed << 32) | (1 << 32)


@inlined
def insert_word(key: int, line: int, table: int, end: int) -> int:
    """Put a state of one word into the table: the place it got, or -1 if it was there."""
    while True:
        if places_of(line, key) != 0:
            return -1
        free = places_of(line, 0)
        if free != 0:
            place = line + (lowest_bit(free) << 3)
            store64(place, 0, key)
            return place
        line += 64
        if line == end:
            line = table


@inlined
def insert_pair(one: int, other: int, line: int, table: int, end: int) -> int:
    """Put a state of two words into the table: the place it got, or -1 if it was there."""
    while True:
        if places_of_pair(line, one, other) != 0:
            return -1
        free = places_of(line, 0) & EVEN
        if free != 0:
            place = line + (lowest_bit(free) << 3)
            store64(place, 0, one)
            store64(place, 1, other)
            return place
        line += 64
        if line == end:
            line = table


@inlined
def put_word(key: int, line: int, table: int, end: int) -> None:
    """Put a state of one word, known to be missing, into the table."""
    while True:
        free = places_of(line, 0)
        if free != 0:
            store64(line + (lowest_bit(free) << 3), 0, key)
            return
        line += 64
        if line == end:
            line = table


@inlined
def put_pair(one: int, other: int, line: int, table: int, end: int) -> None:
    """Put a state of two words, known to be missing, into the table."""
    while True:
        free = places_of(line, 0) & EVEN
        if free != 0:
            place = line + (lowest_bit(free) << 3)
            store64(place, 0, one)
            store64(place, 1, other)
            return
        line += 64
        if line == end:
            line = table


@inlined
def same_words(one: int, stride: int, other: int, words: int) -> bool:
    """Whether a state in a batch, whose words lie a stride apart, is one that is stored."""
    for word in range(words):
        if load64(one, word * stride) != load64(other, word):
            return False
    return True


@inlined
def find_long(
    address: int,
    stride: int,
    words: int,
    fingerprint: int,
    line: int,
    table: int,
    end: int,
    states: int,
) -> int:
    """Where a state of several words is, or belongs: its number, or -1 minus a free place."""
    while True:
        alike = places_like(line, fingerprint, HIGH_HALF)
        while alike != 0:
            number = (load64(line, lowest_bit(alike)) & LOW_HALF) - 1
            if same_words(address, stride, states + number * words * 8, words):
                return number
            alike &= alike - 1
        free = places_of(line, 0)
        if free != 0:
            return -1 - (line + (lowest_bit(free) << 3))
        line += 64
        if line == end:
            line = table


@inlined
def place_of_word(key: int, line: int, table: int, end: int) -> int:
    """The position in the table of a state of one word that is there."""
    while True:
        places = places_of(line, key)
        if places != 0:
            return ((line - table) >> 3) + lowest_bit(places)
        line += 64
        if line == end:
            line = table


@inlined
def place_of_pair(one: int, other: int, line: int, table: int, end: int) -> int:
    """The position in the table of a state of two words that is there."""
    while True:
        places = places_of_pair(line, one, other)
        if places != 0:
            return ((line - table) >> 4) + (lowest_bit(places) >> 1)
        line += 64
        if line == end:
            line = table
