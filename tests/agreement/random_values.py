"""Random expressions as Python source, over the declarations of a random model."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from random_declarations import Cells, Sort, World

NAMES = ("i", "j", "k")


@dataclass(frozen=True)
class Number:
    """An expression with the interval its value is known to lie in."""

    text: str
    low: int
    high: int


class Values:
    """Writes expressions for one place: with these variables in scope, on `self` or `m`."""

    def __init__(
        self,
        random: Random,
        world: World,
        scope: tuple[tuple[str, Sort], ...] = (),
        *,
        me: str = "self",
        safe: bool = False,
        helpers: bool = True,
    ) -> None:
        self.random, self.world, self.scope = random, world, scope
        self.me, self.safe, self.helpers = me, safe, helpers

    def with_variables(self, *variables: tuple[str, Sort]) -> Values:
        hidden = {name for name, _ in variables}
        kept = tuple(v for v in self.scope if v[0] not in hidden)
        return Values(
            self.random,
            self.world,
            (*kept, *variables),
            me=self.me,
            safe=self.safe,
            helpers=self.helpers,
        )

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def name_of(self, sort: Sort) -> str:
        """What a quantifier or loop calls a sort here."""
        return sort.inside.replace("self.", f"{self.me}.")

    def variables(self, sort: Sort) -> list[str]:
        return [name for name, other in self.scope if other == sort]

    # Places.

    def cell(self, fields: list[Cells]) -> str:
        return self.place(self.random.choice(fields))

    def place(self, chosen: Cells) -> str:
        name = f"{self.me}.{chosen.name}"
        if not chosen.indices:
            return name
        shown = [self.index(sort) for sort in chosen.indices]
        if len(shown) == 2 and self.chance(0.2):
            return f"{name}[{shown[0]}][{shown[1]}]"
        return f"{name}[{', '.join(shown)}]"

    def index(self, sort: Sort) -> str:
        """An index of an array: mostly in range; not always, where faults are welcome."""
        bound = self.variables(sort)
        if bound and self.chance(0.75):
            return self.random.choice(bound)
        if not self.safe and self.chance(0.25):
            return self._doubtful_index(sort)
        return self.random.choice(bound) if bound and self.chance(0.5) else self.literal(sort)

    def _doubtful_index(self, sort: Sort) -> str:
        fields = [
            f
            for f in self.world.fields
            if f.of.compared_as == sort.compared_as and len(f.indices) < 2
        ]
        if fields and self.chance(0.8):
            return safe_cell(self, self.random.choice(fields))
        bound = self.variables(sort)
        if sort.kind in ("index", "range") and bound and self.chance(0.5):
            return f"{self.random.choice(bound)} {self.random.choice('+-')} 1"
        if sort.kind == "index" and self.chance(0.15):
            return str(sort.high + 1)
        return self.literal(sort)

    def literal(self, sort: Sort) -> str:
        return self.random.choice(sort.values)

    # Values of a sort.

    def value(self, sort: Sort, depth: int = 2) -> str:
        """Something that can be stored in a cell of this sort; it may leave the domain."""
        if sort.kind == "bool":
            return self.boolean(depth)
        if sort.kind == "range":
            return self.number(depth).text
        if sort.kind == "set":
            return self.members(sort)
        fields = [f for f in self.world.fields if f.of.compared_as == sort.compared_as]
        if self.safe:
            fields = [f for f in fields if f.of == sort]
        bound = [n for n, s in self.scope if s.compared_as == sort.compared_as]
        choice = self.random.random()
        if bound and choice < 0.35:
            return self.random.choice(bound)
        if fields and choice < 0.55:
            return self.cell(fields)
        if depth > 0 and choice < 0.62:
            sides = [self.value(sort, depth - 1) for _ in range(2)]
            return f"choose({self.boolean(depth - 1)}, {sides[0]}, {sides[1]})"
        if not self.safe and sort.kind in ("enum", "index") and bound and choice < 0.64:
            return f"{self.random.choice(bound)} + 1"
        return self.literal(sort)

    def members(self, sort: Sort) -> str:
        """A whole set."""
        fields = [f for f in self.world.fields if f.of == sort]
        choice = self.random.random()
        if fields and choice < 0.5:
            return self.cell(fields)
        if fields and choice < 0.7:
            return f"choose({self.boolean(0)}, {self.cell(fields)}, EMPTY)"
        return "EMPTY"

    # Numbers.

    def number(self, depth: int = 2) -> Number:
        if depth <= 0 or self.chance(0.35):
            return self._small_number()
        kinds = ("+", "-", "*", "//", "%", "choose", "count", "least", "sum")
        kind = self.random.choices(kinds, (5, 3, 2, 4, 3, 2, 3, 1, 1))[0]
        if kind == "count":
            return self._count(depth)
        if kind == "sum":
            return self._sum()
        left = self.number(depth - 1)
        if kind in ("//", "%"):
            return self._divided(kind, left)
        right = self.number(depth - 1)
        if kind == "choose":
            text = f"choose({self.boolean(depth - 1)}, {left.text}, {right.text})"
            return Number(text, min(left.low, right.low), max(left.high, right.high))
        if kind == "least":
            word = self.random.choice(("min", "max"))
            text = f"{word}({left.text}, {right.text})"
            return Number(text, min(left.low, right.low), max(left.high, right.high))
        if kind == "*":
            corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
            return Number(f"({left.text}) * ({right.text})", min(corners), max(corners))
        if kind == "+":
            text = f"({left.text} + {right.text})"
            return Number(text, left.low + right.low, left.high + right.high)
        return Number(
            f"({left.text} - ({right.text}))", left.low - right.high, left.high - right.low
        )

    def _divided(self, kind: str, left: Number) -> Number:
        if left.low < 0:
            return left
        by = self.random.randint(1, 4)
        high = left.high // by if kind == "//" else by - 1
        return Number(f"({left.text}) {kind} {by}", 0, high)

    def _small_number(self) -> Number:
        fields = [f for f in self.world.fields if f.of.kind == "range"]
        optional = [
            f
            for f in self.world.fields
            if f.of.kind == "maybe" and f.of.of is not None and f.of.of.kind in ("range", "index")
        ]
        bound = [(n, s) for n, s in self.scope if s.kind in ("range", "index", "enum", "bool")]
        choice = self.random.random()
        if fields and choice < 0.55:
            chosen = self.random.choice(fields)
            return Number(self.place(chosen), chosen.of.low, chosen.of.high)
        if bound and choice < 0.7:
            # Adding makes a plain number of it; beside another sort it could not be compared.
            name, sort = self.random.choice(bound)
            more = self.random.choice((0, 0, 1))
            return Number(f"({name} + {more})", sort.low + more, sort.high + more)
        if optional and not self.safe and choice < 0.73:
            chosen = self.random.choice(optional)
            text = self.place(chosen)
            if chosen.of.compared_as != "number":
                text = f"({text} + 0)"
            return Number(text, 0, chosen.of.high)
        value = self.random.randint(0, 3)
        return Number(str(value), value, value)

    def _count(self, depth: int) -> Number:
        sorts, names, body = self._quantified(depth)
        most = 1
        for sort in sorts:
            most *= sort.size
        over = ", ".join(self.name_of(sort) for sort in sorts)
        return Number(f"count({over}, lambda {', '.join(names)}: {body})", 0, most)

    def _sum(self) -> Number:
        iterable = self._iterable()
        if iterable is None:
            return Number("1", 1, 1)
        name, inner = self.random.choice(NAMES), None
        inner = self.with_variables((name, iterable))
        text = f"sum(1 for {name} in {self.name_of(iterable)} if {inner.boolean(0)})"
        return Number(text, 0, iterable.size)

    def _iterable(self) -> Sort | None:
        small = [s for s in self.world.sorts if s.inside.startswith("self.") and s.size <= 2]
        return self.random.choice(small) if small else None

    # Conditions.

    def boolean(self, depth: int = 2) -> str:
        if depth <= 0 or self.chance(0.3):
            return self._atom()
        kind = self.random.choices(
            (
                "and",
                "or",
                "not",
                "quantified",
                "all",
                "compare",
                "chain",
                "choose",
                "helper",
                "same",
            ),
            (5, 5, 3, 5, 2, 5, 2, 2, 2, 1),
        )[0]
        if kind in ("and", "or"):
            parts = [self.boolean(depth - 1) for _ in range(self.random.choice((2, 2, 3)))]
            return "(" + f" {kind} ".join(parts) + ")"
        if kind == "not":
            return f"(not {self.boolean(depth - 1)})"
        if kind == "quantified":
            sorts, names, body = self._quantified(depth)
            over = ", ".join(self.name_of(sort) for sort in sorts)
            word = self.random.choice(("for_all", "exists"))
            return f"{word}({over}, lambda {', '.join(names)}: {body})"
        if kind == "all":
            return self._all_or_any()
        if kind == "chain":
            low, middle, high = (self.number(1).text for _ in range(3))
            signs = [self.random.choice(("<", "<=", "==", ">")) for _ in range(2)]
            return f"({low} {signs[0]} {middle} {signs[1]} {high})"
        if kind == "choose":
            sides = [self.boolean(depth - 1) for _ in range(2)]
            return f"choose({self.boolean(depth - 1)}, {sides[0]}, {sides[1]})"
        if kind == "helper" and self.helpers and self.world.conditions:
            helper = self.random.choice(self.world.conditions)
            given = ", ".join(self.index(sort) for sort in helper.arguments)
            return f"{self.me}.{helper.name}({given})"
        if kind == "same":
            sign = self.random.choice(("==", "!="))
            return f"(({self.boolean(depth - 1)}) {sign} ({self.boolean(depth - 1)}))"
        sign = self.random.choice(("==", "!=", "<", "<=", ">", ">="))
        return f"({self.number(depth - 1).text} {sign} {self.number(depth - 1).text})"

    def _quantified(self, depth: int) -> tuple[list[Sort], list[str], str]:
        count = 2 if self.chance(0.2) else 1
        names = self.random.sample(NAMES, count)
        sorts = [self.random.choice([s for s in self.world.sorts if s.size <= 3]) for _ in names]
        inner = self.with_variables(*zip(names, sorts, strict=True))
        return sorts, names, inner.boolean(depth - 1)

    def _all_or_any(self) -> str:
        iterable = self._iterable()
        if iterable is None:
            return self._atom()
        name = self.random.choice(NAMES)
        inner = self.with_variables((name, iterable))
        word = self.random.choice(("all", "any"))
        only = f" if {inner.boolean(0)}" if self.chance(0.2) else ""
        return f"{word}({inner.boolean(0)} for {name} in {self.name_of(iterable)}{only})"

    def _atom(self) -> str:
        fields = self.world.fields
        booleans = [f for f in fields if f.of.kind == "bool"]
        sets = [f for f in fields if f.of.kind == "set"]
        named = [f for f in fields if f.of.kind in ("enum", "maybe", "index")]
        bound = [n for n, s in self.scope if s.kind == "bool"]
        kind = self.random.choices(
            ("cell", "bound", "barrier", "set", "equal", "among", "number", "truth"),
            (6 * bool(booleans), 2 * bool(bound), bool(self.world.barriers), 4 * bool(sets),
             8 * bool(named), 2 * bool(named), 4, 0.5),
        )[0]  # fmt: skip
        if kind == "cell":
            return self.cell(booleans)
        if kind == "bound":
            return self.random.choice(bound)
        if kind == "barrier":
            return f"{self.me}.{self.random.choice(self.world.barriers)}"
        if kind == "set":
            return self._about_a_set(self.random.choice(sets))
        if kind == "equal":
            chosen = self.random.choice(named)
            sign = self.random.choice(("==", "==", "!="))
            return f"({self.place(chosen)} {sign} {self._beside(chosen.of)})"
        if kind == "among":
            chosen = self.random.choice(named)
            word = self.random.choice(("in", "in", "not in"))
            others = ", ".join(self._beside(chosen.of) for _ in range(2))
            return f"({self.place(chosen)} {word} ({others}))"
        ranges = [f for f in fields if f.of.kind == "range"]
        if kind == "truth" and ranges:
            return f"(not {self.cell(ranges)})"
        sign = self.random.choice(("==", "!=", "<", "<=", ">", ">="))
        return f"({self._small_number().text} {sign} {self._small_number().text})"

    def _about_a_set(self, chosen: Cells) -> str:
        if chosen.of.of is not None and self.chance(0.65):
            word = self.random.choice(("in", "in", "not in"))
            return f"({self.index(chosen.of.of)} {word} {self.place(chosen)})"
        sign = self.random.choice(("==", "!="))
        return f"({self.place(chosen)} {sign} {self.members(chosen.of)})"

    def _beside(self, sort: Sort) -> str:
        """What a value of this sort is compared with."""
        if self.chance(0.6):
            return self.literal(sort)
        return self.value(sort, 0)


def safe_cell(values: Values, chosen: Cells) -> str:
    """A cell that is itself an index; what it is indexed by is in range, or nesting never ends."""
    safe = Values(values.random, values.world, values.scope, me=values.me, safe=True, helpers=False)
    return safe.place(chosen)
