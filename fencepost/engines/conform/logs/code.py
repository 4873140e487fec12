"""Expressions as Python source over one flat list of cells, `S`.

The source evaluates in the order of `core.semantics`: from the left, and no further than needed, so
an index that a check in front of it guards is never read out of range. A value read from `S` may be
one that is not known (`possible.Unknown`); whatever is done with it then raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.expressions import Expression, Variable
from fencepost.core.semantics import Barriers
from fencepost.core.system import System

SMALL = 16
"""Up to so many fillings a quantifier tries one after the other, without an index of cells."""

Names = Mapping[str, str]
"""The Python name, or source, of each variable in scope."""


def in_design(node: Expression, barriers: Barriers) -> Expression:
    """The expression with every barrier on or off."""
    if isinstance(node, x.BarrierOn):
        return x.TRUE if node.name in barriers else x.FALSE
    return folding.rebuild(node, lambda child: in_design(child, barriers))


@dataclass(frozen=True)
class Lookup:
    """Bound variables whose values are those of the cells of `field` that hold `value`.

    `indices` are those of the cell: variables that it binds, and expressions free of them.
    """

    field: str
    indices: tuple[Expression, ...]
    value: Expression
    binds: tuple[Variable, ...]


def lookup(variables: Sequence[Variable], conditions: Sequence[Expression]) -> Lookup | None:
    """How to find what may satisfy all of the conditions without trying every filling of the
    variables: by a condition that some cell, named by them, equals what does not depend on them."""
    bound = {v.name: v for v in variables}
    best: Lookup | None = None
    for condition in conditions:
        if not isinstance(condition, x.Equal):
            continue
        for cell, value in (condition.left, condition.right), (condition.right, condition.left):
            if not isinstance(cell, x.Read) or _free(value) & bound.keys():
                continue
            binds = [i for i in cell.indices if isinstance(i, Variable) and i.name in bound]
            others = [i for i in cell.indices if i not in binds]
            if len(set(binds)) < len(binds) or any(_free(i) & bound.keys() for i in others):
                continue
            if binds and (best is None or len(binds) > len(best.binds)):
                best = Lookup(cell.field, cell.indices, value, tuple(binds))
    return best


def _free(node: Expression) -> set[str]:
    if isinstance(node, Variable):
        return {node.name}
    if isinstance(node, x.Quantified):
        return _free(node.body) - {v.name for v in node.variables}
    return {name for child in x.children(node) for name in _free(child)}


def conjuncts(node: Expression) -> tuple[Expression, ...]:
    """What all has to hold for a condition to hold."""
    return node.operands if isinstance(node, x.And) else (node,)


class Writer:
    """Writes expressions of one system in one design as source.

    `indexed` names the fields whose cells are looked up by value: `cells_of_FIELDNUMBER(value)` is
    every cell of the field that holds the value, or may.
    """

    def __init__(self, system: System, barriers: Barriers) -> None:
        self.system = system
        self.barriers = barriers
        self.numbers = {f.name: n for n, f in enumerate(system.fields)}
        self.indexed: set[str] = set()
        self._bound = 0

    def condition(self, node: Expression, names: Names) -> str:
        """The source of an expression, barriers folded."""
        return self.source(in_design(node, self.barriers), names)

    def source(self, node: Expression, names: Names) -> str:
        """The source of an expression without barriers."""

        def of(child: Expression) -> str:
            return self.source(child, names)

        match node:
            case x.Constant():
                return f"({node.value})"
            case x.Variable():
                return names[node.name]
            case x.Read():
                return f"S[{self.cell(node.field, [of(i) for i in node.indices])}]"
            case x.Not():
                return f"(not {of(node.operand)})"
            case x.And():
                return f"({' and '.join(of(o) for o in node.operands)})"
            case x.Or():
                return f"({' or '.join(of(o) for o in node.operands)})"
            case x.Equal():
                return f"({of(node.left)} == {of(node.right)})"
            case x.Less():
                return f"({of(node.left)} < {of(node.right)})"
            case x.Arithmetic():
                return f"({of(node.left)} {node.operator} {of(node.right)})"
            case x.Choose():
                return f"({of(node.then)} if {of(node.condition)} else {of(node.otherwise)})"
            case x.Contains():
                return f"(({of(node.members)} >> {of(node.element)}) & 1)"
            case x.SetUpdate():
                sign = "|" if node.present else "& ~"
                return f"({of(node.members)} {sign}(1 << {of(node.element)}))"
            case x.Quantified():
                return self._quantified(node, names)
            case x.BarrierOn():
                raise AssertionError("barriers are folded first")
            case _:
                assert_never(node)

    def cell(self, field: str, indices: Sequence[str]) -> str:
        """The position of a cell in `S`, from the source of its indices."""
        declared = self.system.field[field]
        fixed = self.system.offsets[field]
        terms = []
        stride = declared.cells
        for domain, index in zip(declared.indices, indices, strict=True):
            stride //= domain.size
            fixed -= domain.low * stride
            terms.append(index if stride == 1 else f"{index} * {stride}")
        return " + ".join([*([str(fixed)] if fixed or not terms else []), *terms])

    def fresh(self, variables: Sequence[Variable], names: Names) -> dict[str, str]:
        """Names in scope, with new ones for bound variables."""
        inner = dict(names)
        for variable in variables:
            self._bound += 1
            inner[variable.name] = f"b{self._bound}"
        return inner

    def loops(
        self, variables: Sequence[Variable], conditions: Sequence[Expression], names: Names
    ) -> tuple[list[str], dict[str, str]]:
        """Clauses that go through every filling of the variables that may satisfy all conditions,
        each once (`for ...`, `if ...`), and the names in scope within."""
        inner = self.fresh(variables, names)
        fillings = 1
        for variable in variables:
            fillings *= variable.of.size
        found = lookup(variables, conditions) if fillings > SMALL else None
        clauses = [] if found is None else list(self._through(found, inner))
        looked_up = () if found is None else found.binds
        for variable in variables:
            if variable not in looked_up:
                span = f"range({variable.of.low}, {variable.of.high + 1})"
                clauses.append(f"for {inner[variable.name]} in {span}")
        return clauses, inner

    def _through(self, found: Lookup, names: Names) -> Iterator[str]:
        self.indexed.add(found.field)
        declared = self.system.field[found.field]
        self._bound += 1
        cell = f"c{self._bound}"
        value = self.source(found.value, names)
        yield f"for {cell} in cells_of_{self.numbers[found.field]}({value})"
        stride = declared.cells
        for domain, index in zip(declared.indices, found.indices, strict=True):
            stride //= domain.size
            place = f"({cell} - {self.system.offsets[found.field]}) // {stride} % {domain.size}"
            number = f"{place} + {domain.low}" if domain.low else place
            if isinstance(index, Variable) and index in found.binds:
                yield f"for {names[index.name]} in ({number},)"
            else:
                yield f"if {number} == {self.source(index, names)}"

    def _quantified(self, node: x.Quantified, names: Names) -> str:
        if node.kind == "for_all":
            body = folding.negate(node.body)
            parts = (
                tuple(folding.negate(o) for o in node.body.operands)
                if isinstance(node.body, x.Or)
                else (body,)
            )
        else:
            parts = conjuncts(node.body)
        clauses, inner = self.loops(node.variables, parts, names)
        word: Callable[[str], str] = {
            "for_all": "all({})",
            "exists": "any({})",
            "count": "sum({})",
        }[node.kind].format
        return word(f"{self.source(node.body, inner)} {' '.join(clauses)}")
