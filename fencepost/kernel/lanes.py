"""LLVM code for eight states at once, written as text and without repeating an operation.

A *lane* is one of the eight states. Integers are vectors `<8 x i64>`, conditions are vectors
`<8 x i1>`, and what is known while writing stays a Python integer or Boolean. A value is the text
by which LLVM refers to it; writing text takes a fifth of the time that objects take.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fencepost.kernel.control import LANES

WORDS, FLAGS, HALVES = f"<{LANES} x i64>", f"<{LANES} x i1>", f"<{LANES} x i32>"
ALL_ONES = (1 << 64) - 1

Value = str
Integer = str | int


@dataclass(frozen=True)
class Test:
    """`(word & mask) == value`, kept apart so that tests of one word become one test."""

    word: Value
    mask: int
    value: int


@dataclass(frozen=True)
class NotTest:
    """`(word & mask) != value`."""

    word: Value
    mask: int
    value: int


Condition = str | bool | Test | NotTest


def splat(value: int) -> Value:
    """The same integer in every lane."""
    value &= ALL_ONES
    return f"splat (i64 {value - (1 << 64) if value >> 63 else value})"


class LaneBuilder:
    """Writes the operations of a function, each at most once on any way through it."""

    def __init__(self, *, wide_registers: bool) -> None:
        self.wide_registers = wide_registers
        self.lines = ["entry:"]
        self.block = "entry"
        self.names = 0
        self.known: list[dict[str, Value]] = [{}]

    # Text.

    def fresh(self, operation: str) -> Value:
        """The result of an operation that is written again each time."""
        self.names += 1
        name = f"%v{self.names}"
        self.lines.append(f"  {name} = {operation}")
        return name

    def once(self, operation: str) -> Value:
        """The result of an operation that depends on its operands only."""
        for scope in self.known:
            if operation in scope:
                return scope[operation]
        value = self.known[-1][operation] = self.fresh(operation)
        return value

    def do(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    @contextmanager
    def when(self, condition: Value) -> Iterator[Branch]:
        """What is written inside runs only where the scalar condition holds."""
        self.names += 1
        branch = Branch(self, self.block, f"after{self.names}")
        inside = f"when{self.names}"
        self.do(f"br i1 {condition}, label %{inside}, label %{branch.after}")
        self.start(inside)
        self.known.append({})
        yield branch
        self.known.pop()
        branch.inside = self.block
        self.do(f"br label %{branch.after}")
        self.start(branch.after)

    def start(self, block: str) -> None:
        self.lines.append(f"{block}:")
        self.block = block

    # Integers.

    def words(self, value: Integer) -> Value:
        return splat(value) if isinstance(value, int) else value

    def binary(self, operation: str, left: Integer, right: Integer) -> Value:
        return self.once(f"{operation} {WORDS} {self.words(left)}, {self.words(right)}")

    def add(self, left: Integer, right: Integer) -> Integer:
        if isinstance(left, int) and isinstance(right, int):
            return left + right
        if isinstance(left, int):
            left, right = right, left
        return left if right == 0 else self.binary("add", left, right)

    def subtract(self, left: Integer, right: Integer) -> Integer:
        if isinstance(right, int):
            return self.add(left, -right)
        return self.binary("sub", left, right)

    def multiply(self, left: Integer, right: Integer) -> Integer:
        if isinstance(left, int) and isinstance(right, int):
            return left * right
        if isinstance(left, int):
            left, right = right, left
        if isinstance(right, int):
            if right in {0, 1}:
                return left if right else 0
            if right > 0 and right & (right - 1) == 0:
                return self.binary("shl", left, right.bit_length() - 1)
        return self.binary("mul", left, right)

    def divide(self, operation: str, left: Value, divisor: int, high: int) -> Value:
        """`udiv` or `urem` by a constant; through 32 bits, which have vector instructions."""
        if high >= 1 << 31 or divisor >= 1 << 31:
            return self.binary(operation, left, divisor)
        narrow = self.once(f"trunc {WORDS} {left} to {HALVES}")
        result = self.once(f"{operation} {HALVES} {narrow}, splat (i32 {divisor})")
        return self.once(f"zext {HALVES} {result} to {WORDS}")

    def bits_and(self, left: Integer, right: Integer) -> Integer:
        if isinstance(left, int) and isinstance(right, int):
            return left & right
        if isinstance(left, int):
            left, right = right, left
        if isinstance(right, int) and right & ALL_ONES == ALL_ONES:
            return left
        return self.binary("and", left, right)

    def bits_or(self, left: Integer, right: Integer) -> Integer:
        if isinstance(left, int) and isinstance(right, int):
            return left | right
        if isinstance(left, int):
            left, right = right, left
        return left if right == 0 else self.binary("or", left, right)

    def bits_not(self, value: Integer) -> Integer:
        return ~value if isinstance(value, int) else self.binary("xor", value, -1)

    def shift_left(self, value: Integer, by: Integer) -> Integer:
        """A shift by a variable amount takes it modulo 64, so it is defined in every lane."""
        if isinstance(by, int):
            if isinstance(value, int):
                return value << by
            return value if by == 0 else self.binary("shl", value, by)
        return self.binary("shl", value, self.bits_and(by, 63))

    def shift_right(self, value: Integer, by: Integer) -> Integer:
        if isinstance(by, int):
            if isinstance(value, int):
                return value >> by
            return value if by == 0 else self.binary("lshr", value, by)
        return self.binary("lshr", value, self.bits_and(by, 63))

    def select(self, condition: Condition, then: Integer, otherwise: Integer) -> Integer:
        if isinstance(condition, bool):
            return then if condition else otherwise
        if then == otherwise:
            return then
        operands = f"{WORDS} {self.words(then)}, {WORDS} {self.words(otherwise)}"
        return self.once(f"select {FLAGS} {self.flags(condition)}, {operands}")

    def settled(self, value: Value) -> Value:
        """The same value, which the code generator does not look into; it costs nothing.

        LLVM 22 gets `select(c, x & m | y & ~m, x)` with a constant m wrong on AVX-512: it swaps
        operands of the masked vpternlogq that takes m from memory. Only there is it needed.
        """
        if not self.wide_registers:
            return value
        return self.once(f'call {WORDS} asm "", "=v,0"({WORDS} {value})')

    # Conditions.

    def flags(self, condition: Condition) -> Value:
        """A condition as one bit a lane."""
        match condition:
            case bool():
                return f"splat (i1 {int(condition)})"
            case Test(word, mask, value):
                return self.compare("eq", self.bits_and(word, mask), value)
            case NotTest(word, mask, value):
                return self.compare("ne", self.bits_and(word, mask), value)
            case _:
                return condition

    def compare(self, operator: str, left: Integer, right: Integer) -> Value:
        return self.once(f"icmp {operator} {WORDS} {self.words(left)}, {self.words(right)}")

    def negate(self, condition: Condition) -> Condition:
        match condition:
            case bool():
                return not condition
            case Test(word, mask, value):
                if mask & (mask - 1) == 0:
                    return Test(word, mask, value ^ mask)
                return NotTest(word, mask, value)
            case NotTest(word, mask, value):
                return Test(word, mask, value)
            case _:
                return self.once(f"xor {FLAGS} {condition}, splat (i1 1)")

    def both(self, left: Condition, right: Condition) -> Condition:
        if isinstance(left, bool):
            return right if left else False
        if isinstance(right, bool):
            return left if right else False
        if isinstance(left, Test) and isinstance(right, Test) and left.word == right.word:
            common = left.mask & right.mask
            if left.value & common != right.value & common:
                return False
            return Test(left.word, left.mask | right.mask, left.value | right.value)
        a, b = self.flags(left), self.flags(right)
        return a if a == b else self.once(f"and {FLAGS} {a}, {b}")

    def conjunction(self, conditions: list[Condition]) -> Condition:
        """All of them; tests of the same word are merged first."""
        tests: dict[str, Condition] = {}
        others: list[Condition] = []
        for condition in conditions:
            if isinstance(condition, Test):
                merged = self.both(tests.get(condition.word, True), condition)
                if merged is False:
                    return False
                tests[condition.word] = merged
            else:
                others.append(condition)
        result: Condition = True
        for condition in [*tests.values(), *others]:
            result = self.both(result, condition)
        return result

    def disjunction(self, conditions: list[Condition]) -> Condition:
        """Any of them; what is none of several single bits becomes one test."""
        negated = [self.negate(c) for c in conditions]
        if all(isinstance(c, bool | Test) for c in negated):
            return self.negate(self.conjunction(negated))
        result: Condition = False
        for condition in conditions:
            if isinstance(condition, bool):
                if condition:
                    return True
                continue
            if result is False:
                result = condition
                continue
            a, b = self.flags(result), self.flags(condition)
            result = a if a == b else self.once(f"or {FLAGS} {a}, {b}")
        return result

    def choose_condition(
        self, condition: Condition, then: Condition, otherwise: Condition
    ) -> Condition:
        return self.disjunction(
            [self.both(condition, then), self.both(self.negate(condition), otherwise)]
        )

    def as_integer(self, condition: Condition) -> Integer:
        if isinstance(condition, bool):
            return int(condition)
        return self.once(f"zext {FLAGS} {self.flags(condition)} to {WORDS}")

    def byte(self, flags: Value) -> Value:
        """One bit a lane, as a byte."""
        return self.once(f"bitcast {FLAGS} {flags} to i8")


@dataclass
class Branch:
    """A piece of code that is passed over where its condition does not hold."""

    lanes: LaneBuilder
    before: str
    after: str
    inside: str = ""

    def merged(self, kind: str, inside: Value, otherwise: Value) -> Value:
        """A value after the branch: the one from inside, or another where it is passed over."""
        came = f"[ {inside}, %{self.inside} ], [ {otherwise}, %{self.before} ]"
        return self.lanes.fresh(f"phi {kind} {came}")
