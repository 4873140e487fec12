"""Generated code: the successors of eight states at once, and what holds in eight states.

`expand(states, count, barriers, out, stride, lanes, coverage, fired)` writes the successors of
`count` states, step by step and for each step lane by lane: word w of the n-th to
`out[w * stride + n]`, its lane to `lanes[n]`. A byte of `coverage` per leaf and one of `fired` per
step collect the lanes that came there. It returns the number of successors, plus the lanes with a
step that is not disabled shifted by 32, plus the lanes with a faulting step shifted by 40.

`inspect(states, count, barriers, marks, wanted)` stores one byte of lanes per condition and
returns the lanes with a condition that is wanted (a byte each, all ones or zero).
"""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from fencepost.core.expressions import Expression
from fencepost.core.system import System
from fencepost.core.trees import Decide, Disabled, Fault, Tree, Update, leaves
from fencepost.kernel.lanes import (
    ALL_ONES,
    FLAGS,
    I8,
    I32,
    I64,
    LANES,
    WORDS,
    Condition,
    LaneBuilder,
    Splat,
)
from fencepost.kernel.layout import Layout
from fencepost.kernel.lowering import Environment, Reader
from fencepost.kernel.machine_code import has_wide_registers
from fencepost.kernel.writing import Writer

BYTES = ir.PointerType(I8)
SKIP_FROM = 6
SKIP_SHARE = 2
"""A subtree of at least `SKIP_FROM` leaves is passed over where no lane goes there, if the last
one that can be passed over around it has `SKIP_SHARE` times as many leaves."""

EVERYTHING = 1 << 30


@dataclass(frozen=True)
class Watch:
    """Any of some conditions, each with numbers for its arguments."""

    parts: tuple[tuple[Expression, tuple[tuple[str, int], ...]], ...]


@dataclass
class Outcome:
    """What a tree does to the lanes that reach it."""

    enabled: Condition
    fault: Condition
    words: list[ir.Value | None]


