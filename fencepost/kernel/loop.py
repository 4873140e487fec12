"""The search loop, compiled by numba once and for all systems.

The visited set is an open-addressing table of cache lines of eight entries. For states of one
word an entry is the state itself; for longer ones it is a fingerprint over the number of the
state plus one, and the state is compared in full. States are numbered in the order of discovery
and expanded in that order. A batch of states of one level is expanded first, which asks for the
cache lines of all its successors, and its successors are looked up and inserted after that.
"""

from __future__ import annotations

from numba import njit

from fencepost.kernel.control import BATCH, LANES, Command, Slot, Status
from fencepost.kernel.raw_memory import (
    call_expand,
    call_inspect,
    load8,
    load32,
    load64,
    lowest_bit,
    places_like,
    places_of,
    prefetch,
    shift_right,
    store8,
    store32,
    store64,
)

MIX_ONE = -7046029254386353131  # odd, its bits look random (2**64 over the golden ratio)
MIX_TWO = -4417276706812531889
AHEAD = 12  # how many cache lines are asked for before they are needed
LOW_HALF = 0xFFFFFFFF
HIGH_HALF = -(1 << 32)

(
    EXPAND, INSPECT, BARRIERS, WORDS, WATCHES, STATES, PARENTS, TABLE, OUT, OUT_LANES, LINES,
    COVERAGE, FIRED, MARKS, WANTED, BAD, MET, CAPACITY, TABLE_BITS, TABLE_LIMIT, STRIDE, COUNT,
    EXPANDED, TRANSITIONS, LEVEL_END, LEVEL, QUOTA, VIOLATED, STOP_AT_VIOLATION, MOST_STATES,
    FAULT_GROUP, FAULT_COUNT, STUCK, WANT_FAULT, WANT_STUCK, HOPE, HOPE_AT_PLACE, ASKED,
    ASKED_COUNT, HOPELESS, CURSOR, DOWNWARDS, CHANGED, GATHERED,
    INITIAL,
) = (int(slot) for slot in list(Slot)[1:])  # fmt: skip

SEARCH, REHASH, MARK_GOALS, SWEEP, FIRST_HOPELESS = (int(c) for c in Command)
DONE, PAUSED, TABLE_FULL, OUT_OF_MEMORY, VIOLATION, STATES_LIMIT = (int(s) for s in Status)

