"""The writes of a step, as masks and shifts on packed words."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from fencepost.core import expressions as x
from fencepost.core.trees import BulkWrite, Update, Write
from fencepost.kernel.lanes import ALL_ONES, Condition, Integer, Value
from fencepost.kernel.layout import Place
from fencepost.kernel.lowering import Environment, Reader


@dataclass
class Pending:
    """A word on its way: constant bits to clear and to set, not yet applied."""

    word: Value
    clear: int = 0
    bits: int = 0
    changed: bool = False


class Writer:
    """Applies the writes of one update, in order, to the words of the state before it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.lanes = reader.lanes
        self.pending = [Pending(word) for word in reader.words]

    def update(self, update: Update, env: Environment) -> list[Value | None]:
        """The words after the update; None for a word that is not written."""
        for write in update.writes:
            match write:
                case Write():
                    self.write(write, env)
                case BulkWrite():
                    self.bulk_write(write, env)
        return [self.word(n) if p.changed else None for n, p in enumerate(self.pending)]

    def write(self, write: Write, env: Environment) -> None:
        fixed, moving = self.reader.cell(write.field, write.indices, env)
        layout = self.reader.layout.fields[write.field]
        if layout.width == 0:
            return
        bits = self.value_bits(write.value, layout.low, env)
        if moving:
            self.put_moving(write.field, fixed, moving, bits, where=True)
        else:
            self.put(self.reader.place(layout, fixed, write.field), bits, where=True)

    def bulk_write(self, write: BulkWrite, env: Environment) -> None:
        fixed, moving = self.reader.cell(write.field, write.indices, env)
        layout = self.reader.layout.fields[write.field]
        if layout.width == 0:
            return
        names = [v.name for v in write.variables]
        domains = [v.of for v in write.variables]
        for offset, filling in enumerate(product(*(d.values() for d in domains))):
            inner = {**env, **dict(zip(names, filling, strict=True))}
            where = self.reader.condition(write.where, inner)
            if where is False:
                continue
            bits = self.value_bits(write.value, layout.low, inner)
            if moving:
                self.put_moving(write.field, fixed + offset, moving, bits, where)
            else:
                place = self.reader.place(layout, fixed + offset, write.field)
                self.put(place, bits, where)

    def value_bits(self, value: x.Expression, low: int, env: Environment) -> Integer:
        """What a cell holds for a value, without the bits that belong to its neighbours."""
        if isinstance(value, x.Read):
            raw, raw_low = self.reader.raw(value, env)
            return self.lanes.add(raw, raw_low - low)
        return self.lanes.subtract(self.reader.integer(value, env), low)

    def put(self, place: Place, bits: Integer, where: Condition) -> None:
        lanes, pending = self.lanes, self.pending[place.word]
        mask = ((1 << place.width) - 1) << place.shift
        pending.changed = True
        if isinstance(bits, int):
            placed = bits << place.shift & mask
            if where is True:
                pending.clear |= mask
                pending.bits = pending.bits & ~mask | placed
                return
            before = self.word(place.word)
            after = lanes.bits_or(lanes.bits_and(before, ~mask & ALL_ONES), placed)
        else:
            before = self.word(place.word)
            kept = lanes.bits_and(before, ~mask & ALL_ONES)
            after = lanes.bits_or(kept, lanes.shift_left(bits, place.shift))
            after = lanes.settled(lanes.words(after))
        self.replace(place.word, lanes.select(where, after, before))

    def put_moving(
        self,
        field: str,
        fixed: int,
        moving: list[tuple[Integer, int]],
        bits: Integer,
        where: Condition,
    ) -> None:
        lanes, layout = self.lanes, self.reader.layout.fields[field]
        mask = (1 << layout.width) - 1
        cell = self.reader.moving_cell(fixed, moving)
        for run in layout.runs:
            base = run.shift - run.first * layout.width
            shift = lanes.add(lanes.multiply(cell, layout.width), base)
            inside = where
            if len(layout.runs) > 1:
                below = lanes.compare("slt", cell, run.first + run.count)
                above = lanes.negate(lanes.compare("slt", cell, run.first))
                inside = lanes.conjunction([where, below, above])
            before = self.word(run.word)
            cleared = lanes.bits_and(before, lanes.bits_not(lanes.shift_left(mask, shift)))
            after = lanes.bits_or(cleared, lanes.shift_left(bits, shift))
            self.pending[run.word].changed = True
            self.replace(run.word, lanes.select(inside, after, before))

    def word(self, number: int) -> Value:
        """A word with everything written so far."""
        pending = self.pending[number]
        if pending.clear:
            kept = self.lanes.bits_and(pending.word, ~pending.clear & ALL_ONES)
            self.replace(number, self.lanes.bits_or(kept, pending.bits))
        return pending.word

    def replace(self, number: int, word: Integer) -> None:
        pending = self.pending[number]
        pending.word = self.lanes.words(word)
        pending.clear = pending.bits = 0
