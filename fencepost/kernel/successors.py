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

from fencepost.core.expressions import Expression
from fencepost.core.system import System
from fencepost.core.trees import Decide, Disabled, Fault, Tree, Update, leaves
from fencepost.kernel.control import LANES
from fencepost.kernel.lanes import FLAGS, HALVES, WORDS, Condition, LaneBuilder, Value
from fencepost.kernel.layout import Layout
from fencepost.kernel.lowering import Environment, Reader
from fencepost.kernel.writing import Writer

SKIP_FROM = 4
SKIP_SHARE = 2
"""A subtree of at least `SKIP_FROM` leaves is passed over where no lane goes there, if the last
one that can be passed over around it has `SKIP_SHARE` times as many leaves."""

EVERYTHING = 1 << 30

EXPAND = """define i64 @expand(ptr %states, i64 %count, i64 %barriers, ptr noalias %out,
    i64 %stride, ptr noalias %lanes, ptr noalias %coverage, ptr noalias %fired) {"""
INSPECT = """define i64 @inspect(ptr %states, i64 %count, i64 %barriers, ptr noalias %marks,
    ptr %wanted) {"""
COMPRESS = "@llvm.experimental.vector.compress.v8i64"
DECLARATIONS = f"""declare {WORDS} {COMPRESS}({WORDS}, {FLAGS}, {WORDS})
declare i8 @llvm.ctpop.i8(i8)"""


@dataclass(frozen=True)
class Watch:
    """Any of some conditions, each with numbers for its arguments."""

    parts: tuple[tuple[Expression, tuple[tuple[str, int], ...]], ...]


@dataclass
class Outcome:
    """What a tree does to the lanes that reach it."""

    enabled: Condition
    fault: Condition
    words: list[Value | None]


