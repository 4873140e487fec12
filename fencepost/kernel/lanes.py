"""LLVM values for eight states at once, built without repeating an operation.

A *lane* is one of the eight states. Integers are vectors `<8 x i64>`, conditions are vectors
`<8 x i1>`, and what is known while building stays a Python integer or Boolean.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from llvmlite import ir

LANES = 8
I1, I8, I32, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
WORDS = ir.VectorType(I64, LANES)
FLAGS = ir.VectorType(I1, LANES)
HALVES = ir.VectorType(I32, LANES)
ALL_ONES = (1 << 64) - 1

Integer = ir.Value | int


@dataclass(frozen=True)
class Test:
    """`(word & mask) == value`, kept apart so that tests of one word become one test."""

    word: ir.Value
    mask: int
    value: int


@dataclass(frozen=True)
class NotTest:
    """`(word & mask) != value`."""

    word: ir.Value
    mask: int
    value: int


Condition = ir.Value | bool | Test | NotTest


def signed(value: int) -> int:
    """The integer whose two's complement has these 64 bits."""
    value &= ALL_ONES
    return value - (1 << 64) if value >> 63 else value


class Splat(ir.Constant):  # type: ignore[misc]  # llvmlite has no types
    """The same constant in every lane, in the short form that is quick to write and to parse."""

    def __init__(self, kind: ir.VectorType, value: int) -> None:
        super().__init__(kind, [value] * LANES)
        self.reference = f"splat ({kind.element} {value})"

    def get_reference(self) -> str:
        return self.reference


@lru_cache(maxsize=4096)
def splat(value: int) -> Splat:
    """The same integer in every lane."""
    return Splat(WORDS, signed(value))


class LaneBuilder:
    """Writes operations on lanes into a function, each at most once on any way through it."""

    def __init__(self, function: ir.Function, *, wide_registers: bool) -> None:
        self.function = function
        self.wide_registers = wide_registers
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.known: list[dict[object, ir.Value]] = [{}]

    @contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        """What is built inside runs only where the scalar condition holds."""
        self.known.append({})
        with self.builder.if_then(condition):
            yield
        self.known.pop()

    def once(self, key: tuple[object, ...], operation: str, *operands: ir.Value) -> ir.Value:
        for scope in self.known:
            if key in scope:
                return scope[key]
        value = getattr(self.builder, operation)(*operands)
        self.known[-1][key] = value
        return value

    # Integers.

    def words(self, value: Integer) -> ir.Value:
        return splat(value) if isinstance(value, int) else value

    def binary(self, operation: str, left: Integer, right: Integer) -> ir.Value:
        key = (operation, _key(left), _key(right))
        return self.once(key, operation, self.words(left), self.words(right))

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

    def divide(self, operation: str, left: ir.Value, divisor: int, high: int) -> ir.Value:
        """`udiv` or `urem` by a constant; through 32 bits, which have vector instructions."""
        if high >= 1 << 31 or divisor >= 1 << 31:
            return self.binary(operation, left, divisor)
        narrow = self.once(("trunc", left), "trunc", left, HALVES)
        by = Splat(HALVES, divisor)
        result = self.once((operation, narrow, divisor), operation, narrow, by)
        return self.once(("zext", result), "zext", result, WORDS)

    def bits_and(self, left: Integer, right: Integer) -> Integer:
        if isinstance(left, int) and isinstance(right, int):
            return left & right
        if isinstance(left, int):
            left, right = right, left
        if isinstance(right, int) and right & ALL_ONES == ALL_ONES:
            return left
        return self.binary("and_", left, right)

    def bits_or(self, left: Integer, right: Integer) -> Integer:
        if isinstance(left, int) and isinstance(right, int):
            return left | right
        if isinstance(left, int):
            left, right = right, left
        return left if right == 0 else self.binary("or_", left, right)

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
        if then is otherwise or (isinstance(then, int) and then == otherwise):
            return then
        flags = self.flags(condition)
        key = ("select", flags, _key(then), _key(otherwise))
        return self.once(key, "select", flags, self.words(then), self.words(otherwise))

    def settled(self, value: ir.Value) -> ir.Value:
        """The same value, which the code generator does not look into; it costs nothing.

        LLVM 22 gets `select(c, x & m | y & ~m, x)` with a constant m wrong on AVX-512: it swaps
        operands of the masked vpternlogq that takes m from memory. Only there is it needed.
        """
        if not self.wide_registers:
            return value
        same = ir.FunctionType(WORDS, [WORDS])
        key = ("settled", value)
        for scope in self.known:
            if key in scope:
                return scope[key]
        result = self.builder.asm(same, "", "=v,0", [value], False)
        self.known[-1][key] = result
        return result

    # Conditions.

    def flags(self, condition: Condition) -> ir.Value:
        """A condition as one bit a lane."""
        match condition:
            case bool():
                return Splat(FLAGS, int(condition))
            case Test(word, mask, value):
                return self.compare("==", self.bits_and(word, mask), value)
            case NotTest(word, mask, value):
                return self.compare("!=", self.bits_and(word, mask), value)
            case _:
                return condition

    def compare(self, operator: str, left: Integer, right: Integer) -> ir.Value:
        key = ("icmp", operator, _key(left), _key(right))
        for scope in self.known:
            if key in scope:
                return scope[key]
        value = self.builder.icmp_signed(operator, self.words(left), self.words(right))
        self.known[-1][key] = value
        return value

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
                ones = Splat(FLAGS, 1)
                return self.once(("not", condition), "xor", condition, ones)

    def both(self, left: Condition, right: Condition) -> Condition:
        if isinstance(left, bool):
            return right if left else False
        if isinstance(right, bool):
            return left if right else False
        if isinstance(left, Test) and isinstance(right, Test) and left.word is right.word:
            common = left.mask & right.mask
            if left.value & common != right.value & common:
                return False
            return Test(left.word, left.mask | right.mask, left.value | right.value)
        a, b = self.flags(left), self.flags(right)
        return a if a is b else self.once(("and", a, b), "and_", a, b)

    def conjunction(self, conditions: list[Condition]) -> Condition:
        """All of them; tests of the same word are merged first."""
        tests: dict[int, Condition] = {}
        others: list[Condition] = []
        for condition in conditions:
            if isinstance(condition, Test):
                merged = self.both(tests.get(id(condition.word), True), condition)
                if merged is False:
                    return False
                tests[id(condition.word)] = merged
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
            result = a if a is b else self.once(("or", a, b), "or_", a, b)
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
        flags = self.flags(condition)
        return self.once(("zext", flags), "zext", flags, WORDS)

    def byte(self, flags: ir.Value) -> ir.Value:
        """One bit a lane, as a byte."""
        return self.once(("byte", flags), "bitcast", flags, I8)


def _key(value: Integer) -> object:
    return value
