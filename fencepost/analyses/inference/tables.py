"""All that a few members can be in reachable states of small sizes, as a small table of rows.

A template is a tuple of distinct variables. Every reachable state with every choice of members for
them is one row of attribute values; all of these collapse into few distinct rows, and a formula
over the template's attributes holds in all of these states if and only if it holds in every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fencepost.analyses.inference.attributes import Attribute
from fencepost.analyses.inference.vectors import Vectors, distinct_values
from fencepost.core.expressions import Variable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

WORD = 62
AT_ONCE = 1 << 19
"""So many choices of state and members are looked at together."""


@dataclass(frozen=True)
class Template:
    """Distinct variables, and what can be said of them."""

    variables: tuple[Variable, ...]
    attributes: tuple[Attribute, ...]

    @property
    def sizes(self) -> list[int]:
        return [a.size for a in self.attributes]


Codes = dict[tuple[Attribute, bytes], Any]
"""What attributes came to at members of their variables, kept for other templates."""


def rows_of(
    template: Template,
    vectors: Vectors,
    columns: Sequence[int] | None = None,
    kept: Codes | None = None,
) -> Rows:
    """The attribute values of every state and choice of members, in the order of the attributes:
    first every state of the first choice. Where columns are named, the others are left at 0.

    An attribute is looked at once for each choice of the variables that it speaks of.
    """
    import numpy as np

    values = distinct_values(template.variables, vectors)
    choices = len(next(iter(values.values()))) if values else 1
    states = vectors.cells.shape[1]
    rows = np.zeros((choices * states, len(template.attributes)), dtype=np.int64)
    groups: dict[tuple[str, ...], list[int]] = {}
    for column in range(len(template.attributes)) if columns is None else columns:
        of = template.attributes[column].variables
        groups.setdefault(tuple(n for n in values if n in of), []).append(column)
    for names, members in groups.items():
        chosen, back = np.zeros((1, 0), dtype=np.int64), np.zeros(choices, dtype=np.int64)
        if names:
            every = np.concatenate([values[n] for n in names], axis=1)
            chosen, back = np.unique(every, axis=0, return_inverse=True)
        vectors.at({n: chosen[:, [k]] for k, n in enumerate(names)})
        key = chosen.tobytes()
        for column in members:
            attribute = template.attributes[column]
            code = None if kept is None else kept.get((attribute, key))
            if code is None:
                code = np.zeros((len(chosen), states), dtype=np.int64)
                for number, case in enumerate(attribute.cases[1:], 1):
                    code = code + number * vectors.of(case)
                if kept is not None:
                    kept[attribute, key] = code
            rows[:, column] = code[back.reshape(-1)].reshape(-1)
    return rows


def distinct_rows(template: Template, vectors: Vectors) -> Rows:
    """The same without what occurs twice, sorted."""
    import numpy as np

    choices = len(next(iter(distinct_values(template.variables, vectors).values()), [0]))
    if not choices:
        return np.zeros((0, len(template.attributes)), dtype=np.int64)
    step = max(1, AT_ONCE // choices)
    whole, found = vectors.cells, []
    for start in range(0, whole.shape[1], step):
        part = Vectors(
            vectors.system, vectors.barriers, whole[:, start : start + step], vectors.sizes
        )
        found.append(unique(rows_of(template, part), template.sizes))
    return unique(np.concatenate(found), template.sizes)


def unique(rows: Rows, sizes: Sequence[int]) -> Rows:
    """Each row once: rows are packed into words, which are sorted."""
    import numpy as np

    if not len(rows) or not len(sizes):
        return rows[:1]
    words: list[Any] = []
    room = 0
    for column, size in enumerate(sizes):
        width = max(1, (size - 1).bit_length())
        if width > room:
            words.append(np.zeros(len(rows), dtype=np.int64))
            room = WORD
        words[-1] = words[-1] << width | rows[:, column]
        room -= width
    if len(words) == 1:
        _, kept = np.unique(words[0], return_index=True)
        return rows[kept]
    code = np.unique(words[0], return_inverse=True)[1].astype(np.int64)
    for word in words[1:]:
        there = np.unique(word, return_inverse=True)[1].astype(np.int64)
        code = np.unique(code * (int(there.max()) + 1) + there, return_inverse=True)[1]
    _, kept = np.unique(code, return_index=True)
    return rows[kept]
