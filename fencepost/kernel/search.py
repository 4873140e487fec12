"""A breadth-first search of a compiled system: its memory, and the calls that advance it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterable

from fencepost.core.errors import InputError
from fencepost.core.system import State, System
from fencepost.kernel.compiled import Kernel
from fencepost.kernel.control import BATCH, LANES, Command, Slot, Status
from fencepost.kernel.memory import Block
from fencepost.kernel.native_loop import native_loop

FULLEST = 0.85
"""The share of the table that may be taken; lines of eight stay short of overflowing."""

SMALLEST_TABLE_BITS = 13
MOST_STATES = (1 << 32) - 2
LEAST_MEMORY = 1 << 22
PAUSE_S = 0.03
ANY_NUMBER = 1 << 62


class Search:
    """The states found so far, in the order of discovery, and what was noted about them."""

    def __init__(self, system: System, kernel: Kernel, barriers: frozenset[str]) -> None:
        self.system, self.kernel = system, kernel
        self.run = native_loop()
        self.words = kernel.layout.words
        self.control = (ctypes.c_int64 * len(Slot))()
        self.block = ctypes.addressof(self.control)
        self.kept: list[object] = []
        steps, watches = len(system.steps), kernel.watches
        self.stride = BATCH * steps + LANES
        self.fired = self.bytes_for(Slot.FIRED, steps)
        self.coverage = self.bytes_for(Slot.COVERAGE, len(kernel.leaves))
        self.bytes_for(Slot.MARKS, watches)
        self.wanted = self.bytes_for(Slot.WANTED, watches)
        self.bad = self.bytes_for(Slot.BAD, watches)
        self.bytes_for(Slot.OUT_LANES, self.stride)
        self.out = (ctypes.c_uint64 * (self.stride * self.words + LANES))()
        self.lines = (ctypes.c_int64 * (self.stride + BATCH))()
        self.met = (ctypes.c_int64 * watches)(*([-1] * watches))
        for slot, array in ((Slot.OUT, self.out), (Slot.LINES, self.lines), (Slot.MET, self.met)):
            self[slot] = ctypes.addressof(array)
        self[Slot.EXPAND], self[Slot.INSPECT] = kernel.expand, kernel.inspect
        self[Slot.BARRIERS] = barrier_mask(system, barriers)
        self[Slot.WORDS], self[Slot.WATCHES] = self.words, watches
        self[Slot.STRIDE] = self.stride
        self[Slot.FAULT_GROUP] = self[Slot.STUCK] = -1
        self[Slot.STATES_LIMIT] = ANY_NUMBER
        self.level_starts = [0]
        self.states = self.parents = self.table = Block(1)
        self.quota = 4096

    def __getitem__(self, slot: Slot) -> int:
        return self.control[slot]

    def __setitem__(self, slot: Slot, value: int) -> None:
        self.control[slot] = value

    def bytes_for(self, slot: Slot, size: int) -> ctypes.Array[ctypes.c_uint8]:
        array = (ctypes.c_uint8 * (size + LANES))()
        self.kept.append(array)
        self[slot] = ctypes.addressof(array)
        return array

    # Memory.

    def reserve(self, memory_bytes: int) -> None:
        """Take addresses for as many states as could ever fit into so much memory.

        Where the machine gives fewer addresses than that, as under a limit of the shell, the
        search is content with half as much, or half of that.
        """
        while True:
            try:
                self.reserve_all(memory_bytes)
            except MemoryError as error:
                self.free()
                if memory_bytes < 2 * LEAST_MEMORY:
                    raise no_memory() from error
                memory_bytes //= 2
            else:
                return

    def reserve_all(self, memory_bytes: int) -> None:
        """Take all addresses at once, and leave as many for what looks back later."""
        self.memory_bytes = memory_bytes
        self.state_bytes = 8 * self.words + 4
        most = min(memory_bytes // self.state_bytes, MOST_STATES) + self.slack() + LANES
        self.states = Block(most * 8 * self.words)
        self.parents = Block(most * 4)
        self.table = Block(memory_bytes)
        Block(memory_bytes).free()
        if self.words > 2:
            self.table.free()
        self[Slot.STATES], self[Slot.PARENTS] = self.states.address, self.parents.address

    def slack(self) -> int:
        """How many states one batch may add."""
        return self.stride

    def make_table(self, bits: int) -> bool:
        """A table of 2**bits words with every state so far; False if it would not fit."""
        size = 8 << bits
        if size + self[Slot.COUNT] * self.state_bytes > self.memory_bytes:
            return False
        grows_in_place = self.words <= 2 and self[Slot.TABLE_BITS] == bits - 1
        if not grows_in_place:
            self.table.free()
            # A table that holds whole states doubles where it is; it never gets to this size.
            try:
                self.table = Block(max(size, self.memory_bytes) if self.words <= 2 else size)
            except MemoryError:
                return False
        self[Slot.TABLE], self[Slot.TABLE_BITS] = self.table.address, bits
        self[Slot.TABLE_LIMIT] = int(self.places(bits) * FULLEST)
        room = (self.memory_bytes - size) // self.state_bytes
        self[Slot.CAPACITY] = min(room, MOST_STATES)
        self.command(Command.DOUBLE if grows_in_place else Command.REHASH)
        return True

    def places(self, bits: int) -> int:
        """How many states a table of 2**bits words can hold: one of two words takes two."""
        return 1 << bits - 1 if self.words == 2 else 1 << bits

    def bytes(self) -> int:
        """The memory in use."""
        return (8 << self[Slot.TABLE_BITS]) + self[Slot.COUNT] * self.state_bytes

    def free(self) -> None:
        for block in (self.states, self.parents, self.table):
            block.free()

    # Searching.

    def start(self, states: Iterable[State]) -> bool:
        """Begin with these initial states, all distinct; False if they do not fit."""
        packed = [self.kernel.layout.pack(state) for state in states]
        self.initial = len(packed)
        flat = [word for words in packed for word in words]
        if len(packed) * self.state_bytes > self.memory_bytes:
            return False
        array = (ctypes.c_uint64 * len(flat))(*flat)
        ctypes.memmove(self.states.address, array, 8 * len(flat))
        self[Slot.COUNT] = self[Slot.LEVEL_END] = len(packed)
        needed = max(2 * len(packed), 8 * self.slack())
        return self.make_table(max(SMALLEST_TABLE_BITS, needed.bit_length()) + (self.words == 2))

    def command(self, command: Command) -> Status:
        self[Slot.COMMAND] = command
        return Status(self.run(self.block))

    def advance(self) -> Status:
        """Search on for some hundredths of a second."""
        began = time.perf_counter()
        self[Slot.QUOTA] = self.quota
        status = self.command(Command.SEARCH)
        if status == Status.TABLE_FULL:
            grown = self.make_table(self[Slot.TABLE_BITS] + 1)
            return Status.PAUSED if grown else Status.OUT_OF_MEMORY
        spent = time.perf_counter() - began
        if status == Status.PAUSED and spent < PAUSE_S / 2:
            self.quota *= 2
        elif spent > PAUSE_S * 2:
            self.quota = max(BATCH, self.quota // 2)
        return status

    # What was found.

    def state(self, number: int) -> State:
        return self.kernel.layout.unpack(self.packed(number))

    def packed(self, number: int) -> tuple[int, ...]:
        at = self.states.address + number * self.words * 8
        return tuple((ctypes.c_uint64 * self.words).from_address(at))

    def parent(self, number: int) -> int:
        return ctypes.c_uint32.from_address(self.parents.address + 4 * number).value

    def way(self, number: int) -> tuple[State, tuple[int, ...]]:
        """The shortest way to a state: an initial state, and the numbers of the steps taken."""
        steps: list[int] = []
        while number >= self.initial:
            parent = self.parent(number)
            steps.append(self.step_between(parent, self.packed(number)))
            number = parent
        return self.state(number), tuple(reversed(steps))

    def step_between(self, number: int, to: tuple[int, ...]) -> int:
        """The first step that leads from a state to another."""
        for step, words in self.successors(number):
            if words == to:
                return step
        raise AssertionError("a state is not among the successors of its parent")

    def successors(self, number: int) -> Iterable[tuple[int, tuple[int, ...]]]:
        """The steps taken from a state, in order, with the words of the states they lead to."""
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 8)
        steps = len(self.system.steps)
        fired = (ctypes.c_uint8 * (steps + LANES))()
        unused = (ctypes.c_uint8 * (len(self.kernel.leaves) + LANES))()
        out = (ctypes.c_uint64 * (self.stride * self.words + LANES))()
        lanes = (ctypes.c_uint8 * (self.stride + LANES))()
        kind(self.kernel.expand)(
            self.states.address + number * self.words * 8,
            1,
            self[Slot.BARRIERS],
            ctypes.addressof(out),
            self.stride,
            ctypes.addressof(lanes),
            ctypes.addressof(unused),
            ctypes.addressof(fired),
        )
        taken = [step for step in range(steps) if fired[step]]
        for position, step in enumerate(taken):
            yield step, tuple(out[w * self.stride + position] for w in range(self.words))


def no_memory() -> InputError:
    """The machine has too little memory for any search."""
    return InputError(
        "F79",
        "the machine gives no memory to search in",
        why="a limit of the shell, of a container or of the system leaves too little of it",
        write="a higher limit, see `ulimit -v`, or a smaller search: --max-memory 1G",
    )


def barrier_mask(system: System, barriers: frozenset[str]) -> int:
    """The barriers that are on, one bit each in the order of the system."""
    return sum(1 << n for n, b in enumerate(system.barriers) if b.name in barriers)
