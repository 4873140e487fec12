"""Looking back, compiled: goals are marked, and hope spreads from successors; see `backward`."""

from __future__ import annotations

from fencepost.kernel.control import LANES
from fencepost.kernel.edges import mark
from fencepost.kernel.raw_memory import (
    call_expand,
    load8,
    load32,
    load64,
    prefetch,
    store8,
    store64,
)
from fencepost.kernel.slots import (
    ASKED_COUNT,
    BARRIERS,
    CHANGED,
    COUNT,
    COVERAGE,
    CURSOR,
    DONE,
    DOWNWARDS,
    EXPAND,
    FIRED,
    GATHERED,
    HOPE,
    HOPE_AT_PLACE,
    HOPELESS,
    INITIAL,
    LINES,
    OUT,
    OUT_LANES,
    PARENTS,
    PAUSED,
    QUOTA,
    STATES,
    STRIDE,
    TABLE,
    TABLE_BITS,
    WORDS,
)
from fencepost.kernel.table import (
    AHEAD,
    LOW_HALF,
    find_long,
    fingerprint_of,
    hash_of,
    inlined,
    line_of,
    place_of_pair,
    place_of_word,
)


@inlined
def hope_of(c: int, address: int, stride: int, mixed: int) -> int:
    """Where the hope of a state is noted: by its place, or for long ones by its number."""
    words = load64(c, WORDS)
    table, bits = load64(c, TABLE), load64(c, TABLE_BITS)
    end = table + (8 << bits)
    line = line_of(mixed, table, bits)
    one = load64(address, 0)
    if words == 1:
        return load64(c, HOPE_AT_PLACE) + place_of_word(one, line, table, end)
    if words == 2:
        other = load64(address, stride)
        return load64(c, HOPE_AT_PLACE) + place_of_pair(one, other, line, table, end)
    print_of = fingerprint_of(mixed)
    states = load64(c, STATES)
    number = find_long(address, stride, words, print_of, line, table, end, states)
    return load64(c, HOPE) + number


@inlined
def ask_for_hope(c: int, mixed: int) -> None:
    """Ask for the cache lines that `hope_of` needs for a state with this hash."""
    words, table = load64(c, WORDS), load64(c, TABLE)
    line = line_of(mixed, table, load64(c, TABLE_BITS))
    prefetch(line)
    if words <= 2:
        prefetch(load64(c, HOPE_AT_PLACE) + ((line - table) >> (2 + words)))


@inlined
def note_at_place(c: int, number: int) -> None:
    """Note the hope of a state where a successor with its words would look for it."""
    words = load64(c, WORDS)
    address = load64(c, STATES) + number * words * 8
    noted = hope_of(c, address, 1, hash_of(address, 1, words))
    store8(noted, 0, load8(load64(c, HOPE), number))


@inlined
def mark_goals(c: int) -> None:
    """Note for every state which of the conditions asked for it meets, one bit each."""
    words, states = load64(c, WORDS), load64(c, STATES)
    count, hope = load64(c, COUNT), load64(c, HOPE)
    mark(c, hope)
    parents = load64(c, PARENTS)
    for back in range(count - load64(c, INITIAL)):
        number = count - 1 - back
        parent = load32(parents, number)
        store8(hope, parent, load8(hope, parent) | load8(hope, number))
    if words <= 2:
        for number in range(count):
            address = states + number * words * 8
            if number + AHEAD < count and load8(hope, number + AHEAD) != 0:
                ask_for_hope(c, hash_of(address + AHEAD * words * 8, 1, words))
            if load8(hope, number) != 0:
                note_at_place(c, number)


@inlined
def sweep(c: int) -> int:
    """Pass hope on from successors to the states that lack some, from either end.

    A parent gets what its child has at once, so that going down it need not be expanded.
    """
    initial, parents = load64(c, INITIAL), load64(c, PARENTS)
    words, stride, states = load64(c, WORDS), load64(c, STRIDE), load64(c, STATES)
    out, out_lanes, lines = load64(c, OUT), load64(c, OUT_LANES), load64(c, LINES)
    count, hope, gathered = load64(c, COUNT), load64(c, HOPE), load64(c, GATHERED)
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
                if words <= 2:
                    ask_for_hope(c, hash_of(states + number * words * 8, 1, words))
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
                ask_for_hope(c, mixed)
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
                if words <= 2:
                    note_at_place(c, state)
                store64(c, CHANGED, 1)
        for lane in range(live):
            state = load64(numbers, lane)
            if state >= initial:
                parent, gained = load32(parents, state), load8(hope, state)
                before = load8(hope, parent)
                if before | gained != before:
                    store8(hope, parent, before | gained)
                    if words <= 2:
                        note_at_place(c, parent)
                    store64(c, CHANGED, 1)
    store64(c, CURSOR, cursor)
    return DONE if cursor >= count else PAUSED


@inlined
def first_hopeless(c: int) -> None:
    """Note for each condition asked for the first state that never meets it again, or -1."""
    count, hope = load64(c, COUNT), load64(c, HOPE)
    for bit in range(load64(c, ASKED_COUNT)):
        first = 0
        while first < count and (load8(hope, first) >> bit) & 1 != 0:
            first += 1
        store64(load64(c, HOPELESS), bit, -1 if first == count else first)
