"""Pairs of steps that no run has to take in that order, one right after the other.

Two steps may be exchanged if, wherever the one can be taken and then the other, the other way
round is possible too and leads to the same state. Most such pairs touch different cells; of the
rest a solver is asked, once for all pairs that differ only in interchangeable indices. This finds
steps that write the same value to a cell, or of which one rules out what the other looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import z3

from fencepost.core import expressions as x
from fencepost.core.domains import Index
from fencepost.core.system import Step, System
from fencepost.core.trees import BulkWrite, Update, Write, decisions, instantiate, leaves
from fencepost.engines.prove.any_size.barriers import fix_barriers
from fencepost.engines.prove.effects import Effect, effect
from fencepost.engines.prove.one_hot import Cells, OneHot
from fencepost.engines.prove.solver import Satisfied
from fencepost.engines.prove.symmetry import interchangeable
from fencepost.engines.prove.truths import Truth, all_of, same


class Exchanges:
    """Asks which pairs of steps of one design need not follow each other."""

    def __init__(self, encoding: OneHot) -> None:
        self.system, self.encoding = encoding.system, encoding
        self._cells, constraints = encoding.cells("any")
        self._solver = z3.SolverFor("QF_FD", ctx=encoding.context)
        self._solver.add(constraints)
        self._effects: dict[Step, Effect] = {}
        self._asked = 0

    @cached_property
    def apart(self) -> dict[Step, list[Step]]:
        """For each step those with a higher number that touch other cells: no solver is asked."""
        steps = self.system.steps
        return {
            step: [other for other in steps[number + 1 :] if not self._meet(other, step)]
            for number, step in enumerate(steps)
        }

    def needless(self, most: int) -> dict[Step, list[Step]]:
        """For each step those that need not be taken right before it: they can be exchanged with it
        and have the higher number, or one of the two could be left out. A solver is asked, up to
        `most` questions in all; only what was not told before is told, and never what is apart."""
        found: dict[Step, list[Step]] = {}
        while self._asked < most and self._asked < len(self._forms):
            self.encoding.run.pause()
            alike = self._forms[self._asked]
            later, shorter = self._decide(*alike[0])
            for before, step in alike:
                if shorter or (later and self._number[before] > self._number[step]):
                    found.setdefault(step, []).append(before)
            self._asked += 1
        return found

    @property
    def pairs(self) -> int:
        """How many pairs of steps there are."""
        return len(self.system.steps) ** 2

    @cached_property
    def _forms(self) -> list[list[tuple[Step, Step]]]:
        """Pairs of steps that share a cell, those that have a form in common together, the most
        frequent form first."""
        alike: dict[tuple[object, ...], list[tuple[Step, Step]]] = {}
        for step in self.system.steps:
            self.encoding.run.pause()
            for before in self.system.steps:
                if self._meet(before, step):
                    alike.setdefault(self._form(before, step), []).append((before, step))
        return sorted(alike.values(), key=len, reverse=True)

    @cached_property
    def _number(self) -> dict[Step, int]:
        return {step: number for number, step in enumerate(self.system.steps)}

    def _decide(self, first: Step, second: Step) -> tuple[bool, bool]:
        """Whether two steps can be exchanged, and whether one of them can be left out."""
        one, other = self._effect(first), self._effect(second)
        then = effect(self.encoding, second, one.after)
        both = all_of((one.possible, then.possible))
        if both is False:
            return True, True
        turned = effect(self.encoding, first, other.after)
        ways: dict[str, tuple[Truth, Cells]] = {
            "exchanged": (all_of((other.possible, turned.possible)), turned.after),
            "second": (other.possible, other.after),
            "first": (True, one.after),
        }
        held = {
            name: self._always(both, all_of((possible, _equal(after, then.after))))
            for name, (possible, after) in ways.items()
        }
        return held["exchanged"], held["second"] or held["first"]

    def _always(self, given: Truth, wanted: Truth) -> bool:
        if isinstance(wanted, bool):
            return wanted
        self._solver.push()
        self._solver.add(self.encoding.term(given), z3.Not(wanted))
        answer = self.encoding.run.check(self._solver)
        self._solver.pop()
        return answer is Satisfied.NO

    def _effect(self, step: Step) -> Effect:
        if step not in self._effects:
            self._effects[step] = effect(self.encoding, step, self._cells)
        return self._effects[step]

    def _meet(self, first: Step, second: Step) -> bool:
        """Whether one of two steps may write what the other touches."""
        reads, writes = self._touched[first]
        others, written = self._touched[second]
        return bool(writes & (others | written) or reads & written)

    def _form(self, first: Step, second: Step) -> tuple[object, ...]:
        """What two pairs have in common that differ only in interchangeable indices."""
        sorts = interchangeable(self.system)
        names: dict[tuple[str, int], int] = {}
        form: list[object] = []
        for step in (first, second):
            form.append(step.action)
            arguments = self.system.action[step.action].arguments
            for argument, value in zip(arguments, step.arguments, strict=True):
                if isinstance(argument.of, Index) and argument.of.name in sorts:
                    value = names.setdefault((argument.of.name, value), len(names))
                form.append(value)
        return tuple(form)

    @cached_property
    def _touched(self) -> dict[Step, tuple[frozenset[int], frozenset[int]]]:
        design = fix_barriers(self.system, self.encoding.barriers)
        return {step: _touched(design, step) for step in self.system.steps}


def _equal(one: Cells, other: Cells) -> Truth:
    return all_of(same(a, b) for a, b in zip(one, other, strict=True) if a is not b)


def _touched(system: System, step: Step) -> tuple[frozenset[int], frozenset[int]]:
    """The cells that a step may read, and those that it may write."""
    action = system.action[step.action]
    values: dict[str, x.Expression] = {
        argument.name: x.Constant(value, argument.of)
        for argument, value in zip(action.arguments, step.arguments, strict=True)
    }
    tree = instantiate(action.tree, values)
    conditions: list[x.Expression] = [decision.condition for decision in decisions(tree)]
    written: list[Write | BulkWrite] = []
    for leaf in leaves(tree):
        written += leaf.writes if isinstance(leaf, Update) else ()
    for write in written:
        conditions += [*write.indices, write.value]
        if isinstance(write, BulkWrite):
            conditions.append(write.where)
    nodes = [node for condition in conditions for node in x.walk(condition)]
    reads = {
        cell
        for node in nodes
        if isinstance(node, x.Read)
        for cell in _cells(system, node.field, node.indices)
    }
    writes = {c for w in written for c in _cells(system, w.field, w.indices)}
    return frozenset(reads), frozenset(writes)


def _cells(system: System, name: str, indices: tuple[x.Expression, ...]) -> Iterator[int]:
    """The cells of a field that indices may mean; fewer indices than it has mean all of a row."""
    field, offset = system.field[name], system.offsets[name]
    for cell, position in enumerate(field.positions()):
        given = zip(indices, position, strict=False)
        if all(not isinstance(i, x.Constant) or i.value == value for i, value in given):
            yield offset + cell
