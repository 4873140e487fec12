"""The search loop, compiled by numba once and for all systems.

States are numbered in the order of discovery and expanded in that order. A batch of states of one
level is expanded first, which asks for the cache lines of all its successors, and its successors
are looked up and inserted after that.
"""

from __future__ import annotations

from fencepost.kernel.control import BATCH, LANES
from fencepost.kernel.edges import edges, mark_states, number_places
from fencepost.kernel.raw_memory import (
    call_expand,
    call_inspect,
    load8,
    load64,
    lowest_bit,
    places_like,
    prefetch,
    shift_right,
    store8,
    store32,
    store64,
)
from fencepost.kernel.slots import (
    BAD,
    BARRIERS,
    CAPACITY,
    COUNT,
    COVERAGE,
    DONE,
    DOUBLE,
    EDGES,
    EXPAND,
    EXPANDED,
    FAULT_COUNT,
    FAULT_GROUP,
    FIRED,
    FIRST_HOPELESS,
    INSPECT,
    LEVEL,
    LEVEL_END,
    LINES,
    MARK_GOALS,
    MARK_STATES,
    MARKS,
    MET,
    MOST_STATES,
    NUMBER_PLACES,
    OUT,
    OUT_LANES,
    OUT_OF_MEMORY,
    PARENTS,
    PAUSED,
    QUOTA,
    REHASH,
    SEARCH,
    STATES,
    STATES_LIMIT,
    STOP_AT_VIOLATION,
    STRIDE,
    STUCK,
    SWEEP,
    TABLE,
    TABLE_BITS,
    TABLE_FULL,
    TABLE_LIMIT,
    TRANSITIONS,
    VIOLATED,
    VIOLATION,
    WANT_FAULT,
    WANT_STUCK,
    WANTED,
    WATCHES,
    WORDS,
)
from fencepost.kernel.sweeps import first_hopeless, mark_goals, sweep
from fencepost.kernel.table import (
    AHEAD,
    HIGH_HALF,
    LOW_HALF,
    find_long,
    fingerprint_of,
    hash_of,
    inlined,
    insert_pair,
    insert_word,
    line_of,
    put_pair,
    put_word,
)


@inlined
def note_marks(c: int, group: int) -> None:
    """Note for every wanted condition that holds in this group the first state where it does."""
    marks, wanted = load64(c, MARKS), load64(c, WANTED)
    for watch in range(load64(c, WATCHES)):
        mark = load8(marks, watch) & load8(wanted, watch)
        if mark != 0:
            store8(wanted, watch, 0)
            store64(load64(c, MET), watch, group + lowest_bit(mark))
            if load8(load64(c, BAD), watch) != 0:
                store64(c, VIOLATED, 1)


@inlined
def note_lanes(c: int, group: int, live: int, result: int) -> None:
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


@inlined
def expand_group(c: int, group: int, live: int, found: int) -> int:
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


@inlined
def search(c: int) -> int:
    """The command: expand states in batches until the quota, a limit or the end."""
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
            elif words == 2:
                for n in range(found, after):
                    line = line_of(hash_of(out + n * 8, stride, 2), table, bits)
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
        if words > 2:
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
            elif words == 2:
                while n < after:
                    one, other = load64(out, n), load64(out, stride + n)
                    if insert_pair(one, other, load64(lines, n), table, end) >= 0:
                        store64(states, 2 * count, one)
                        store64(states, 2 * count + 1, other)
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


@inlined
def insert_all(c: int, first: int) -> None:
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
        elif words == 2:
            insert_pair(load64(address, 0), load64(address, 1), line, table, end)
        else:
            print_of = fingerprint_of(mixed)
            place = find_long(address, 1, words, print_of, line, table, end, states)
            if place < 0:
                store64(-1 - place, 0, print_of | (n + 1))


@inlined
def double(c: int) -> None:
    """Spread the lower half of a table of whole states over all of it.

    A line's entries belong to the two lines at twice its position, or right behind those. Lines are
    taken from the last to the first, so what is written lies where all was moved away, and both
    reading and writing go through the memory in order. Entries that lie so far behind their line
    that this does not hold wait in `OUT`; should they be too many, all states are put in anew.
    """
    words, table, bits = load64(c, WORDS), load64(c, TABLE), load64(c, TABLE_BITS)
    end, entry, waiting = table + (8 << bits), load64(c, LINES), load64(c, OUT)
    stride, late = load64(c, STRIDE), 0
    lines = 1 << (bits - 4)
    for back in range(lines):
        line = table + ((lines - 1 - back) << 6)
        for word in range(8):
            store64(entry, word, load64(line, word))
            store64(line, word, 0)
        for word in range(0, 8, words):
            one = load64(entry, word)
            if one == 0:
                continue
            other = load64(entry, word + 1) if words == 2 else 0
            home = line_of(hash_of(entry + word * 8, 1, words), table, bits)
            if home >= line:
                if words == 1:
                    put_word(one, home, table, end)
                else:
                    put_pair(one, other, home, table, end)
                continue
            if late < stride:
                for part in range(words):
                    store64(waiting, late * words + part, load64(entry, word + part))
            late += 1
    if late > stride:
        for word in range(1 << bits):
            store64(table, word, 0)
        insert_all(c, 0)
        return
    for n in range(late):
        address = waiting + n * words * 8
        line = line_of(hash_of(address, 1, words), table, bits)
        if words == 1:
            put_word(load64(address, 0), line, table, end)
        else:
            put_pair(load64(address, 0), load64(address, 1), line, table, end)


def run(c: int) -> int:
    """Do what the control block at address `c` asks for, and say how it ended."""
    command = load64(c, 0)
    if command == SEARCH:
        return search(c)
    if command == REHASH:
        insert_all(c, 0)
    elif command == DOUBLE:
        double(c)
    elif command == MARK_GOALS:
        mark_goals(c)
    elif command == SWEEP:
        return sweep(c)
    elif command == FIRST_HOPELESS:
        first_hopeless(c)
    elif command == NUMBER_PLACES:
        number_places(c)
    elif command == EDGES:
        return edges(c)
    elif command == MARK_STATES:
        mark_states(c)
    return DONE