class ExpandWriter:
    """Writes the function `expand` for a system."""

    def __init__(self, system: System, layout: Layout, module: ir.Module) -> None:
        self.system, self.layout, self.module = system, layout, module
        signature = ir.FunctionType(I64, [BYTES, I64, I64, BYTES, I64, BYTES, BYTES, BYTES])
        function = ir.Function(module, signature, "expand")
        states, count, barriers, out, stride, lanes, coverage, fired = function.args
        for argument in (out, lanes, coverage, fired):
            argument.add_attribute("noalias")
        self.stride, self.coverage, self.fired = stride, coverage, fired
        self.lanes = LaneBuilder(function, wide_registers=has_wide_registers())
        self.builder = self.lanes.builder
        self.lane_table = _lane_table(module)
        packing = ir.FunctionType(WORDS, [WORDS, FLAGS, WORDS])
        self.compress = ir.Function(module, packing, "llvm.experimental.vector.compress.v8i64")
        words = load_states(self.lanes, layout, states)
        self.reader = Reader(
            system, layout, self.lanes, words, spread(self.builder, barriers)
        )
        self.out = self.builder.bitcast(out, ir.PointerType(I64))
        self.lane_out = lanes
        self.live = live_lanes(self.lanes, count)
        self.total = self.variable(I64, ir.Constant(I64, 0))
        none = Splat(FLAGS, 0)
        self.any_enabled = self.variable(FLAGS, none)
        self.any_fault = self.variable(FLAGS, none)
        self.around = EVERYTHING

    def variable(self, kind: ir.Type, initial: ir.Value) -> ir.Value:
        with self.builder.goto_entry_block():
            slot = self.builder.alloca(kind)
        self.builder.store(initial, slot)
        return slot

    def write(self) -> None:
        leaf_offset, number = 0, 0
        offsets: dict[str, int] = {}
        for action in self.system.actions:
            offsets[action.name] = leaf_offset
            leaf_offset += sum(1 for _ in leaves(action.tree))
        for number, step in enumerate(self.system.steps):
            action = self.system.action[step.action]
            env = {a.name: v for a, v in zip(action.arguments, step.arguments, strict=True)}
            self.step(number, action.tree, offsets[action.name], env)
        self.finish()

    def step(self, number: int, tree: Tree, leaf: int, env: Environment) -> None:
        outcome = self.tree(tree, leaf, self.live, env)
        self.collect(self.any_fault, outcome.fault)
        if outcome.enabled is not False:
            self.collect(self.any_enabled, outcome.enabled)
            self.emit(number, outcome)

    def collect(self, slot: ir.Value, condition: Condition) -> None:
        if condition is not False:
            flags = self.lanes.flags(condition)
            self.builder.store(self.builder.or_(self.builder.load(slot), flags), slot)

    def tree(self, tree: Tree, leaf: int, mask: Condition, env: Environment) -> Outcome:
        """What a tree does to the lanes of `mask`; `leaf` is the number of its first leaf."""
        untouched: list[ir.Value | None] = [None] * self.layout.words
        match tree:
            case Update():
                self.cover(leaf, mask)
                return Outcome(mask, False, Writer(self.reader).update(tree, env))
            case Disabled():
                self.cover(leaf, mask)
                return Outcome(False, False, untouched)
            case Fault():
                self.cover(leaf, mask)
                return Outcome(False, mask, untouched)
            case Decide():
                return self.decide(tree, leaf, mask, env)

    def decide(self, tree: Decide, leaf: int, mask: Condition, env: Environment) -> Outcome:
        lanes = self.lanes
        condition = self.reader.condition(tree.condition, env)
        size = sum(1 for _ in leaves(tree.then))
        if condition is True:
            return self.tree(tree.then, leaf, mask, env)
        if condition is False:
            return self.tree(tree.otherwise, leaf + size, mask, env)
        flags = lanes.flags(condition)
        then = self.branch(tree.then, leaf, lanes.both(mask, flags), env)
        unmet = lanes.both(mask, lanes.negate(flags))
        otherwise = self.branch(tree.otherwise, leaf + size, unmet, env)
        words = [
            self.merge(flags, then, otherwise, word) for word in range(self.layout.words)
        ]
        return Outcome(
            lanes.disjunction([then.enabled, otherwise.enabled]),
            lanes.disjunction([then.fault, otherwise.fault]),
            words,
        )

    def merge(
        self, flags: ir.Value, then: Outcome, otherwise: Outcome, word: int
    ) -> ir.Value | None:
        """A word after either branch; where only one updates, its word serves every lane."""
        one, other = then.words[word], otherwise.words[word]
        if one is None and other is None:
            return None
        if otherwise.enabled is False:
            return one
        if then.enabled is False:
            return other
        before = self.reader.words[word]
        merged = self.lanes.select(
            flags, before if one is None else one, before if other is None else other
        )
        return self.lanes.words(merged)

    def branch(self, tree: Tree, leaf: int, mask: Condition, env: Environment) -> Outcome:
        """A subtree; a large one is passed over where no lane goes there."""
        size = sum(1 for _ in leaves(tree))
        if size < SKIP_FROM or size * SKIP_SHARE > self.around:
            return self.tree(tree, leaf, mask, env)
        around, self.around = self.around, size
        none = Splat(FLAGS, 0)
        enabled, fault = self.variable(FLAGS, none), self.variable(FLAGS, none)
        slots = [self.variable(WORDS, word) for word in self.reader.words]
        byte = self.lanes.byte(self.lanes.flags(mask))
        taken = self.builder.icmp_unsigned("!=", byte, ir.Constant(I8, 0))
        with self.lanes.when(taken):
            outcome = self.tree(tree, leaf, mask, env)
            self.around = around
            for slot, word in zip(slots, outcome.words, strict=True):
                if word is not None:
                    self.builder.store(word, slot)
            if outcome.enabled is not False:
                self.builder.store(self.lanes.flags(outcome.enabled), enabled)
            if outcome.fault is not False:
                self.builder.store(self.lanes.flags(outcome.fault), fault)
        return Outcome(
            False if outcome.enabled is False else self.builder.load(enabled),
            False if outcome.fault is False else self.builder.load(fault),
            [
                None if word is None else self.builder.load(slot)
                for slot, word in zip(slots, outcome.words, strict=True)
            ],
        )

    def cover(self, leaf: int, mask: Condition) -> None:
        self.gather(self.coverage, leaf, self.lanes.byte(self.lanes.flags(mask)))

    def gather(self, table: ir.Value, position: int, byte: ir.Value) -> None:
        slot = self.builder.gep(table, [ir.Constant(I64, position)], source_etype=I8)
        self.builder.store(self.builder.or_(self.builder.load(slot, typ=I8), byte), slot)

    def emit(self, number: int, outcome: Outcome) -> None:
        """Write the successors of the enabled lanes, packed together."""
        builder = self.builder
        flags = self.lanes.flags(outcome.enabled)
        byte = self.lanes.byte(flags)
        self.gather(self.fired, number, byte)
        total = builder.load(self.total)
        for word in range(self.layout.words):
            after = outcome.words[word]
            value = self.reader.words[word] if after is None else after
            packed = builder.call(self.compress, [value, flags, ir.Constant(WORDS, ir.Undefined)])
            offset = total
            if word:
                row = builder.mul(self.stride, ir.Constant(I64, word))
                offset = builder.add(row, total)
            place = builder.gep(self.out, [offset], source_etype=I64)
            builder.store(packed, builder.bitcast(place, ir.PointerType(WORDS)), align=8)
        index = builder.zext(byte, I64)
        entry = builder.gep(self.lane_table, [index], source_etype=I64)
        names = builder.load(entry, typ=I64)
        place = builder.gep(self.lane_out, [total], source_etype=I8)
        builder.store(names, builder.bitcast(place, ir.PointerType(I64)), align=1)
        count = builder.zext(builder.ctpop(byte), I64)
        builder.store(builder.add(total, count), self.total)

    def finish(self) -> None:
        builder = self.builder
        faults = builder.load(self.any_fault)
        moving = builder.or_(builder.load(self.any_enabled), faults)
        result = builder.load(self.total)
        for flags, shift in ((moving, 32), (faults, 40)):
            byte = builder.zext(builder.bitcast(flags, I8), I64)
            result = builder.or_(result, builder.shl(byte, ir.Constant(I64, shift)))
        builder.ret(result)


