"""The actions and properties of a system in one design as Python functions over the cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from fencepost.core import expressions as x
from fencepost.core.expressions import Expression, Variable
from fencepost.core.semantics import Barriers
from fencepost.core.system import Property, System
from fencepost.core.trees import (
    BulkWrite,
    Decide,
    Leaf,
    Tree,
    Update,
    Write,
    leaves,
    paths,
)
from fencepost.engines.conform.logs.code import Names, Writer, conjuncts, in_design
from fencepost.engines.conform.logs.concerned import Pattern, concerned, reads, touched

Act = Callable[..., Any]
"""What a step does in the cells as they are: a list of cells and values, each cell followed by
its value in the order of the writes, or the number of a leaf that is no update."""

Instances = Callable[[int], Iterable[tuple[int, ...]]]


@dataclass(frozen=True, eq=False)
class Rule:
    """Something with arguments that is evaluated in a state: a step, or a claim about states.

    `concerned` gives, for a field, the functions that yield the arguments for which a change of one
    of its cells may make a difference.
    """

    name: str
    arguments: tuple[Variable, ...]
    run: Act
    concerned: Mapping[str, tuple[Instances, ...]]


class Programs:
    """All functions of a system in a design; `cells` is the list that they read.

    `cells_with[field]` is to list the cells of the field by the values that they may have, for the
    fields that are looked up so.
    """

    def __init__(
        self, system: System, barriers: Barriers, cells: list[Any], unlogged: Sequence[str]
    ) -> None:
        self.system = system
        self.barriers = barriers
        self.cells_with: dict[str, dict[int, set[int]]] = {}
        self.trees: dict[str, Tree] = {}
        self._writer = Writer(system, barriers)
        self._lines: list[str] = []
        self._sizes: dict[int, int] = {}
        self._patterns: dict[str, dict[str, dict[Pattern, str]]] = {}
        actions = {a.name: a for a in system.actions}
        claims = {p.name: p for p in system.properties if p.kind == "always"}
        for number, action in enumerate(actions.values()):
            self.trees[action.name] = tree = _in_design(action.tree, barriers)
            self._function(f"act_{number}", action.arguments, self._acting(action.arguments, tree))
            if action.name in unlogged:
                self._concerning(f"act_{number}", action.arguments, touched(tree))
        for number, claim in enumerate(claims.values()):
            self._function(f"holds_{number}", claim.arguments, self._holding(claim))
            for part in (claim.fault, claim.condition):
                read = reads(in_design(part, barriers))
                self._concerning(f"holds_{number}", claim.arguments, read)
        parts = conjuncts(system.initial)
        for number, part in enumerate(parts):
            self._function(f"starts_{number}", (), self._returning(part))
        space = self._compile(cells)
        self.actions = {
            name: self._rule(space, f"act_{n}", name, a.arguments)
            for n, (name, a) in enumerate(actions.items())
        }
        self.claims = {
            name: self._rule(space, f"holds_{n}", name, c.arguments)
            for n, (name, c) in enumerate(claims.items())
        }
        self.starts: tuple[Act, ...] = tuple(space[f"starts_{n}"] for n in range(len(parts)))

    def leaf(self, action: str, number: int) -> tuple[tuple[tuple[Decide, bool], ...], Leaf]:
        """A leaf of an action by its number, with the decisions that lead to it."""
        return next(islice(paths(self.trees[action]), number, None))

    def _function(self, name: str, arguments: tuple[Variable, ...], body: Sequence[str]) -> None:
        given = ", ".join(self._arguments(arguments).values())
        self._lines += [f"def {name}({given}):", *(f" {line}" for line in body)]

    def _arguments(self, arguments: tuple[Variable, ...]) -> dict[str, str]:
        return {variable.name: f"a{n}" for n, variable in enumerate(arguments)}

    def _returning(self, node: Expression) -> list[str]:
        return [f"return bool({self._writer.condition(node, {})})"]

    def _holding(self, claim: Property) -> list[str]:
        names = self._arguments(claim.arguments)
        fault = self._writer.condition(claim.fault, names)
        condition = self._writer.condition(claim.condition, names)
        return [f"return bool(not {fault} and {condition})"]

    def _acting(self, arguments: tuple[Variable, ...], tree: Tree) -> list[str]:
        numbers = {id(leaf): n for n, leaf in enumerate(leaves(tree))}
        self._sizes = _sizes(tree)
        lines: list[str] = []
        self._branch(tree, self._arguments(arguments), numbers, "", lines)
        return lines

    def _branch(
        self, tree: Tree, names: Names, numbers: dict[int, int], pad: str, lines: list[str]
    ) -> None:
        """Statements that end in a return; the smaller side of a decision is the nested one."""
        while isinstance(tree, Decide):
            condition = self._writer.source(tree.condition, names)
            inner, rest = tree.then, tree.otherwise
            if self._sizes.get(id(inner), 1) > self._sizes.get(id(rest), 1):
                inner, rest, condition = rest, inner, f"not {condition}"
            lines.append(f"{pad}if {condition}:")
            self._branch(inner, names, numbers, f"{pad} ", lines)
            tree = rest
        if not isinstance(tree, Update):
            lines.append(f"{pad}return {numbers[id(tree)]}")
            return
        if all(isinstance(write, Write) for write in tree.writes):
            lines.append(f"{pad}return [{', '.join(self._written(tree.writes, names))}]")
            return
        lines.append(f"{pad}out = []")
        for write in tree.writes:
            lines += [pad + line for line in self._statement(write, names)]
        lines.append(f"{pad}return out")

    def _written(self, writes: Sequence[Write | BulkWrite], names: Names) -> Iterator[str]:
        for write in writes:
            source = self._writer.source
            yield self._writer.cell(write.field, [source(i, names) for i in write.indices])
            yield source(write.value, names)

    def _statement(self, write: Write | BulkWrite, names: Names) -> Iterator[str]:
        if isinstance(write, Write):
            yield f"out += [{', '.join(self._written([write], names))}]"
            return
        writer = self._writer
        clauses, inner = writer.loops(write.variables, conjuncts(write.where), names)
        indices = [writer.source(i, names) for i in write.indices]
        indices += [inner[v.name] for v in write.variables]
        pad = ""
        for clause in clauses:
            yield f"{pad}{clause}:"
            pad += " "
        if write.where != x.TRUE:
            yield f"{pad}if {writer.source(write.where, inner)}:"
            pad += " "
        target, value = writer.cell(write.field, indices), writer.source(write.value, inner)
        yield f"{pad}out += [{target}, {value}]"

    def _concerning(
        self, name: str, arguments: tuple[Variable, ...], patterns: Iterable[Pattern]
    ) -> None:
        for pattern in patterns:
            made = self._patterns.setdefault(name, {}).setdefault(pattern.field, {})
            if pattern in made:
                continue
            made[pattern] = f"{name}_by_{self._writer.numbers[pattern.field]}_{len(made)}"
            self._lines += [f"def {made[pattern]}(cell):"]
            self._lines += [f" {line}" for line in concerned(self._writer, pattern, arguments)]

    def _rule(
        self, space: dict[str, Any], function: str, name: str, arguments: tuple[Variable, ...]
    ) -> Rule:
        by_field = {
            field: tuple(space[made] for made in functions.values())
            for field, functions in self._patterns.get(function, {}).items()
        }
        return Rule(name, arguments, space[function], by_field)

    def _compile(self, cells: list[Any]) -> dict[str, Any]:
        space: dict[str, Any] = {"S": cells}
        for field in self._writer.indexed:
            held: dict[int, set[int]] = {}
            self.cells_with[field] = held
            space[f"cells_of_{self._writer.numbers[field]}"] = _finder(held)
        exec(compile("\n".join(self._lines), "<the model as functions>", "exec"), space)  # noqa: S102  # made above from the recorded model
        return space


def _finder(held: dict[int, set[int]]) -> Callable[[int], Iterable[int]]:
    """Every cell that holds a value, or may."""
    return lambda value: held.get(value, ())


def _in_design(tree: Tree, barriers: Barriers) -> Tree:
    """A tree with every barrier on or off, and the decisions removed that are settled by it."""
    match tree:
        case Decide():
            condition = in_design(tree.condition, barriers)
            if isinstance(condition, x.Constant):
                return _in_design(tree.then if condition.value else tree.otherwise, barriers)
            then, otherwise = (_in_design(side, barriers) for side in (tree.then, tree.otherwise))
            return Decide(condition, then, otherwise, tree.check, location=tree.location)
        case Update():
            writes = tuple(_written_in(write, barriers) for write in tree.writes)
            return Update(writes, location=tree.location)
        case _:
            return replace(tree)  # its identity tells it from the same leaf elsewhere


def _written_in(write: Write | BulkWrite, barriers: Barriers) -> Write | BulkWrite:
    indices = tuple(in_design(i, barriers) for i in write.indices)
    value = in_design(write.value, barriers)
    if isinstance(write, Write):
        return Write(write.field, indices, value, location=write.location)
    where = in_design(write.where, barriers)
    return BulkWrite(write.field, indices, write.variables, where, value, location=write.location)


def _sizes(tree: Tree) -> dict[int, int]:
    """How many leaves every part of a tree has, by its identity."""
    found: dict[int, int] = {}

    def size(part: Tree) -> int:
        if isinstance(part, Decide):
            found[id(part)] = size(part.then) + size(part.otherwise)
            return found[id(part)]
        return 1

    size(tree)
    return found