class ExpandWriter:
    """Writes the function `expand` for a system."""

    def __init__(self, system: System, layout: Layout, *, wide_registers: bool) -> None:
        self.system, self.layout = system, layout
        self.lanes = LaneBuilder(wide_registers=wide_registers)
        self.reader, self.live = opened(system, layout, self.lanes)
        self.total: Value = "0"
        self.any_enabled: Condition = False
        self.any_fault: Condition = False
        self.around = EVERYTHING
        self.sizes: dict[int, int] = {}

    def write(self) -> str:
        offsets: dict[str, int] = {}
        leaf = 0
        for action in self.system.actions:
            offsets[action.name] = leaf
            leaf += self.size(action.tree)
        for number, step in enumerate(self.system.steps):
            action = self.system.action[step.action]
            env = {a.name: v for a, v in zip(action.arguments, step.arguments, strict=True)}
            self.step(number, action.tree, offsets[action.name], env)
        self.finish()
        return "\n".join([EXPAND, *self.lanes.lines, "}"])

    def size(self, tree: Tree) -> int:
        """How many leaves a tree has."""
        known = self.sizes.get(id(tree))
        if known is None:
            known = self.sizes[id(tree)] = sum(1 for _ in leaves(tree))
        return known

    def step(self, number: int, tree: Tree, leaf: int, env: Environment) -> None:
        """One step: its guards, then the rest if it gets past them in any lane."""
        tree, leaf, mask = self.guards(tree, leaf, env)
        if isinstance(tree, Disabled):
            self.cover(leaf, mask)
            return
        lanes, total, enabled, fault = self.lanes, self.total, self.any_enabled, self.any_fault
        byte = lanes.byte(lanes.flags(mask))
        with lanes.when(lanes.fresh(f"icmp ne i8 {byte}, 0")) as passed:
            outcome = self.tree(tree, leaf, mask, env)
            after_fault = lanes.flags(lanes.disjunction([fault, outcome.fault]))
            after_enabled = lanes.flags(lanes.disjunction([enabled, outcome.enabled]))
            if outcome.enabled is not False:
                self.emit(number, outcome)
        if outcome.enabled is not False:
            self.total = passed.merged("i64", self.total, total)
            self.any_enabled = passed.merged(FLAGS, after_enabled, lanes.flags(enabled))
        if outcome.fault is not False:
            self.any_fault = passed.merged(FLAGS, after_fault, lanes.flags(fault))

    def guards(self, tree: Tree, leaf: int, env: Environment) -> tuple[Tree, int, Condition]:
        """What is left of a tree behind the decisions that only disable, and who gets there."""
        lanes = self.lanes
        mask: Condition = self.live
        while isinstance(tree, Decide):
            condition = self.reader.condition(tree.condition, env)
            behind = leaf + self.size(tree.then)
            if isinstance(condition, bool):
                tree, leaf = (tree.then, leaf) if condition else (tree.otherwise, behind)
            elif isinstance(tree.otherwise, Disabled):
                flags = lanes.flags(condition)
                self.cover(behind, lanes.both(mask, lanes.negate(flags)))
                tree, mask = tree.then, lanes.both(mask, flags)
            elif isinstance(tree.then, Disabled):
                flags = lanes.flags(condition)
                self.cover(leaf, lanes.both(mask, flags))
                tree, leaf, mask = tree.otherwise, behind, lanes.both(mask, lanes.negate(flags))
            else:
                break
        return tree, leaf, mask

    def tree(self, tree: Tree, leaf: int, mask: Condition, env: Environment) -> Outcome:
        """What a tree does to the lanes of `mask`; `leaf` is the number of its first leaf."""
        untouched: list[Value | None] = [None] * self.layout.words
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
        size = self.size(tree.then)
        if condition is True:
            return self.tree(tree.then, leaf, mask, env)
        if condition is False:
            return self.tree(tree.otherwise, leaf + size, mask, env)
        flags = lanes.flags(condition)
        then = self.branch(tree.then, leaf, lanes.both(mask, flags), env)
        unmet = lanes.both(mask, lanes.negate(flags))
        otherwise = self.branch(tree.otherwise, leaf + size, unmet, env)
        words = [self.merge(flags, then, otherwise, word) for word in range(self.layout.words)]
        return Outcome(
            lanes.disjunction([then.enabled, otherwise.enabled]),
            lanes.disjunction([then.fault, otherwise.fault]),
            words,
        )

    def merge(self, flags: Value, then: Outcome, otherwise: Outcome, word: int) -> Value | None:
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
        size = self.size(tree)
        if size < SKIP_FROM or size * SKIP_SHARE > self.around:
            return self.tree(tree, leaf, mask, env)
        around, self.around = self.around, size
        byte = self.lanes.byte(self.lanes.flags(mask))
        with self.lanes.when(self.lanes.fresh(f"icmp ne i8 {byte}, 0")) as passed:
            outcome = self.tree(tree, leaf, mask, env)
            enabled = self.lanes.flags(outcome.enabled)
            fault = self.lanes.flags(outcome.fault)
        self.around = around
        none = self.lanes.flags(False)
        return Outcome(
            outcome.enabled is not False and passed.merged(FLAGS, enabled, none),
            outcome.fault is not False and passed.merged(FLAGS, fault, none),
            [
                None if word is None else passed.merged(WORDS, word, before)
                for word, before in zip(outcome.words, self.reader.words, strict=True)
            ],
        )

    def cover(self, leaf: int, mask: Condition) -> None:
        self.gather("%coverage", leaf, self.lanes.byte(self.lanes.flags(mask)))

    def gather(self, table: Value, position: int, byte: Value) -> None:
        lanes = self.lanes
        place = lanes.once(f"getelementptr i8, ptr {table}, i64 {position}")
        before = lanes.fresh(f"load i8, ptr {place}")
        lanes.do(f"store i8 {lanes.fresh(f'or i8 {before}, {byte}')}, ptr {place}")

    def emit(self, number: int, outcome: Outcome) -> None:
        """Write the successors of the enabled lanes, packed together."""
        lanes, total = self.lanes, self.total
        flags = lanes.flags(outcome.enabled)
        byte = lanes.byte(flags)
        self.gather("%fired", number, byte)
        for word, (before, after) in enumerate(zip(self.reader.words, outcome.words, strict=True)):
            value = before if after is None else after
            packed = lanes.fresh(
                f"call {WORDS} {COMPRESS}({WORDS} {value}, {FLAGS} {flags}, {WORDS} poison)"
            )
            row = lanes.once(f"mul i64 %stride, {word}") if word else "0"
            offset = lanes.fresh(f"add i64 {row}, {total}") if word else total
            place = lanes.fresh(f"getelementptr i64, ptr %out, i64 {offset}")
            lanes.do(f"store {WORDS} {packed}, ptr {place}, align 8")
        index = lanes.once(f"zext i8 {byte} to i64")
        entry = lanes.fresh(f"getelementptr i64, ptr @lanes_of_byte, i64 {index}")
        names = lanes.fresh(f"load i64, ptr {entry}")
        place = lanes.fresh(f"getelementptr i8, ptr %lanes, i64 {total}")
        lanes.do(f"store i64 {names}, ptr {place}, align 1")
        count = lanes.once(f"call i8 @llvm.ctpop.i8(i8 {byte})")
        wide = lanes.once(f"zext i8 {count} to i64")
        self.total = lanes.fresh(f"add i64 {total}, {wide}")

    def finish(self) -> None:
        lanes = self.lanes
        moving = lanes.disjunction([self.any_enabled, self.any_fault])
        result = self.total
        for condition, shift in ((moving, 32), (self.any_fault, 40)):
            byte = lanes.byte(lanes.flags(condition))
            wide = lanes.once(f"zext i8 {byte} to i64")
            shifted = lanes.fresh(f"shl i64 {wide}, {shift}")
            result = lanes.fresh(f"or i64 {result}, {shifted}")
        lanes.do(f"ret i64 {result}")