_inlined = njit(inline="never", error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


@_inlined
def hash_of(address, stride, words):
    """A number whose high bits depend on every bit of a state."""
    mixed = load64(address, 0) * MIX_ONE
    for word in range(1, words):
        mixed = (mixed ^ shift_right(mixed, 29)) + load64(address, word * stride)
        mixed = mixed * MIX_TWO
    return (mixed ^ shift_right(mixed, 32)) * MIX_TWO


@_inlined
def line_of(mixed, table, bits):
    """The cache line where a state with this hash belongs: 2**bits entries in lines of eight."""
    return table + (shift_right(mixed, 64 - bits) >> 3 << 6)


@_inlined
def fingerprint_of(mixed):
    """The upper half of an entry; its lowest bit is set, so no entry is 0."""
    return (mixed << 32) | (1 << 32)


@_inlined
def insert_word(key, line, table, end):
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


@_inlined
def same_words(one, stride, other, words):
    for word in range(words):
        if load64(one, word * stride) != load64(other, word):
            return False
    return True


@_inlined
def find_long(address, stride, words, fingerprint, line, table, end, states):
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


@_inlined
def note_marks(c, group):
    """Note for every wanted condition that holds in this group the first state where it does."""
    marks, wanted = load64(c, MARKS), load64(c, WANTED)
    for watch in range(load64(c, WATCHES)):
        mark = load8(marks, watch) & load8(wanted, watch)
        if mark != 0:
            store8(wanted, watch, 0)
            store64(load64(c, MET), watch, group + lowest_bit(mark))
            if load8(load64(c, BAD), watch) != 0:
                store64(c, VIOLATED, 1)


@_inlined
def note_lanes(c, group, live, result):
    """Note the first group with a fault and the first stuck state."""
    if (shift_right(result, 40) & 255) != 0 and load64(c, FAULT_GROUP) < 0:
        store64(c, FAULT_GROUP, group)
        store64(c, FAULT_COUNT, live)
        if load64(c, WANT_FAULT) != 0:
            store64(c, VIOLATED, 1)
    idle = ((1 << live) - 1) & ~(shift_right(result, 32) & 255) & ~load8(load64(c, MARKS), 0)
    if idle != 0 and load64(c, STUCK) < 0:
        store64(c, STUCK, group + lowest_bit(idle))
        if load64(c, WANT_STUCK) != 0:
            store64(c, VIOLATED, 1)


@_inlined
def expand_group(c, group, live, found):
    """Check a group, write its successors after the `found` there are, return what expand says."""
    words, states = load64(c, WORDS), load64(c, STATES)
    address = states + group * words * 8
    met = call_inspect(
        load64(c, INSPECT), address, live, load64(c, BARRIERS), load64(c, MARKS), load64(c, WANTED)
    )
    result = call_expand(
        load64(c, EXPAND),
        address,
        live,
        load64(c, BARRIERS),
        load64(c, OUT) + found * 8,
        load64(c, STRIDE),
        load64(c, OUT_LANES) + found,
        load64(c, COVERAGE),
        load64(c, FIRED),
    )
    if met != 0:
        note_marks(c, group)
    lanes = (1 << live) - 1
    if (shift_right(result, 32) & 255) != lanes or (shift_right(result, 40) & 255) != 0:
        note_lanes(c, group, live, result)
    return result


@_inlined
def search(c):
    words, stride = load64(c, WORDS), load64(c, STRIDE)
    states, parents, table = load64(c, STATES), load64(c, PARENTS), load64(c, TABLE)
    out, out_lanes, lines = load64(c, OUT), load64(c, OUT_LANES), load64(c, LINES)
    bits = load64(c, TABLE_BITS)
    end = table + (8 << bits)
    count, expanded = load64(c, COUNT), load64(c, EXPANDED)
    level_end, transitions = load64(c, LEVEL_END), load64(c, TRANSITIONS)
    level = load64(c, LEVEL)
    capacity, table_limit = load64(c, CAPACITY), load64(c, TABLE_LIMIT)
    pause_at = expanded + load64(c, QUOTA)
    status = DONE
    while expanded < count:
        if count > table_limit:
            status = TABLE_FULL
            break
        if count > capacity:
            status = OUT_OF_MEMORY
            break
        if expanded >= pause_at:
            status = PAUSED
            break
        start = expanded
        stop = min(start + BATCH, level_end)
        found = 0
        group = start
        while group < stop:
            live = min(LANES, stop - group)
            result = expand_group(c, group, live, found)
            after = found + (result & LOW_HALF)
            if words == 1:
                for n in range(found, after):
                    line = line_of(hash_of(out + n * 8, 1, 1), table, bits)
                    prefetch(line)
                    store64(lines, n, line)
            else:
                for n in range(found, after):
                    mixed = hash_of(out + n * 8, stride, words)
                    prefetch(line_of(mixed, table, bits))
                    store64(lines, n, mixed)
            store64(lines, stride + ((group - start) >> 3), after)
            found = after
            group += LANES
        if words > 1:
            for n in range(found):
                mixed = load64(lines, n)
                line = line_of(mixed, table, bits)
                alike = places_like(line, fingerprint_of(mixed), HIGH_HALF)
                if alike != 0:
                    number = (load64(line, lowest_bit(alike)) & LOW_HALF) - 1
                    prefetch(states + number * words * 8)
        n = 0
        group = start
        while group < stop:
            after = load64(lines, stride + ((group - start) >> 3))
            if words == 1:
                while n < after:
                    key = load64(out, n)
                    if insert_word(key, load64(lines, n), table, end) >= 0:
                        store64(states, count, key)
                        store32(parents, count, group + load8(out_lanes, n))
                        count += 1
                    n += 1
            else:
                while n < after:
                    mixed = load64(lines, n)
                    print_of = fingerprint_of(mixed)
                    line = line_of(mixed, table, bits)
                    place = find_long(
                        out + n * 8, stride, words, print_of, line, table, end, states
                    )
                    if place < 0:
                        store64(-1 - place, 0, print_of | (count + 1))
                        for word in range(words):
                            store64(states, count * words + word, load64(out, word * stride + n))
                        store32(parents, count, group + load8(out_lanes, n))
                        count += 1
                    n += 1
            group += LANES
        transitions += found
        expanded = stop
        if expanded == level_end:
            level += 1
            level_end = count
        if expanded < count:
            if load64(c, VIOLATED) != 0 and load64(c, STOP_AT_VIOLATION) != 0:
                status = VIOLATION
                break
            if count >= load64(c, MOST_STATES):
                status = STATES_LIMIT
                break
    store64(c, COUNT, count)
    store64(c, EXPANDED, expanded)
    store64(c, TRANSITIONS, transitions)
    store64(c, LEVEL_END, level_end)
    store64(c, LEVEL, level)
    return status


@_inlined
def insert_all(c, first):
    """Put the states from `first` on into the table, and keep those that are new."""
    words = load64(c, WORDS)
    states, table, bits = load64(c, STATES), load64(c, TABLE), load64(c, TABLE_BITS)
    end = table + (8 << bits)
    count = load64(c, COUNT)
    for n in range(first, count):
        address = states + n * words * 8
        if n + AHEAD < count:
            prefetch(line_of(hash_of(address + AHEAD * words * 8, 1, words), table, bits))
        mixed = hash_of(address, 1, words)
        line = line_of(mixed, table, bits)
        if words == 1:
            insert_word(load64(address, 0), line, table, end)
        else:
            print_of = fingerprint_of(mixed)
            place = find_long(address, 1, words, print_of, line, table, end, states)
            if place < 0:
                store64(-1 - place, 0, print_of | (n + 1))


@_inlined
def place_of_word(key, line, table, end):
    """The position in the table of a state of one word that is there."""
    while True:
        places = places_of(line, key)
        if places != 0:
            return ((line - table) >> 3) + lowest_bit(places)
        line += 64
        if line == end:
            line = table


@_inlined
def hope_of(c, address, stride, mixed):
    """Where the hope of a state is noted: by its place, or for several words by its number."""
    words = load64(c, WORDS)
    table, bits = load64(c, TABLE), load64(c, TABLE_BITS)
    end = table + (8 << bits)
    line = line_of(mixed, table, bits)
    if words > 1:
        print_of = fingerprint_of(mixed)
        states = load64(c, STATES)
        number = find_long(address, stride, words, print_of, line, table, end, states)
        return load64(c, HOPE) + number
    return load64(c, HOPE_AT_PLACE) + place_of_word(load64(address, 0), line, table, end)


@_inlined
def mark_goals(c):
    """Note for every state which of the conditions asked for it meets, one bit each."""
    words, states = load64(c, WORDS), load64(c, STATES)
    count, marks, hope = load64(c, COUNT), load64(c, MARKS), load64(c, HOPE)
    asked, asked_count = load64(c, ASKED), load64(c, ASKED_COUNT)
    for group in range(0, count, LANES):
        live = min(LANES, count - group)
        call_inspect(
            load64(c, INSPECT),
            states + group * words * 8,
            live,
            load64(c, BARRIERS),
            marks,
            load64(c, WANTED),
        )
        for lane in range(live):
            met = 0
            for bit in range(asked_count):
                met |= ((load8(marks, load64(asked, bit)) >> lane) & 1) << bit
            store8(hope, group + lane, met)
    parents = load64(c, PARENTS)
    for back in range(count - load64(c, INITIAL)):
        number = count - 1 - back
        parent = load32(parents, number)
        store8(hope, parent, load8(hope, parent) | load8(hope, number))
    if words == 1:
        for number in range(count):
            address = states + number * 8
            if number + AHEAD < count:
                mixed = hash_of(address + AHEAD * 8, 1, 1)
                prefetch(line_of(mixed, load64(c, TABLE), load64(c, TABLE_BITS)))
            store8(hope_of(c, address, 1, hash_of(address, 1, 1)), 0, load8(hope, number))


@_inlined
def sweep(c):
    """Pass hope on from successors to the states that lack some, from either end."""
    words, stride, states = load64(c, WORDS), load64(c, STRIDE), load64(c, STATES)
    out, out_lanes, lines = load64(c, OUT), load64(c, OUT_LANES), load64(c, LINES)
    count, hope, gathered = load64(c, COUNT), load64(c, HOPE), load64(c, GATHERED)
    table, bits = load64(c, TABLE), load64(c, TABLE_BITS)
    numbers = gathered + words * LANES * 8
    full = (1 << load64(c, ASKED_COUNT)) - 1
    cursor, left = load64(c, CURSOR), load64(c, QUOTA)
    while cursor < count and left > 0:
        live = 0
        while cursor < count and live < LANES:
            number = count - 1 - cursor if load64(c, DOWNWARDS) != 0 else cursor
            cursor += 1
            if load8(hope, number) != full:
                store64(numbers, live, number)
                for word in range(words):
                    store64(gathered, live * words + word, load64(states, number * words + word))
                live += 1
        left -= 1
        found = (
            call_expand(
                load64(c, EXPAND),
                gathered,
                live,
                load64(c, BARRIERS),
                out,
                stride,
                out_lanes,
                load64(c, COVERAGE),
                load64(c, FIRED),
            )
            & LOW_HALF
        )
        for ahead in range(found + AHEAD):
            if ahead < found and load8(hope, load64(numbers, load8(out_lanes, ahead))) != full:
                mixed = hash_of(out + ahead * 8, stride, words)
                prefetch(line_of(mixed, table, bits))
                store64(lines, ahead, mixed)
            n = ahead - AHEAD
            if n < 0:
                continue
            state = load64(numbers, load8(out_lanes, n))
            before = load8(hope, state)
            if before == full:
                continue
            after = before | load8(hope_of(c, out + n * 8, stride, load64(lines, n)), 0)
            if after != before:
                store8(hope, state, after)
                if words == 1:
                    address = states + state * 8
                    store8(hope_of(c, address, 1, hash_of(address, 1, 1)), 0, after)
                store64(c, CHANGED, 1)
    store64(c, CURSOR, cursor)
    return DONE if cursor >= count else PAUSED


@_inlined
def first_hopeless(c):
    """Note for each condition asked for the first state that never meets it again, or -1."""
    count, hope = load64(c, COUNT), load64(c, HOPE)
    for bit in range(load64(c, ASKED_COUNT)):
        first = 0
        while first < count and (load8(hope, first) >> bit) & 1 != 0:
            first += 1
        store64(load64(c, HOPELESS), bit, -1 if first == count else first)


def run(c):
    """Do what the control block at address `c` asks for, and say how it ended."""
    command = load64(c, 0)
    if command == SEARCH:
        return search(c)
    if command == REHASH:
        insert_all(c, 0)
    elif command == MARK_GOALS:
        mark_goals(c)
    elif command == SWEEP:
        return sweep(c)
    elif command == FIRST_HOPELESS:
        first_hopeless(c)
    return DONE
