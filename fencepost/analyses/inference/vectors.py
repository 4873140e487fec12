"""Expressions evaluated over many states and many values of variables at once.

The meaning is that of `core.semantics.evaluate`; a read out of range, which there cannot happen,
gives the value of some cell here, and whoever asks has to look at the guard beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, assert_never

from fencepost.core import expressions as x
from fencepost.core.domains import Domain, Index, Maybe
from fencepost.core.expressions import Expression, Variable
from fencepost.core.system import System

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

Values = Mapping[str, Any]
"""What each variable stands for: one number, or a column of them, one a row of the result."""


class Vectors:
    """States of one system at sizes, a column each; rows of results are values of variables.

    Expressions may be those of the recording for any size: an Index has as many members as it has
    in `system`, by its name.
    """

    def __init__(
        self, system: System, barriers: frozenset[str], cells: Numbers, sizes: Mapping[str, int]
    ) -> None:
        import numpy as np

        self.system, self.barriers, self.cells = system, barriers, cells
        self.sizes = sizes
        self._np = np
        self._columns = np.arange(cells.shape[1])
        self._kept: dict[Expression, Any] = {}
        self._values: Values = {}

    def at(self, values: Values) -> None:
        """Give the variables values for what is asked from here on."""
        self._values, self._kept = values, {}

    def some(self, columns: Sequence[int]) -> Vectors:
        """Some of the states."""
        return Vectors(self.system, self.barriers, self.cells[:, list(columns)], self.sizes)

    def members(self, domain: Domain) -> range:
        """Every value of a domain, at these sizes."""
        match domain:
            case Index():
                return range(self.sizes[domain.name])
            case Maybe():
                return range(-1, self.members(domain.of).stop)
            case _:
                return range(domain.low, domain.high + 1)

    def of(self, node: Expression) -> Any:
        """The value of an expression: a number, or an array of rows by columns."""
        if node not in self._kept:
            self._kept[node] = self._evaluate(node, self._values, self.of)
        return self._kept[node]

    def _within(self, values: Values) -> Any:
        def of(node: Expression) -> Any:
            return self._evaluate(node, values, of)

        return of

    def _evaluate(self, node: Expression, values: Values, of: Any) -> Any:
        np = self._np
        match node:
            case x.Constant():
                return node.value
            case x.Variable():
                return values[node.name]
            case x.BarrierOn():
                return node.name in self.barriers
            case x.Read():
                return self._read(node, of)
            case x.Not():
                return np.logical_not(of(node.operand))
            case x.And():
                return self._fold(np.logical_and, node.operands, of)
            case x.Or():
                return self._fold(np.logical_or, node.operands, of)
            case x.Equal():
                return np.equal(of(node.left), of(node.right))
            case x.Less():
                return np.less(of(node.left), of(node.right))
            case x.Arithmetic():
                return self._arithmetic(node, of)
            case x.Choose():
                return np.where(of(node.condition), of(node.then), of(node.otherwise))
            case x.Contains():
                element = np.maximum(of(node.element), 0)
                return (np.right_shift(of(node.members), element) & 1).astype(bool)
            case x.SetUpdate():
                bit = np.left_shift(1, np.maximum(of(node.element), 0))
                members = of(node.members)
                return members | bit if node.present else members & ~bit
            case x.Quantified():
                return self._quantified(node, values)
            case _:
                assert_never(node)

    def _fold(self, join: Any, operands: tuple[Expression, ...], of: Any) -> Any:
        result = of(operands[0])
        for operand in operands[1:]:
            result = join(result, of(operand))
        return result

    def _arithmetic(self, node: x.Arithmetic, of: Any) -> Any:
        left, right = of(node.left), of(node.right)
        match node.operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "//":
                return left // right
            case "%":
                return left % right
            case _ as other:
                assert_never(other)

    def _read(self, node: x.Read, of: Any) -> Any:
        np = self._np
        declared = self.system.field[node.field]
        position: Any = 0
        for index, domain in zip(node.indices, declared.indices, strict=True):
            inside = np.clip(of(index), domain.low, domain.high) - domain.low
            position = position * domain.size + inside
        position = position + self.system.offsets[node.field]
        if np.ndim(position) == 0:
            return self.cells[position][None, :]
        if position.shape[1] == 1:
            return self.cells[position[:, 0]]
        return self.cells[position, self._columns]

    def _quantified(self, node: x.Quantified, values: Values) -> Any:
        np = self._np
        results = []
        for chosen in product(*(self.members(v.of) for v in node.variables)):
            bound = dict(zip((v.name for v in node.variables), chosen, strict=True))
            results.append(self._within({**values, **bound})(node.body))
        if node.kind == "count":
            return sum(np.asarray(result, dtype=np.int64) for result in results)
        join = np.logical_and if node.kind == "for_all" else np.logical_or
        result = results[0]
        for other in results[1:]:
            result = join(result, other)
        return result


def distinct_values(variables: tuple[Variable, ...], vectors: Vectors) -> dict[str, Numbers]:
    """Every way to give variables values, those of one Index different and, if it is ordered, in
    their order, one a row."""
    import numpy as np

    ways = [
        chosen
        for chosen in product(*(vectors.members(v.of) for v in variables))
        if all(_apart(a, b) for a, b in combinations(zip(variables, chosen, strict=True), 2))
    ]
    table = np.array(ways, dtype=np.int64).reshape(len(ways), len(variables))
    return {v.name: table[:, [n]] for n, v in enumerate(variables)}


def _apart(one: tuple[Variable, int], other: tuple[Variable, int]) -> bool:
    (variable, value), (second, at) = one, other
    if variable.of != second.of:
        return True
    ordered = isinstance(variable.of, Index) and variable.of.ordered
    return value < at if ordered else value != at
