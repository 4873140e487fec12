"""Numba intrinsics on raw addresses, so that the loop compiles to plain machine code.

Every address and number is a signed 64-bit integer.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
LINE = ir.VectorType(I64, 8)


def _at(builder: Any, address: Any, index: Any, kind: ir.Type) -> Any:
    base = builder.inttoptr(address, ir.PointerType(kind))
    return builder.gep(base, [index], source_etype=kind)


def _loader(kind: ir.Type) -> Any:
    def load(_context: Any, address: Any, index: Any) -> Any:
        def generate(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
            value = builder.load(_at(builder, args[0], args[1], kind), typ=kind)
            return value if kind is I64 else builder.zext(value, I64)

        return types.int64(types.int64, types.int64), generate

    return load


def _storer(kind: ir.Type) -> Any:
    def store(_context: Any, address: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, _s: Any, args: Any) -> Any:
            value = args[2] if kind is I64 else builder.trunc(args[2], kind)
            builder.store(value, _at(builder, args[0], args[1], kind))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), generate

    return store


load64 = intrinsic(_loader(I64))
load32 = intrinsic(_loader(I32))
load8 = intrinsic(_loader(I8))
store64 = intrinsic(_storer(I64))
store32 = intrinsic(_storer(I32))
store8 = intrinsic(_storer(I8))


@intrinsic
def shift_right(_context: Any, value: Any, by: Any) -> Any:
    """A logical shift."""

    def generate(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        return builder.lshr(*args)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def lowest_bit(_context: Any, value: Any) -> Any:
    """The position of the lowest bit of a number that is not 0."""

    def generate(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@intrinsic
def prefetch(_context: Any, address: Any) -> Any:
    """Ask for the cache line at an address."""

    def generate(context: Any, builder: Any, _s: Any, args: Any) -> Any:
        pointer = ir.PointerType(I8)
        kind = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
        name = "llvm.prefetch.p0"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        read, near, data = (ir.Constant(I32, n) for n in (0, 3, 1))
        builder.call(function, [builder.inttoptr(args[0], pointer), read, near, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _line(builder: Any, address: Any) -> Any:
    return builder.load(builder.inttoptr(address, ir.PointerType(LINE)), align=64, typ=LINE)


def _spread(builder: Any, value: Any) -> Any:
    none = ir.Constant(LINE, ir.Undefined)
    vector = builder.insert_element(none, value, ir.Constant(I32, 0))
    return builder.shuffle_vector(vector, none, ir.Constant(ir.VectorType(I32, 8), [0] * 8))


@intrinsic
def places_of(_context: Any, line: Any, key: Any) -> Any:
    """Which of the eight words of a cache line equal a key, one bit each."""

    def generate(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        same = builder.icmp_unsigned("==", _line(builder, args[0]), _spread(builder, args[1]))
        return builder.zext(builder.bitcast(same, I8), I64)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def places_of_pair(_context: Any, line: Any, one: Any, other: Any) -> Any:
    """Which even words of a cache line equal a key whose next word equals another, one bit each."""

    def generate(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        none = ir.Constant(LINE, ir.Undefined)
        vector = builder.insert_element(none, args[1], ir.Constant(I32, 0))
        vector = builder.insert_element(vector, args[2], ir.Constant(I32, 1))
        order = ir.Constant(ir.VectorType(I32, 8), [0, 1] * 4)
        pairs = builder.shuffle_vector(vector, none, order)
        same = builder.icmp_unsigned("==", _line(builder, args[0]), pairs)
        bits = builder.bitcast(same, I8)
        both = builder.and_(bits, builder.lshr(bits, ir.Constant(I8, 1)))
        return builder.zext(builder.and_(both, ir.Constant(I8, 0x55)), I64)

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def places_like(_context: Any, line: Any, key: Any, mask: Any) -> Any:
    """Which of the eight words of a cache line equal a key in the bits of a mask."""

    def generate(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        masked = builder.and_(_line(builder, args[0]), _spread(builder, args[2]))
        same = builder.icmp_unsigned("==", masked, _spread(builder, args[1]))
        return builder.zext(builder.bitcast(same, I8), I64)

    return types.int64(types.int64, types.int64, types.int64), generate


def _caller(count: int) -> Any:
    def generate(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        kind = ir.FunctionType(I64, [I64] * count)
        function = builder.inttoptr(args[0], ir.PointerType(kind))
        return builder.call(function, args[1:])

    return types.int64(*[types.int64] * (count + 1)), generate


@intrinsic
def call_inspect(_context: Any, code: Any, a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    """Call generated code with five numbers."""
    return _caller(5)


@intrinsic
def call_expand(
    _context: Any, code: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any
) -> Any:
    """Call generated code with eight numbers."""
    return _caller(8)
