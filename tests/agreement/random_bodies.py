"""Random bodies of actions and helpers as Python source."""

from __future__ import annotations

from random import Random

from random_declarations import Cells, Sort, World
from random_values import NAMES, Values

INDENT = "    "


class Body:
    """Writes statements; each may read what an earlier one wrote."""

    def __init__(self, random: Random, world: World, values: Values) -> None:
        self.random, self.world, self.values = random, world, values
        self.locals = 0

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def action(self) -> list[str]:
        lines = []
        if self.chance(0.85):
            lines.append(f"require({self.values.boolean(self.random.choice((0, 1, 2)))})")
        for _ in range(self.random.choice((1, 1, 2, 2, 3))):
            lines += self.statement(2)
        if self.chance(0.1):
            lines.append(f"require({self.values.boolean(1)})")
        return lines

    def move(self, chosen: Cells) -> list[str]:
        """One cell goes from one value to another: what makes a state space grow."""
        place = self.values.place(chosen)
        sort, inner = chosen.of, chosen.of.of
        bound = self.values.variables(inner or sort)
        values = list(dict.fromkeys(sort.values))
        if len(values) > 1 and self.chance(0.45):
            # From one value to the next: a model of these alone runs to an end.
            at = self.random.randrange(len(values) - 1)
            return [f"require({place} == {values[at]})", f"{place} = {values[at + 1]}"]
        if sort.kind == "set" and inner is not None:
            word = self.random.choice(("add", "remove"))
            moved = f"{place}.{word}({self.values.index(inner)})"
        elif sort.kind == "bool":
            moved = f"{place} = not {place}"
        elif sort.kind == "range" and sort.low == 0 and self.chance(0.6):
            moved = f"{place} = ({place} + 1) % {sort.high + 1}"
        elif sort.kind == "maybe" and bound and self.chance(0.6):
            moved = f"{place} = choose({place} == NONE, {self.random.choice(bound)}, NONE)"
        else:
            moved = f"{place} = {self.random.choice([*bound, *bound, *sort.values])}"
        asked = [f"require({self.values.boolean(1)})"] if self.chance(0.4) else []
        return [*asked, moved]

    def block(self, depth: int) -> list[str]:
        lines = self.statement(depth)
        if self.chance(0.3):
            lines += self.statement(depth)
        return [INDENT + line for line in lines]

    def statement(self, depth: int) -> list[str]:
        kinds = {
            "write": 10,
            "swap": 1,
            "set": 4,
            "bulk": 4,
            "assert": 0.5,
            "local": 1,
            "helper": 1 * bool(self.world.effects),
            "misuse": 0.5,
            "pass": 0.3,
        }
        if depth > 0:
            kinds |= {"if": 4, "match": 1, "loop": 1.5, "leave": 0.5}
        kind = self.random.choices(list(kinds), list(kinds.values()))[0]
        written = getattr(self, f"_{kind}")(depth)
        return written if isinstance(written, list) else [written]

    def _write(self, _: int) -> str:
        chosen = self.random.choice([f for f in self.world.fields if f.of.kind != "set"])
        if chosen.of.kind == "range" and self.chance(0.1):
            return f"{self.values.place(chosen)} {self.random.choice('+-')}= 1"
        return f"{self.values.place(chosen)} = {self._stored(chosen)}"

    def _stored(self, chosen: Cells) -> str:
        """A new value; a number is mostly kept in its range."""
        sort = chosen.of
        if sort.kind != "range":
            return self.values.value(sort, 1)
        number = self.values.number(2)
        inside = sort.low <= number.low and number.high <= sort.high
        if inside or self.chance(0.1):
            return number.text
        if sort.low <= 0 < sort.high and number.low >= 0:
            return f"({number.text}) % {sort.high + 1}"
        return self.values.literal(sort)

    def _swap(self, _: int) -> str:
        fields = [f for f in self.world.fields if f.of.kind != "set"]
        pair = [self.random.choice(fields) for _ in range(2)]
        places = [self.values.place(f) for f in pair]
        return f"{', '.join(places)} = {', '.join(self._stored(f) for f in pair)}"

    def _set(self, depth: int) -> str:
        sets = [f for f in self.world.fields if f.of.kind == "set"]
        if not sets:
            return self._write(depth)
        chosen = self.random.choice(sets)
        place = self.values.place(chosen)
        if self.chance(0.2) or chosen.of.of is None:
            return f"{place} = {self.values.members(chosen.of)}"
        word = self.random.choice(("add", "add", "remove"))
        return f"{place}.{word}({self.values.index(chosen.of.of)})"

    def _bulk(self, depth: int) -> str:
        arrays = [f for f in self.world.fields if f.indices and f.of.kind != "set"]
        if not arrays:
            return self._write(depth)
        chosen = self.random.choice(arrays)
        target, left = f"self.{chosen.name}", chosen.indices
        if len(chosen.indices) == 2 and self.chance(0.6):
            target, left = f"{target}[{self.values.index(left[0])}]", left[1:]
        names = self.random.sample(NAMES, len(left))
        inner = self.values.with_variables(*zip(names, left, strict=True))
        given = f"lambda {', '.join(names)}: "
        if self.chance(0.5):
            to = self.values.literal(chosen.of)
        elif self.chance(0.3):
            to = Body(self.random, self.world, self.values)._stored(chosen)
        else:
            to = given + Body(self.random, self.world, inner)._stored(chosen)
        where = f", where={given}{inner.boolean(1)}" if self.chance(0.6) else ""
        return f"assign({target}, to={to}{where})"

    def _assert(self, _: int) -> str:
        return f"assert {self.values.boolean(1)}"

    def _misuse(self, _: int) -> list[str]:
        return [f"if {self.values.boolean(1)}:", f'{INDENT}fault("used as it must not be")']

    def _pass(self, _: int) -> str:
        return "pass"

    def _local(self, depth: int) -> list[str]:
        """A local variable keeps what it saw, whatever is written afterwards."""
        fields = [f for f in self.world.fields if f.of.kind not in ("set", "maybe")]
        if not fields:
            return self.statement(depth)
        chosen = self.random.choice(fields)
        self.locals += 1
        name = f"seen_{self.locals}"
        lines = [f"{name} = {self.values.place(chosen)}"]
        if chosen.of.kind == "enum" and self.chance(0.5):
            lines += [
                f"if {self.values.boolean(1)}:",
                f"{INDENT}{name} = {self.values.literal(chosen.of)}",
            ]
        self.values = self.values.with_variables((name, chosen.of))
        return lines + self.statement(depth)

    def _helper(self, _: int) -> str:
        helper = self.random.choice(self.world.effects)
        given = ", ".join(self.values.index(sort) for sort in helper.arguments)
        return f"self.{helper.name}({given})"

    def _if(self, depth: int) -> list[str]:
        lines = [f"if {self.values.boolean(1)}:", *self._nested(depth)]
        if self.chance(0.3):
            lines += [f"elif {self.values.boolean(1)}:", *self._nested(depth)]
        if self.chance(0.6):
            lines += ["else:", *self._nested(depth)]
        return lines

    def _nested(self, depth: int) -> list[str]:
        """A block whose local variables stay inside."""
        outside = self.values
        lines = self.block(depth - 1)
        self.values = outside
        return lines

    def _leave(self, _: int) -> list[str]:
        return [f"if {self.values.boolean(1)}:", f"{INDENT}return"]

    def _match(self, depth: int) -> list[str]:
        fields = [f for f in self.world.fields if f.of.kind in ("enum", "range")]
        if not fields:
            return self._if(depth)
        chosen = self.random.choice(fields)
        values = list(dict.fromkeys(chosen.of.values))
        self.random.shuffle(values)
        lines = [f"match {self.values.place(chosen)}:"]
        first = values.pop()
        if len(values) > 1 and self.chance(0.4):
            first += f" | {values.pop()}"
        lines += [f"{INDENT}case {first}:", *_indented(self._nested(depth))]
        if values and self.chance(0.5):
            lines += [f"{INDENT}case {values.pop()}:", *_indented(self._nested(depth))]
        if self.chance(0.6):
            lines += [f"{INDENT}case _:", *_indented(self._nested(depth))]
        return lines

    def _loop(self, depth: int) -> list[str]:
        small: list[Sort] = [
            s for s in self.world.sorts if s.inside.startswith("self.") and s.size <= 2
        ]
        if not small:
            return self._if(depth)
        sort, name = self.random.choice(small), self.random.choice(NAMES)
        outside = self.values
        self.values = outside.with_variables((name, sort))
        lines = [f"for {name} in {sort.inside}:", *self._nested(1)]
        self.values = outside
        return lines


def _indented(lines: list[str]) -> list[str]:
    return [INDENT + line for line in lines]
