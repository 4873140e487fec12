"""Random walks, compiled by numba once and for all systems.

Eight walks go on at once, one in each lane of the generated code. What a walk does depends on the
seed and on its own number alone, so it can be performed again without the others.
"""

from __future__ import annotations

from numba import njit

from fencepost.kernel.control import LANES
from fencepost.kernel.randomness import FIRST, GAMMA, SECOND
from fencepost.kernel.raw_memory import (
    call_expand,
    call_inspect,
    load8,
    load64,
    lowest_bit,
    shift_right,
    store8,
    store64,
)
from fencepost.kernel.walk_control import DEVIATES_BITS, IDLE, ORDER, WalkSlot

(
    EXPAND, INSPECT, BARRIERS, WORDS, WATCHES, STEPS, STRIDE, STATES, OUT, OUT_LANES, COVERAGE,
    FIRED, EVER_FIRED, MARKS, WANTED, STARTS, LANE_WALK, LANE_AT, LANE_SEED, COUNTS, CHOSEN,
    MET_WALK, MET_AT, SEED, START_COUNT, LENGTH, WALKS, WANT_FAULT, WANT_STUCK, QUOTA, NEXT, TAKEN,
    MET,
) = (int(slot) for slot in WalkSlot)  # fmt: skip


def signed(number: int) -> int:
    """The 64 bits of a number as the compiled code has them."""
    return number - (1 << 64) if number >> 63 else number


GAMMA_BITS, FIRST_BITS, SECOND_BITS = signed(GAMMA), signed(FIRST), signed(SECOND)
ORDER_BITS = signed(ORDER)
EVERY_LANE = (1 << LANES) - 1
KEEPS, DONE, WORST = -1, -2, (1 << 63) - 1
DEVIATES_MASK = (1 << DEVIATES_BITS) - 1

