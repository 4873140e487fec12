"""Random systems at the level of `core`: every node kind, every domain, faults and stuck states."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from itertools import product

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import BOOL, Domain, Enum, Index, Maybe, Range, SetOf
from fencepost.core.errors import Location
from fencepost.core.expressions import Expression, Variable
from fencepost.core.semantics import evaluate
from fencepost.core.system import (
    Action,
    Barrier,
    Design,
    Expectation,
    Field,
    Property,
    System,
)
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Tree, Update, Write

FILE = "models/random_system.py"


@dataclass
class Scope:
    """What an expression may mention; `proven` are reads that are known not to be NONE."""

    variables: list[Variable] = field(default_factory=list)
    proven: list[x.Read] = field(default_factory=list)

    def with_variables(self, variables: tuple[Variable, ...]) -> Scope:
        return Scope([*self.variables, *variables], list(self.proven))

    def with_proven(self, read: x.Read) -> Scope:
        return Scope(list(self.variables), [*self.proven, read])


class Generator:
    """Draws one system from a seed."""

    def __init__(self, seed: int, *, wide: bool = False, most_barriers: int = 2) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.wide, self.most_barriers = wide, most_barriers
        self.line = 0
        self.names = 0
        draw = self.random
        self.sorts = [Index("A", draw.randint(1, 3)), Index("B", draw.randint(1, 4))]
        self.enum = Enum("Phase", tuple("PQRS")[: draw.randint(2, 4)], draw.choice((0, 1)))
        self.fields: list[Field] = []

    def system(self) -> System:
        draw = self.random
        self.fields = [self.field(n) for n in range(draw.randint(3, 5))]
        if self.wide:
            self.fields += [self.wide_field(n) for n in range(draw.randint(1, 3))]
            draw.shuffle(self.fields)
        self.barriers = tuple(
            Barrier(f"barrier_{n}", "text", "edge", ())
            for n in range(draw.randint(0, self.most_barriers))
        )
        names = [b.name for b in self.barriers]
        on = frozenset(name for name in names if draw.random() < 0.5)
        return System(
            name=f"Random{self.seed}",
            parameters=(("seed", self.seed),),
            barriers=self.barriers,
            fields=tuple(self.fields),
            initial=x.TRUE if draw.random() < 0.7 else self.condition(Scope(), 2),
            actions=tuple(self.action(n) for n in range(draw.randint(3, 7))),
            properties=tuple(self.property(n) for n in range(draw.randint(1, 4))),
            final=x.FALSE if draw.random() < 0.5 else self.condition(Scope(), 2),
            designs=(
                Design("some", on, Expectation()),
                Design("all", frozenset(names), Expectation()),
            ),
        )

    # Declarations.

    def domain(self) -> Domain:
        draw = self.random
        sort = draw.choice(self.sorts)
        low = draw.randint(-3, 2)
        return draw.choice(
            [
                BOOL,
                self.enum,
                sort,
                Maybe(sort),
                Maybe(sort),
                SetOf(sort),
                Range(low, low + draw.choice((0, 1, 2, 4))),
            ]
        )

    def field(self, number: int) -> Field:
        draw = self.random
        kind = self.domain()
        indices = tuple(
            draw.choice([*self.sorts, BOOL, Range(-1, 1)]) for _ in range(draw.choice((0, 1, 1, 2)))
        )
        cells = 1
        for index in indices:
            cells *= index.size
        common = draw.choice(list(kind.values()))
        initial = [(common,)] * cells
        if draw.random() < 0.4:
            chosen = sorted({draw.choice(list(kind.values())) for _ in range(2)})
            initial[draw.randrange(cells)] = tuple(chosen)
        return Field(f"field_{number}", indices, kind, tuple(initial))

    def wide_field(self, number: int) -> Field:
        draw = self.random
        kind = Range(-5, draw.choice((10, 1000, 2**40)))
        size = draw.choice((3, 9, 20))
        return Field(f"wide_{number}", (Index(f"W{number}", size),), kind, ((0,),) * size)

    def fresh(self, kind: Domain) -> Variable:
        self.names += 1
        return Variable(f"v{self.names}", kind)

    def place(self) -> Location:
        self.line += 1
        return Location(FILE, self.line, 4)

    # Expressions.

    def in_range(self, wanted: Domain, scope: Scope) -> Expression:
        """An expression whose value is always one of `wanted`."""
        draw = self.random
        low = range(wanted.low, wanted.low + min(wanted.size, 4))
        options: list[Expression] = [x.Constant(draw.choice(low), wanted)]
        for candidate in [*scope.variables, *self.plain_reads()]:
            kind = candidate.domain
            if wanted.low <= kind.low and kind.high <= wanted.high:
                options.append(candidate)
        for read in scope.proven:
            if wanted.low <= 0 and read.domain.high <= wanted.high:
                options += [read, read]
        if wanted.low == 0 and wanted.size > 1:
            left = self.natural(scope)
            if left is not None:
                by = x.Constant(wanted.size, Range(wanted.size, wanted.size))
                options.append(folding.arithmetic("%", left, by))
        return draw.choice(options)

    def plain_reads(self) -> list[x.Read]:
        return [x.Read(f.name, (), f.domain) for f in self.fields if not f.indices]

    def natural(self, scope: Scope) -> Expression | None:
        for candidate in self.random.sample(
            [*scope.variables, *self.plain_reads()], k=len(scope.variables + self.plain_reads())
        ):
            if candidate.domain.low >= 0 and candidate.domain.high < 1 << 20:
                return candidate
        return None

    def read(self, scope: Scope, only: type[Domain] | None = None) -> x.Read | None:
        fields = [f for f in self.fields if only is None or isinstance(f.domain, only)]
        if not fields:
            return None
        chosen = self.random.choice(fields)
        indices = tuple(self.in_range(index, scope) for index in chosen.indices)
        return x.Read(chosen.name, indices, chosen.domain)

    def integer(self, scope: Scope, depth: int) -> Expression:
        draw = self.random
        kind = draw.randrange(9) if depth > 0 else draw.randrange(3)
        if kind == 0:
            value = draw.randint(-2, 4)
            return x.Constant(value, Range(value, value))
        if kind == 1 and scope.variables:
            return draw.choice(scope.variables)
        if kind in {3, 4}:
            operator = draw.choice(("+", "-", "*"))
            left, right = self.integer(scope, depth - 1), self.integer(scope, depth - 1)
            result = folding.arithmetic(operator, left, right)
            return result if -(2**50) < result.domain.low <= result.domain.high < 2**50 else left
        if kind == 5:
            left = self.natural(scope)
            if left is not None:
                by = draw.randint(1, 5)
                divisor = x.Constant(by, Range(by, by))
                return folding.arithmetic(draw.choice(("//", "%")), left, divisor)
        if kind == 6:
            then, other = self.integer(scope, depth - 1), self.integer(scope, depth - 1)
            low = min(then.domain.low, other.domain.low)
            high = max(then.domain.high, other.domain.high)
            return folding.choose(self.condition(scope, depth - 1), then, other, Range(low, high))
        if kind == 7:
            variable = self.fresh(draw.choice([*self.sorts, BOOL, Range(-1, 1)]))
            body = self.condition(scope.with_variables((variable,)), depth - 1)
            return folding.quantified("count", (variable,), body)
        read = self.read(scope)
        return read if read is not None else x.Constant(0, BOOL)

    def condition(self, scope: Scope, depth: int) -> Expression:
        draw = self.random
        kind = draw.randrange(10) if depth > 0 else draw.choice((0, 1, 6))
        if kind == 0:
            read = self.read(scope, type(BOOL))
            return read if read is not None else x.TRUE
        if kind == 1:
            return folding.equal(self.integer(scope, depth - 1), self.integer(scope, depth - 1))
        if kind == 2:
            return folding.less(self.integer(scope, depth - 1), self.integer(scope, depth - 1))
        if kind == 3:
            return folding.negate(self.condition(scope, depth - 1))
        if kind in {4, 5}:
            build = folding.conjunction if kind == 4 else folding.disjunction
            return build([self.condition(scope, depth - 1) for _ in range(draw.randint(2, 3))])
        if kind == 6 and self.barriers:
            return x.BarrierOn(draw.choice(self.barriers).name)
        if kind == 7:
            size = draw.randint(1, 2)
            variables = tuple(self.fresh(draw.choice([*self.sorts, BOOL])) for _ in range(size))
            body = self.condition(scope.with_variables(variables), depth - 1)
            return folding.quantified(draw.choice(("for_all", "exists")), variables, body)
        if kind == 8:
            members = self.members(scope)
            if members is not None:
                return folding.contains(members, self.in_range(members.domain.of, scope))
        if kind == 9:
            guarded = self.read(scope, Maybe)
            if guarded is not None:
                none = folding.equal(guarded, x.Constant(-1, guarded.domain))
                inner = self.condition(scope.with_proven(guarded), depth - 1)
                if draw.random() < 0.5:
                    return folding.conjunction([folding.negate(none), inner])
                return folding.choose(none, self.condition(scope, depth - 1), inner, BOOL)
        return folding.equal(self.integer(scope, 0), self.integer(scope, 0))

    def members(self, scope: Scope) -> Expression | None:
        read = self.read(scope, SetOf)
        if read is None or self.random.random() < 0.5:
            return read
        element = self.in_range(read.domain.of, scope)
        return folding.set_update(read, element, self.random.random() < 0.5)

    # Trees.

    def action(self, number: int) -> Action:
        draw = self.random
        arguments = tuple(
            self.fresh(draw.choice([*self.sorts, BOOL])) for _ in range(draw.randint(0, 2))
        )
        scope = Scope(list(arguments))
        tree = self.tree(scope, draw.randint(1, 4))
        if self.seed % 3 == 1:
            tree = Decide(self.condition(scope, 2), tree, Disabled(), location=self.place())
        return Action(f"action_{number}", "actor", arguments, tree)

    def tree(self, scope: Scope, depth: int) -> Tree:
        draw = self.random
        if depth == 0 or draw.random() < 0.1:
            return self.leaf(scope)
        guarded = self.read(scope, Maybe)
        if guarded is not None and draw.random() < 0.3:
            none = folding.equal(guarded, x.Constant(-1, guarded.domain))
            there = self.tree(scope.with_proven(guarded), depth - 1)
            return Decide(
                folding.negate(none), there, Fault("none"), check=True, location=self.place()
            )
        then, otherwise = self.tree(scope, depth - 1), self.tree(scope, depth - 1)
        if draw.random() < 0.3:
            otherwise = Disabled()
        return Decide(self.condition(scope, 2), then, otherwise, location=self.place())

    def leaf(self, scope: Scope) -> Tree:
        draw = self.random
        chance = draw.random()
        if chance < 0.06:
            return Disabled()
        if chance < 0.08:
            return Fault("assert", "said so", location=self.place())
        checks: list[Expression] = []
        writes = tuple(self.write(scope, checks) for _ in range(draw.choice((0, 1, 1, 2, 2, 3))))
        tree: Tree = Update(writes)
        for check in reversed(checks):
            tree = Decide(check, tree, Fault("domain"), check=True, location=self.place())
        return tree

    def write(self, scope: Scope, checks: list[Expression]) -> Write | BulkWrite:
        draw = self.random
        chosen = draw.choice(self.fields)
        if chosen.indices and draw.random() < 0.35:
            kept = draw.randint(0, len(chosen.indices) - 1)
            variables = tuple(self.fresh(index) for index in chosen.indices[kept:])
            inner = scope.with_variables(variables)
            return BulkWrite(
                chosen.name,
                tuple(self.in_range(index, scope) for index in chosen.indices[:kept]),
                variables,
                x.TRUE if draw.random() < 0.3 else self.condition(inner, 2),
                self.in_range(chosen.domain, inner),
            )
        indices = tuple(self.in_range(index, scope) for index in chosen.indices)
        cell = x.Read(chosen.name, indices, chosen.domain)
        if draw.random() < 0.4 and 1 < chosen.domain.size <= 8:
            return Write(chosen.name, indices, self.turned(cell))
        return Write(chosen.name, indices, self.written(chosen.domain, scope, checks))

    def turned(self, cell: x.Read) -> Expression:
        """The next value of a cell's domain, and its lowest after its highest."""
        kind = cell.domain
        low, size = (x.Constant(n, Range(n, n)) for n in (kind.low, kind.size))
        one = x.Constant(1, Range(1, 1))
        from_low = x.Arithmetic("+", x.Arithmetic("-", cell, low), one)
        return x.Arithmetic("+", x.Arithmetic("%", from_low, size), low)

    def written(self, kind: Domain, scope: Scope, checks: list[Expression]) -> Expression:
        draw = self.random
        if isinstance(kind, SetOf) and draw.random() < 0.6:
            read = self.read(scope, SetOf)
            if read is not None and read.domain == kind:
                return folding.set_update(read, self.in_range(kind.of, scope), draw.random() < 0.6)
        if kind == BOOL and draw.random() < 0.4:
            return self.condition(scope, 2)
        if draw.random() < 0.5:
            return self.in_range(kind, scope)
        value = self.integer(scope, 2)
        if value.domain.low < kind.low:
            low = x.Constant(kind.low, Range(kind.low, kind.low))
            checks.append(folding.negate(folding.less(value, low)))
        if value.domain.high > kind.high:
            high = x.Constant(kind.high, Range(kind.high, kind.high))
            checks.append(folding.negate(folding.less(high, value)))
        return value

    # Properties.

    def property(self, number: int) -> Property:
        draw = self.random
        arguments = tuple(self.fresh(draw.choice(self.sorts)) for _ in range(draw.randint(0, 1)))
        scope = Scope(list(arguments))
        condition = self.condition(scope, 3)
        kind = draw.choice(("always", "reachable", "always_possible"))
        if kind == "always" and draw.random() < 0.6:
            condition = folding.disjunction([condition, self.condition(scope, 2)])
        fault = x.FALSE if draw.random() < 0.8 else self.condition(scope, 2)
        return Property(f"property_{number}", kind, arguments, condition, fault)


def random_system(seed: int, kind: type[Generator] = Generator) -> System:
    """The system of a seed; every fourth one has states of several words."""
    system = kind(seed, wide=seed % 4 == 3).system()
    startable = all(
        any(
            evaluate(system, design.barriers, state, {}, system.initial)
            for state in product(*(values for f in system.fields for values in f.initial))
        )
        for design in system.designs
    )
    return system if startable else dataclasses.replace(system, initial=x.TRUE)


class LivelyGenerator(Generator):
    """Draws systems with fair actions, whose properties are about what happens in the end."""

    def action(self, number: int) -> Action:
        fairness = self.random.choice(("", "weak", "weak", "strong"))
        return dataclasses.replace(super().action(number), fairness=fairness)

    def property(self, number: int) -> Property:
        draw = self.random
        drawn = super().property(number)
        if draw.random() < 0.3:
            return dataclasses.replace(drawn, kind="eventually")
        scope = Scope(list(drawn.arguments))
        premise = x.TRUE if draw.random() < 0.3 else self.condition(scope, 2)
        fault = x.FALSE if draw.random() < 0.8 else self.condition(scope, 2)
        return dataclasses.replace(drawn, kind="leads_to", premise=premise, premise_fault=fault)
