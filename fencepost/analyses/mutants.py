"""Small mistakes made on purpose in a recorded model.

Many mutants share one system: each has a switch, a barrier of its own, that is on for it alone
(mutant schemata: Untch, Offutt and Harrold, "Mutation analysis using mutant schemata", 1993). So a
kernel is compiled for dozens of them at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fencepost.analyses.definedness import checked
from fencepost.core import expressions as x
from fencepost.core.domains import BOOL, Domain, Enum, Index, Maybe, Range
from fencepost.core.errors import Location
from fencepost.core.expressions import BarrierOn, Choose, Constant, Expression
from fencepost.core.folding import arithmetic, conjunction, disjunction, less, negate, rebuild
from fencepost.core.system import Action, Barrier, Design, System
from fencepost.core.trees import BulkWrite, Decide, Disabled, Tree, Update, Write, decisions, leaves

MOST_SWITCHES = 64
"""How many barriers a kernel has room for."""

Kind = Literal[
    "require dropped",
    "write dropped",
    "condition negated",
    "condition shifted",
    "barriers exchanged",
]


@dataclass(frozen=True)
class Mutant:
    """One edit, made wherever the tree of an action has the same condition or write of one place.

    `before` and `after` are conditions: of a dropped `require`, `after` is None. A dropped write
    has `write`. Exchanged barriers have neither an action nor a place.
    """

    kind: Kind
    action: str = ""
    at: Location | None = None
    before: Expression | None = None
    after: Expression | None = None
    write: Write | BulkWrite | None = None
    exchanged: tuple[str, str] | None = None


def mutants(system: System, designs: Sequence[Design]) -> tuple[Mutant, ...]:
    """Every mutant of the actions of a system, in the order of its source, then exchanges."""
    found: dict[tuple[object, ...], Mutant] = {}
    for action in system.actions:
        for mutant in _of_action(action):
            found.setdefault(_key(mutant), mutant)
    return (*found.values(), *exchanges(system, designs))


def exchanges(system: System, designs: Sequence[Design]) -> Iterator[Mutant]:
    """Every pair of barriers of which one is on in some design, and the other is not."""
    names = [barrier.name for barrier in system.barriers]
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            if any((one in d.barriers) != (other in d.barriers) for d in designs):
                yield Mutant("barriers exchanged", exchanged=(one, other))


def _key(mutant: Mutant) -> tuple[object, ...]:
    write = mutant.write
    target = None if write is None else (write.field, write.indices)
    return mutant.kind, mutant.action, mutant.at, mutant.before, mutant.after, target


def _of_action(action: Action) -> Iterator[Mutant]:
    for decision in decisions(action.tree):
        if decision.check:
            continue
        if isinstance(decision.then, Disabled) != isinstance(decision.otherwise, Disabled):
            condition = decision.condition
            wanted = negate(condition) if isinstance(decision.then, Disabled) else condition
            yield Mutant("require dropped", action.name, decision.location, wanted)
        yield from _of_atoms(action, decision.condition, decision.location, condition=True)
    for leaf in leaves(action.tree):
        if isinstance(leaf, Update):
            for write in leaf.writes:
                yield Mutant("write dropped", action.name, write.location, write=write)
                yield from _of_atoms(action, write.value, write.location, condition=False)
                if isinstance(write, BulkWrite):
                    yield from _of_atoms(action, write.where, write.location, condition=True)


def _of_atoms(
    action: Action, node: Expression, at: Location | None, *, condition: bool
) -> Iterator[Mutant]:
    for atom in atoms(node, condition=condition):
        place = atom.location or at
        yield Mutant("condition negated", action.name, place, atom, negate(atom))
        for after in shifted(atom):
            yield Mutant("condition shifted", action.name, place, atom, after)


def atoms(node: Expression, *, condition: bool = True) -> Iterator[Expression]:
    """The comparisons, memberships, Boolean cells and barriers that a condition is made of."""
    match node:
        case x.Equal() | x.Less() | x.Contains():
            yield node
            for child in x.children(node):
                yield from atoms(child, condition=False)
        case x.Read() | x.BarrierOn():
            if condition and node.domain == BOOL:
                yield node
            for child in x.children(node):
                yield from atoms(child, condition=False)
        case x.Not() | x.And() | x.Or():
            for child in x.children(node):
                yield from atoms(child)
        case x.Choose():
            yield from atoms(node.condition)
            for child in (node.then, node.otherwise):
                yield from atoms(child, condition=condition and node.of == BOOL)
        case x.Quantified():
            yield from atoms(node.body)
        case _:
            for child in x.children(node):
                yield from atoms(child, condition=False)


def shifted(atom: Expression) -> Iterator[Expression]:
    """A comparison off by one: the other strictness, one further, or a neighbouring value."""
    match atom:
        case x.Less(left, right):
            yield negate(less(right, left))
            one = Constant(1, Range(1, 1))
            yield less(arithmetic("+", left, one), right)
        case x.Equal(left, Constant() as right):
            yield from (x.Equal(left, near) for near in _neighbours(right, left.domain))
        case x.Equal(Constant() as left, right):
            yield from (x.Equal(near, right) for near in _neighbours(left, right.domain))


def _neighbours(constant: Constant, compared: Domain) -> Iterator[Constant]:
    plain = compared.of if isinstance(compared, Maybe) else compared
    if not isinstance(plain, Enum | Range | Index) or compared.size < 3:
        return  # of two values the other one is the negation
    for value in (constant.value - 1, constant.value + 1):
        if constant.value >= plain.low and plain.low <= value <= plain.high:
            yield Constant(value, constant.of)


def switch(number: int) -> str:
    """The name of the barrier that stands for the mutant of this number in a system of several."""
    return f"mutant {number}"


def with_mutants(system: System, chosen: Sequence[Mutant]) -> System:
    """The system with a switch for each of these mutants, which must be edits of actions.

    With every switch off it does what the system does; with one on, what that mutant does. At most
    `MOST_SWITCHES` less the number of barriers fit.
    """
    barriers = tuple(Barrier(switch(n), "", "guard", ()) for n in range(len(chosen)))
    actions = []
    for action in system.actions:
        here = [(switch(n), m) for n, m in enumerate(chosen) if m.action == action.name]
        if here:
            tree = checked(system, _Edits(here).tree(action.tree))
            action = replace(action, tree=tree)
        actions.append(action)
    return replace(system, barriers=(*system.barriers, *barriers), actions=tuple(actions))


def room_for_mutants(system: System) -> int:
    """How many mutants fit into one system."""
    return max(1, MOST_SWITCHES - len(system.barriers))


class _Edits:
    """The edits of one action, each with its switch."""

    def __init__(self, chosen: Sequence[tuple[str, Mutant]]) -> None:
        self.dropped: list[tuple[str, Mutant]] = []
        self.atoms: dict[tuple[Expression, Location | None], list[tuple[str, Expression]]] = {}
        self.writes: list[tuple[str, Mutant]] = []
        for name, mutant in chosen:
            if mutant.kind == "require dropped":
                self.dropped.append((name, mutant))
            elif mutant.kind == "write dropped":
                self.writes.append((name, mutant))
            elif mutant.before is not None and mutant.after is not None:
                key = (mutant.before, mutant.at)
                self.atoms.setdefault(key, []).append((name, mutant.after))

    def tree(self, tree: Tree) -> Tree:
        match tree:
            case Decide():
                return self.decision(tree)
            case Update():
                return self.update(tree)
            case _:
                return tree

    def decision(self, tree: Decide) -> Tree:
        condition = tree.condition
        if not tree.check:
            condition = self.expression(condition, tree.location)
            condition = self.without_require(tree, condition)
        then, otherwise = self.tree(tree.then), self.tree(tree.otherwise)
        return Decide(condition, then, otherwise, tree.check, location=tree.location)

    def without_require(self, tree: Decide, condition: Expression) -> Expression:
        for name, mutant in self.dropped:
            if mutant.at != tree.location:
                continue
            if mutant.before == tree.condition and isinstance(tree.otherwise, Disabled):
                condition = disjunction([BarrierOn(name), condition])
            elif mutant.before == negate(tree.condition) and isinstance(tree.then, Disabled):
                condition = conjunction([negate(BarrierOn(name)), condition])
        return condition

    def expression(self, node: Expression, at: Location | None) -> Expression:
        """The expression with a choice by each switch of an edit in it."""
        if not self.atoms:
            return node
        change: Callable[[Expression], Expression] = lambda child: self.expression(child, at)  # noqa: E731
        changed = rebuild(node, change)
        for name, after in self.atoms.get((node, node.location or at), ()):
            changed = Choose(BarrierOn(name), after, changed, BOOL)
        return changed

    def update(self, tree: Update) -> Tree:
        writes = tuple(self.write(write) for write in tree.writes)
        result: Tree = replace(tree, writes=writes)
        for name, mutant in self.writes:
            kept = tuple(
                changed
                for write, changed in zip(tree.writes, writes, strict=True)
                if not _same_write(write, mutant)
            )
            if len(kept) < len(writes):
                result = Decide(BarrierOn(name), replace(tree, writes=kept), result, check=True)
        return result

    def write(self, write: Write | BulkWrite) -> Write | BulkWrite:
        value = self.expression(write.value, write.location)
        if isinstance(write, Write):
            return replace(write, value=value)
        return replace(write, value=value, where=self.expression(write.where, write.location))


def _same_write(write: Write | BulkWrite, mutant: Mutant) -> bool:
    wanted = mutant.write
    return (
        wanted is not None
        and mutant.at == write.location
        and (write.field, write.indices) == (wanted.field, wanted.indices)
    )