inlined = njit(inline="never", error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


@inlined
def mixed(seed: int, position: int) -> int:
    """What `randomness.mixed` gives."""
    z = seed + (position + 1) * GAMMA_BITS
    z = (z ^ shift_right(z, 30)) * FIRST_BITS
    z = (z ^ shift_right(z, 27)) * SECOND_BITS
    return z ^ shift_right(z, 31)


@inlined
def below(count: int, drawn: int) -> int:
    """A number below `count`, from the upper half of a drawn one."""
    return shift_right(shift_right(drawn, 32) * count, 32)


@inlined
def begin(c: int, lane: int) -> None:
    """Give a lane the next walk, if there is one."""
    number, words = load64(c, NEXT), load64(c, WORDS)
    left = number < load64(c, WALKS)
    seed = mixed(load64(c, SEED), number)
    # Without a walk, a lane rests in an initial state, since what it shows is collected too.
    start = below(load64(c, START_COUNT), mixed(seed, 0)) if left else 0
    for word in range(words):
        value = load64(load64(c, STARTS), start * words + word)
        store64(load64(c, STATES), lane * words + word, value)
    store64(load64(c, LANE_WALK), lane, number if left else IDLE)
    store64(load64(c, LANE_AT), lane, 0)
    store64(load64(c, LANE_SEED), lane, seed)
    if left:
        store64(c, NEXT, number + 1)


@inlined
def note(c: int, sight: int, lane: int) -> None:
    """Something is met for the first time: by which walk, after how many steps."""
    store64(load64(c, MET_WALK), sight, load64(load64(c, LANE_WALK), lane))
    store64(load64(c, MET_AT), sight, load64(load64(c, LANE_AT), lane))
    store64(c, MET, 1)


@inlined
def note_marks(c: int, walking: int) -> None:
    """Note what is sought and was met by some lane, and seek it no more."""
    marks, wanted = load64(c, MARKS), load64(c, WANTED)
    for watch in range(load64(c, WATCHES)):
        mark = load8(marks, watch) & load8(wanted, watch) & walking
        if mark != 0:
            store8(wanted, watch, 0)
            note(c, watch, lowest_bit(mark))


@inlined
def note_ends(c: int, walking: int, result: int) -> None:
    """Note the first fault and the first stuck state."""
    faults = shift_right(result, 40) & walking
    if faults != 0 and load64(c, WANT_FAULT) != 0:
        store64(c, WANT_FAULT, 0)
        note(c, load64(c, WATCHES), lowest_bit(faults))
    stuck = walking & ~(shift_right(result, 32) & EVERY_LANE) & ~load8(load64(c, MARKS), 0)
    if stuck != 0 and load64(c, WANT_STUCK) != 0:
        store64(c, WANT_STUCK, 0)
        note(c, load64(c, WATCHES) + 1, lowest_bit(stuck))


@inlined
def stays(c: int, lane: int, place: int) -> bool:
    """Whether a successor is the state that its lane is in."""
    words, stride = load64(c, WORDS), load64(c, STRIDE)
    state, out = load64(c, STATES) + lane * words * 8, load64(c, OUT)
    for word in range(words):
        if load64(state, word) != load64(out, word * stride + place):
            return False
    return True


@inlined
def count_moves(c: int, found: int) -> None:
    """How many successors each walk has that are other states than its own; the rest are struck
    out of the lanes."""
    counts, lanes = load64(c, COUNTS), load64(c, OUT_LANES)
    for lane in range(LANES):
        store64(counts, lane, 0)
    if load64(c, WORDS) == 1:
        states, out = load64(c, STATES), load64(c, OUT)
        for place in range(found):
            lane = load8(lanes, place)
            if load64(states, lane) == load64(out, place):
                store8(lanes, place, LANES)
            else:
                store64(counts, lane, load64(counts, lane) + 1)
        return
    for place in range(found):
        lane = load8(lanes, place)
        if stays(c, lane, place):
            store8(lanes, place, LANES)
        else:
            store64(counts, lane, load64(counts, lane) + 1)


@inlined
def choose(c: int, found: int) -> None:
    """For each lane the place of the successor that its walk goes on with, or -1.

    A walk that draws has in `COUNTS` how many more successors to pass by; one that keeps to an
    order, less than 0 there, and the rank of the best so far in the second half.
    """
    counts, chosen = load64(c, COUNTS), load64(c, CHOSEN)
    lanes, seeds, walks = load64(c, OUT_LANES), load64(c, LANE_SEED), load64(c, LANE_WALK)
    ats, fired, ever = load64(c, LANE_AT), load64(c, FIRED), load64(c, EVER_FIRED)
    count_moves(c, found)
    for lane in range(LANES):
        drawn = mixed(load64(seeds, lane), load64(ats, lane) + 1)
        keeps = (load64(walks, lane) & 1) != 0 and (drawn & DEVIATES_MASK) != 0
        store64(counts, lane, KEEPS if keeps else below(load64(counts, lane), drawn))
        store64(counts, LANES + lane, WORST)
        store64(chosen, lane, -1)
    place = 0
    for eight in range((load64(c, STEPS) + 7) >> 3):
        bytes_of_eight = load64(fired, eight)
        if bytes_of_eight == 0:
            continue
        store64(fired, eight, 0)
        store64(ever, eight, load64(ever, eight) | bytes_of_eight)
        while bytes_of_eight != 0:
            shift = lowest_bit(bytes_of_eight) & ~7
            byte = shift_right(bytes_of_eight, shift) & 255
            bytes_of_eight &= ~(255 << shift)
            step = (eight << 3) + (shift >> 3)
            while byte != 0:
                byte &= byte - 1
                lane = load8(lanes, place)
                if lane < LANES:
                    left = load64(counts, lane)
                    if left > 0:
                        store64(counts, lane, left - 1)
                    elif left == 0:
                        store64(chosen, lane, place)
                        store64(counts, lane, DONE)
                    elif left == KEEPS:
                        rank = shift_right(mixed(load64(seeds, lane) ^ ORDER_BITS, step), 1)
                        if rank < load64(counts, LANES + lane):
                            store64(chosen, lane, place)
                            store64(counts, LANES + lane, rank)
                place += 1


@inlined
def walking_lanes(c: int) -> int:
    """The lanes that have a walk, one bit each."""
    walks, lanes = load64(c, LANE_WALK), 0
    for lane in range(LANES):
        if load64(walks, lane) != IDLE:
            lanes |= 1 << lane
    return lanes


@inlined
def go_on(c: int, walking: int) -> None:
    """Every walk takes its step, or makes room for the next walk."""
    words, stride = load64(c, WORDS), load64(c, STRIDE)
    states, out, ats = load64(c, STATES), load64(c, OUT), load64(c, LANE_AT)
    for lane in range(LANES):
        if (walking >> lane) & 1 == 0:
            continue
        place = load64(load64(c, CHOSEN), lane)
        if place < 0 or load64(ats, lane) >= load64(c, LENGTH):
            begin(c, lane)
            continue
        for word in range(words):
            store64(states, lane * words + word, load64(out, word * stride + place))
        store64(ats, lane, load64(ats, lane) + 1)
        store64(c, TAKEN, load64(c, TAKEN) + 1)


def run(c: int) -> int:
    """Walk until something is met, `QUOTA` steps are taken, or no walk is left: then it is 0."""
    pause_at = load64(c, TAKEN) + load64(c, QUOTA)
    if load64(c, NEXT) == 0 and load64(c, TAKEN) == 0:
        for lane in range(LANES):
            begin(c, lane)
    while True:
        walking = walking_lanes(c)
        if walking == 0:
            return 0
        if load64(c, TAKEN) >= pause_at:
            return 1
        states, barriers = load64(c, STATES), load64(c, BARRIERS)
        marks, wanted = load64(c, MARKS), load64(c, WANTED)
        met = call_inspect(load64(c, INSPECT), states, LANES, barriers, marks, wanted)
        if (met & walking) != 0:
            note_marks(c, walking)
        result = call_expand(
            load64(c, EXPAND),
            states,
            LANES,
            barriers,
            load64(c, OUT),
            load64(c, STRIDE),
            load64(c, OUT_LANES),
            load64(c, COVERAGE),
            load64(c, FIRED),
        )
        note_ends(c, walking, result)
        choose(c, result & 0xFFFFFFFF)
        go_on(c, walking)
        if load64(c, MET) != 0:
            store64(c, MET, 0)
            return 1
