"""What an action does, in solver terms: the ways through its tree, and how the state is read after.

The state after a step is no set of new functions tied to the old ones: it is another way to read
the old ones (a weakest precondition), so nothing has to be said of what stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from fencepost.core.expressions import Expression, Read, walk
from fencepost.core.system import Action, Field
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Leaf, Tree, Update, Write
from fencepost.engines.prove.any_size.terms import Cells, Scope, Terms
from fencepost.engines.prove.any_size.values import Term, Value
from fencepost.engines.prove.any_size.vocabulary import Vocabulary


@dataclass(frozen=True)
class Way:
    """A leaf of an action's tree that is no `Disabled`, with the decisions on the way to it."""

    leaf: Update | Fault
    decisions: tuple[tuple[Expression, bool], ...]

    @cached_property
    def written(self) -> frozenset[str]:
        """The fields that may change."""
        if isinstance(self.leaf, Fault):
            return frozenset()
        return frozenset(write.field for write in self.leaf.writes)


def ways(tree: Tree) -> Iterator[Way]:
    """Every way through a tree that is not disabled."""
    pending: list[tuple[Tree, tuple[tuple[Expression, bool], ...]]] = [(tree, ())]
    while pending:
        current, path = pending.pop()
        if isinstance(current, Decide):
            pending.append((current.otherwise, (*path, (current.condition, False))))
            pending.append((current.then, (*path, (current.condition, True))))
        elif not isinstance(current, Disabled):
            yield Way(current, path)


def fields_of(node: Expression) -> frozenset[str]:
    """The fields that an expression reads."""
    return frozenset(n.field for n in walk(node) if isinstance(n, Read))


class Steps:
    """The steps of one action: its arguments are constants of the solver."""

    def __init__(self, vocabulary: Vocabulary, action: Action) -> None:
        self.action = action
        self._words = vocabulary
        self._before = Terms(vocabulary, vocabulary.read)
        self.scope: dict[str, Value] = {}
        bounds: list[Term] = []
        for argument in action.arguments:
            value, _ = vocabulary.named(argument, f"{action.name}.{argument.name}")
            self.scope[argument.name] = value
            bounds.append(vocabulary.within(argument.of, value))
        self.bounds = vocabulary.both(bounds)
        """That the arguments are of their domains."""
        self.ways = tuple(ways(action.tree))
        self._asked: dict[Expression, Term] = {}
        self._conditions: dict[int, Term] = {}

    @property
    def written(self) -> frozenset[str]:
        return frozenset().union(*(way.written for way in self.ways))

    def condition(self, number: int) -> Term:
        """That a step goes that way."""
        if number not in self._conditions:
            words, asked = self._words, []
            for node, outcome in self.ways[number].decisions:
                term = self._ask(node)
                asked.append(term if outcome else words.negation(term))
            self._conditions[number] = words.both(asked)
        return self._conditions[number]

    def _ask(self, node: Expression) -> Term:
        if node not in self._asked:
            self._asked[node] = self._before.condition(node, self.scope)
        return self._asked[node]

    def after(self, number: int) -> Cells:
        """The state after a step that goes that way."""
        leaf: Leaf = self.ways[number].leaf
        if not isinstance(leaf, Update):
            raise TypeError(leaf)
        writes = leaf.writes

        def cells(declared: Field, indices: tuple[Term, ...]) -> Value:
            value = self._words.read(declared, indices)
            for write in writes:
                if write.field == declared.name:
                    value = self._written(write, declared, indices, value)
            return value

        return cells

    def _written(
        self, write: Write | BulkWrite, declared: Field, indices: tuple[Term, ...], old: Value
    ) -> Value:
        """A cell after one write, which may or may not have been to it."""
        before, words = self._before, self._words
        scope: Scope = self.scope
        given = zip(write.indices, declared.indices, indices, strict=False)
        here = [words.same(before.stored(i, of, scope), cell) for i, of, cell in given]
        if isinstance(write, BulkWrite):
            rest = indices[len(write.indices) :]
            names = (v.name for v in write.variables)
            scope = {**scope, **dict(zip(names, rest, strict=True))}
            here.append(before.condition(write.where, scope))
        new = before.stored(write.value, declared.domain, scope)
        return before.choose(words.both(here), new, old)
