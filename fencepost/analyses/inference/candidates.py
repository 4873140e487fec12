"""Candidate lemmas: what no row of a table satisfies together, as formulas, and who violates them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fencepost.analyses.inference.boxes import Box
from fencepost.analyses.inference.tables import Template, rows_of
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core import folding
from fencepost.core.expressions import FALSE, Expression, Read, Variable, walk
from fencepost.core.system import State, System

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Candidate:
    """A formula (as the oracle of proofs reads it): not all literals of a box hold together, for
    any distinct members. `literals` is how many attributes it speaks of."""

    name: str
    arguments: tuple[Variable, ...]
    condition: Expression
    literals: int
    fault: Expression = FALSE

    @cached_property
    def reads(self) -> frozenset[str]:
        """The fields it reads."""
        return frozenset(n.field for n in walk(self.condition) if isinstance(n, Read))

    @cached_property
    def nodes(self) -> int:
        """How large it is to look at."""
        return sum(1 for _ in walk(self.condition))


def candidate(template: Template, box: Box, name: str) -> Candidate:
    """The clause of a box."""
    literals = [
        template.attributes[column].within((1 << template.sizes[column]) - 1 & ~mask)
        for column, mask in zip(box.columns, box.masks, strict=True)
    ]
    mentioned = frozenset().union(*(template.attributes[c].variables for c in box.columns))
    arguments = tuple(v for v in template.variables if v.name in mentioned)
    same = [
        folding.equal(one, other)
        for n, one in enumerate(arguments)
        for other in arguments[n + 1 :]
        if one.of == other.of
    ]
    condition = folding.disjunction([*same, *literals])
    return Candidate(name, arguments, condition, len(literals))


class Pool:
    """The candidates of one template: boxes of its table, and their formulas when asked for."""

    def __init__(self, template: Template, boxes: Sequence[Box], prefix: str) -> None:
        import numpy as np

        every = frozenset(v.name for v in template.variables)
        self.template, self.prefix = template, prefix
        self.boxes = [b for b in boxes if _allowed(template, b, every)]
        width = max((len(b.columns) for b in self.boxes), default=1)
        count = len(self.boxes)
        self._columns = np.zeros((count, width), dtype=np.int64)
        # A literal that is not there is one that every row satisfies.
        self._masks = np.full((count, width), -1, dtype=np.int64)
        for n, box in enumerate(self.boxes):
            self._columns[n, : len(box.columns)] = box.columns
            self._masks[n, : len(box.masks)] = box.masks
        self._made: dict[int, Candidate] = {}

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, number: int) -> Candidate:
        if number not in self._made:
            name = f"{self.prefix}{number}"
            self._made[number] = candidate(self.template, self.boxes[number], name)
        return self._made[number]

    def price(self, number: int, matter: frozenset[str]) -> tuple[int, int, int]:
        """How long a candidate is: variables and literals, fields that do not matter, cases."""
        box, used = self.boxes[number], self.template.attributes
        fields = frozenset().union(*(used[c].fields for c in box.columns))
        cases = sum(
            min(mask.bit_count(), used[c].size - mask.bit_count())
            for c, mask in zip(box.columns, box.masks, strict=True)
        )
        return len(self.template.variables) + len(box.columns), len(fields - matter), cases

    def violated(
        self,
        system: System,
        barriers: frozenset[str],
        state: State,
        sizes: Mapping[str, int],
    ) -> list[int]:
        """The candidates that are false in a state, by their numbers."""
        import numpy as np

        if not self.boxes:
            return []
        cells = np.array(state, dtype=np.int64)[:, None]
        rows = rows_of(self.template, Vectors(system, barriers, cells, sizes))
        if not len(rows):
            return []
        return [int(n) for n in np.nonzero(self._inside(1 << rows))[0]]

    def _inside(self, bits: Rows) -> Any:
        """Which boxes some row lies in."""
        import numpy as np

        found = np.zeros(len(self.boxes), dtype=bool)
        for row in bits:
            found |= ((row[self._columns] & self._masks) != 0).all(axis=1)
        return found


def _allowed(template: Template, box: Box, every: frozenset[str]) -> bool:
    """Whether a box speaks of every variable of its template (else a smaller template has it), and
    claims no more than a universal lemma may."""
    used = [template.attributes[c] for c in box.columns]
    mentioned = frozenset().union(*(a.variables for a in used))
    fine = all(mask not in a.forbidden for a, mask in zip(used, box.masks, strict=True))
    return fine and mentioned == every