def write_inspect(
    system: System, layout: Layout, watches: tuple[Watch, ...], *, wide_registers: bool
) -> str:
    """The function `inspect`: each watch holds where any of its parts does."""
    lanes = LaneBuilder(wide_registers=wide_registers)
    reader, live = opened(system, layout, lanes)
    met = "0"
    for number, watch in enumerate(watches):
        holds = reader.some([(node, dict(env)) for node, env in watch.parts])
        byte = lanes.byte(lanes.flags(lanes.both(live, holds)))
        mark = lanes.fresh(f"getelementptr i8, ptr %marks, i64 {number}")
        lanes.do(f"store i8 {byte}, ptr {mark}")
        place = lanes.fresh(f"getelementptr i8, ptr %wanted, i64 {number}")
        wanted = lanes.fresh(f"load i8, ptr {place}")
        mask = lanes.fresh(f"and i8 {byte}, {wanted}")
        met = lanes.fresh(f"or i8 {met}, {mask}")
    lanes.do(f"ret i64 {lanes.fresh(f'zext i8 {met} to i64')}")
    return "\n".join([INSPECT, *lanes.lines, "}"])


def opened(system: System, layout: Layout, lanes: LaneBuilder) -> tuple[Reader, Value]:
    """A reader of the states that a function was given, and which of its lanes are live."""
    words = load_states(lanes, layout)
    reader = Reader(system, layout, lanes, words, spread(lanes, "%barriers"))
    names = ", ".join(f"i64 {lane}" for lane in range(LANES))
    return reader, lanes.once(f"icmp ult {WORDS} <{names}>, {spread(lanes, '%count')}")


def load_states(lanes: LaneBuilder, layout: Layout) -> list[Value]:
    """The words of eight states, one vector a word."""
    if layout.words == 1:
        return [lanes.once(f"load {WORDS}, ptr %states, align 8")]
    words = []
    for word in range(layout.words):
        vector = "poison"
        for lane in range(LANES):
            offset = lane * layout.words + word
            place = lanes.fresh(f"getelementptr i64, ptr %states, i64 {offset}")
            value = lanes.fresh(f"load i64, ptr {place}")
            vector = lanes.fresh(f"insertelement {WORDS} {vector}, i64 {value}, i32 {lane}")
        words.append(vector)
    return words


def spread(lanes: LaneBuilder, value: Value) -> Value:
    """A scalar in every lane."""
    vector = lanes.once(f"insertelement {WORDS} poison, i64 {value}, i32 0")
    order = f"{HALVES} zeroinitializer"
    return lanes.once(f"shufflevector {WORDS} {vector}, {WORDS} poison, {order}")


def lane_table() -> str:
    """For every byte of lanes, the names of its lanes, one a byte, lowest first."""
    rows = []
    for byte in range(256):
        names = [lane for lane in range(LANES) if byte >> lane & 1]
        rows.append(f"i64 {sum(name << 8 * place for place, name in enumerate(names))}")
    return f"@lanes_of_byte = internal constant [256 x i64] [{', '.join(rows)}]"