def write_inspect(
    system: System, layout: Layout, module: ir.Module, watches: tuple[Watch, ...]
) -> None:
    """Writes the function `inspect`: each watch holds where any of its parts does."""
    signature = ir.FunctionType(I64, [BYTES, I64, I64, BYTES, BYTES])
    function = ir.Function(module, signature, "inspect")
    states, count, barriers, marks, wanted = function.args
    marks.add_attribute("noalias")
    lanes = LaneBuilder(function, wide_registers=has_wide_registers())
    builder = lanes.builder
    words = load_states(lanes, layout, states)
    reader = Reader(system, layout, lanes, words, spread(builder, barriers))
    live = live_lanes(lanes, count)
    met: ir.Value = ir.Constant(I8, 0)
    for number, watch in enumerate(watches):
        holds = reader.some([(node, dict(env)) for node, env in watch.parts])
        byte = lanes.byte(lanes.flags(lanes.both(live, holds)))
        place = ir.Constant(I64, number)
        builder.store(byte, builder.gep(marks, [place], source_etype=I8))
        mask = builder.load(builder.gep(wanted, [place], source_etype=I8), typ=I8)
        met = builder.or_(met, builder.and_(byte, mask))
    builder.ret(builder.zext(met, I64))


def load_states(lanes: LaneBuilder, layout: Layout, states: ir.Value) -> list[ir.Value]:
    """The words of eight states, one vector a word."""
    builder = lanes.builder
    if layout.words == 1:
        typed = builder.bitcast(states, ir.PointerType(WORDS))
        return [builder.load(typed, align=8, typ=WORDS)]
    words = []
    for word in range(layout.words):
        vector = ir.Constant(WORDS, ir.Undefined)
        for lane in range(LANES):
            offset = ir.Constant(I64, lane * layout.words + word)
            value = builder.load(builder.gep(states, [offset], source_etype=I64), typ=I64)
            vector = builder.insert_element(vector, value, ir.Constant(I32, lane))
        words.append(vector)
    return words


def live_lanes(lanes: LaneBuilder, count: ir.Value) -> ir.Value:
    """The first `count` lanes."""
    names = ir.Constant(WORDS, list(range(LANES)))
    return lanes.builder.icmp_unsigned("<", names, spread(lanes.builder, count))


def spread(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """A scalar in every lane."""
    vector = builder.insert_element(
        ir.Constant(WORDS, ir.Undefined), value, ir.Constant(I32, 0)
    )
    order = ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
    return builder.shuffle_vector(vector, ir.Constant(WORDS, ir.Undefined), order)


def _lane_table(module: ir.Module) -> ir.GlobalVariable:
    """For every byte of lanes, the names of its lanes, one a byte, lowest first."""
    rows = []
    for byte in range(256):
        names = [lane for lane in range(LANES) if byte >> lane & 1]
        rows.append(sum(name << 8 * place for place, name in enumerate(names)) & ALL_ONES)
    kind = ir.ArrayType(I64, 256)
    table = ir.GlobalVariable(module, kind, "lanes_of_byte")
    table.global_constant = True
    table.linkage = "internal"
    table.initializer = ir.Constant(kind, rows)
    return table
