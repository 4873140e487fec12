"""The edges of the state graph, compiled: see `state_graph`."""

from __future__ import annotations

from fencepost.kernel.control import LANES
from fencepost.kernel.raw_memory import (
    call_expand,
    call_inspect,
    load8,
    load32,
    load64,
    shift_right,
    store8,
    store32,
    store64,
)
from fencepost.kernel.slots import (
    ASKED,
    ASKED_COUNT,
    BARRIERS,
    COUNT,
    COVERAGE,
    CURSOR,
    DONE,
    EDGE_COUNT,
    EDGE_STARTS,
    EDGE_STEPS,
    EDGE_TARGETS,
    ENDED,
    EXPAND,
    FIRED_HERE,
    INSPECT,
    MARKED,
    MARKS,
    NUMBER_AT_PLACE,
    OUT,
    OUT_LANES,
    PAUSED,
    QUOTA,
    STATES,
    STEPS,
    STRIDE,
    TABLE,
    TABLE_BITS,
    WANTED,
    WORDS,
)
from fencepost.kernel.table import (
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
def place_of(c: int, address: int, stride: int, mixed: int) -> int:
    """The place in the table of a state of one or two words."""
    table, bits = load64(c, TABLE), load64(c, TABLE_BITS)
    end = table + (8 << bits)
    line = line_of(mixed, table, bits)
    one = load64(address, 0)
    if load64(c, WORDS) == 1:
        return place_of_word(one, line, table, end)
    return place_of_pair(one, load64(address, stride), line, table, end)


@inlined
def number_of(c: int, address: int, stride: int) -> int:
    """The number of a state that was found."""
    words = load64(c, WORDS)
    mixed = hash_of(address, stride, words)
    if words <= 2:
        return load32(load64(c, NUMBER_AT_PLACE), place_of(c, address, stride, mixed))
    table, bits = load64(c, TABLE), load64(c, TABLE_BITS)
    end = table + (8 << bits)
    line, print_of = line_of(mixed, table, bits), fingerprint_of(mixed)
    return find_long(address, stride, words, print_of, line, table, end, load64(c, STATES))


@inlined
def number_places(c: int) -> None:
    """Note for every place of the table the number of the state that lies there."""
    words, states = load64(c, WORDS), load64(c, STATES)
    if words > 2:
        return
    for number in range(load64(c, COUNT)):
        address = states + number * words * 8
        place = place_of(c, address, 1, hash_of(address, 1, words))
        store32(load64(c, NUMBER_AT_PLACE), place, number)


@inlined
def edges(c: int) -> int:
    """Note the edges of the next states, in order of their steps, and whether nothing follows."""
    words, stride, states = load64(c, WORDS), load64(c, STRIDE), load64(c, STATES)
    out, fired, steps = load64(c, OUT), load64(c, FIRED_HERE), load64(c, STEPS)
    starts, targets = load64(c, EDGE_STARTS), load64(c, EDGE_TARGETS)
    labels, ended = load64(c, EDGE_STEPS), load64(c, ENDED)
    count, cursor, filled = load64(c, COUNT), load64(c, CURSOR), load64(c, EDGE_COUNT)
    stop = min(count, cursor + load64(c, QUOTA))
    while cursor < stop:
        store64(starts, cursor, filled)
        for step in range(steps):
            store8(fired, step, 0)
        result = call_expand(
            load64(c, EXPAND),
            states + cursor * words * 8,
            1,
            load64(c, BARRIERS),
            out,
            stride,
            load64(c, OUT_LANES),
            load64(c, COVERAGE),
            fired,
        )
        goes_on = (shift_right(result, 32) & 255) | (shift_right(result, 40) & 255)
        store8(ended, cursor, 1 if goes_on == 0 else 0)
        found = result & LOW_HALF
        n = step = 0
        while n < found:
            if load8(fired, step) != 0:
                store32(targets, filled, number_of(c, out + n * 8, stride))
                store32(labels, filled, step)
                filled += 1
                n += 1
            step += 1
        cursor += 1
    store64(starts, cursor, filled)
    store64(c, CURSOR, cursor)
    store64(c, EDGE_COUNT, filled)
    return DONE if cursor >= count else PAUSED


@inlined
def mark(c: int, into: int) -> None:
    """Note for every state which of the conditions asked for it meets, one bit each."""
    words, states, marks = load64(c, WORDS), load64(c, STATES), load64(c, MARKS)
    asked, asked_count = load64(c, ASKED), load64(c, ASKED_COUNT)
    count = load64(c, COUNT)
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
            store8(into, group + lane, met)


@inlined
def mark_states(c: int) -> None:
    """The command: see which states meet the watches that are asked for."""
    mark(c, load64(c, MARKED))
