"""Candidate lemmas: what no row of a table satisfies together, as formulas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Protocol

from fencepost.analyses.inference.boxes import Box
from fencepost.analyses.inference.hitting import MOST_HIT_COLUMNS, hitting_sets
from fencepost.analyses.inference.on_demand import Occurring
from fencepost.analyses.inference.tables import Codes, Template, rows_of, unique
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core import folding
from fencepost.core.domains import Index
from fencepost.core.expressions import FALSE, Expression, Read, Variable, walk
from fencepost.core.system import Lemma, State, System

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


MOST_LOOKED_AT = 60
"""So many clauses that exclude one state are compared before the cheapest is taken."""


MOST_HIT = 4
"""The most literals of a clause that excludes some cells of a state, whatever the others are."""

ENOUGH = 10.0
"""A box that chance may have left empty costs more than any other: where fewer rows than these
would lie in it if its sides had nothing to do with each other."""

OTHERS = 31
"""So many other states tell which attributes some cells settle."""

FEW = 6
"""So many candidates of each number of literals are told."""

MOST_FAR = 2
"""The most literals of a clause that speaks of nothing that the step and the claim look at."""


@dataclass(frozen=True)
class Candidate:
    """A formula (as the oracle of proofs reads it): not all literals of a box hold together, for
    any distinct members. `literals` is how many attributes it speaks of."""

    name: str
    arguments: tuple[Variable, ...]
    condition: Expression
    literals: int
    fault: Expression = FALSE

    def __hash__(self) -> int:
        return hash(self.name)

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
    same = [_not_apart(a, b) for a, b in combinations(arguments, 2) if a.of == b.of]
    condition = folding.disjunction([*same, *literals])
    return Candidate(name, arguments, condition, len(literals))


def _not_apart(one: Variable, other: Variable) -> Expression:
    """That two members are not as a template has them: different, in their order if any."""
    if isinstance(one.of, Index) and one.of.ordered:
        return folding.negate(folding.less(one, other))
    return folding.equal(one, other)


@dataclass(frozen=True)
class Question:
    """A state that a candidate has to exclude, for a claim and a step that look at some fields."""

    system: System
    barriers: frozenset[str]
    state: State
    sizes: Mapping[str, int]
    matter: frozenset[str] = frozenset()
    dropped: AbstractSet[str] = frozenset()
    wide: bool = False
    """Whether candidates may speak of nothing but what does not matter, too."""
    cells: frozenset[int] = frozenset()
    """The cells that have to be excluded, whatever the others are; empty for all of them."""

    @cached_property
    def common(self) -> Vectors:
        """The state, and others that agree with it in those cells: a column each."""
        import numpy as np

        random = np.random.default_rng(len(self.cells))
        cells = np.tile(np.array(self.state, dtype=np.int64)[:, None], OTHERS + 1)
        for place, (declared, _) in enumerate(self.system.cells):
            if place not in self.cells:
                low, high = declared.domain.low, declared.domain.high
                cells[place, 1:] = random.integers(low, high + 1, OTHERS)
        return Vectors(self.system, self.barriers, cells, self.sizes)

    @cached_property
    def _settled(self) -> dict[tuple[Variable, ...], tuple[Rows, Any]]:
        """What was settled before, by the variables of a template: it is asked again when a
        candidate turns out to be false."""
        return {}

    @cached_property
    def _alone(self) -> Vectors:
        import numpy as np

        cells = np.array(self.state, dtype=np.int64)[:, None]
        return Vectors(self.system, self.barriers, cells, self.sizes)

    @cached_property
    def _codes(self) -> Codes:
        return {}

    @cached_property
    def _codes_alone(self) -> Codes:
        return {}

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields of the cells that have to be excluded."""
        return frozenset(self.system.cells[place][0].name for place in self.cells)

    def settled(self, template: Template) -> tuple[Rows, Any]:
        """What the template's members are in the state, a row a choice of them, and for each of its
        attributes whether the cells that have to be excluded settle it."""
        import numpy as np

        if template.variables not in self._settled:
            near = [n for n, a in enumerate(template.attributes) if a.fields <= self.fields]
            rows = rows_of(template, self.common, near, self._codes)
            rows = rows.reshape(-1, OTHERS + 1, len(template.attributes))
            same = (rows == rows[:, :1]).all(axis=1)
            same[:, np.setdiff1d(np.arange(len(template.attributes)), near)] = False
            self._settled[template.variables] = rows[:, 0], same
        return self._settled[template.variables]

    def rows(self, template: Template, columns: Sequence[int] | None = None) -> Rows:
        """What the template's members are in the state, one row a choice of them; only some columns
        are filled in where they are named."""
        return rows_of(template, self._alone, columns, self._codes_alone)


Price = tuple[int, ...]
"""What a candidate costs: where it comes from (found on demand, the same with little evidence for
it, or listed), how long it is (variables and literals), fields that do not matter, cases."""
FOUND, DOUBTFUL, LISTED = range(3)

Row = tuple[int, ...]
Sides = Iterator[tuple[Row, tuple[int, ...]]]
"""Rows, each with columns in which no row of a table is like it."""


class Candidates(Protocol):
    """Where candidates of one template come from."""

    template: Template

    def excluding(self, question: Question, literals: int) -> list[tuple[Price, Candidate]]:
        """Those of so many literals that are false in a state, the cheapest few."""
        ...

    def learn(self, states: Vectors, codes: Codes) -> frozenset[str]:
        """No candidate is to exclude one of these states from here on; the names of those that
        did. What attributes come to in them is kept in `codes`."""
        ...

    def forget(self) -> None:
        """Forget what was learnt."""
        ...


def price(template: Template, box: Box, matter: frozenset[str], source: int) -> Price:
    """What a box costs."""
    used = [template.attributes[c] for c in box.columns]
    fields = frozenset().union(*(a.fields for a in used))
    cases = sum(
        min(m.bit_count(), a.size - m.bit_count()) for a, m in zip(used, box.masks, strict=True)
    )
    return source, len(template.variables) + len(box.columns), len(fields - matter), cases


class Pool:
    """The candidates of one template: boxes of its table, and their formulas when asked for."""

    def __init__(self, template: Template, boxes: Sequence[Box], prefix: str) -> None:
        import numpy as np

        every = frozenset(v.name for v in template.variables)
        self.template, self.prefix = template, prefix
        parts = (
            part for b in boxes for part in _parts(template, b) if _whole(template, part, every)
        )
        self.boxes = list(dict.fromkeys(parts))
        width = max((len(b.columns) for b in self.boxes), default=1)
        count = len(self.boxes)
        self._columns = np.zeros((count, width), dtype=np.int64)
        # A literal that is not there is one that every row satisfies.
        self._masks = np.full((count, width), -1, dtype=np.int64)
        for n, box in enumerate(self.boxes):
            self._columns[n, : len(box.columns)] = box.columns
            self._masks[n, : len(box.masks)] = box.masks
        self._lengths = np.array([len(b.columns) for b in self.boxes], dtype=np.int64)
        self._made: dict[int, Candidate] = {}
        self.alive = np.ones(count, dtype=bool)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, number: int) -> Candidate:
        if number not in self._made:
            name = f"{self.prefix}{number}"
            self._made[number] = candidate(self.template, self.boxes[number], name)
        return self._made[number]

    def excluding(self, question: Question, literals: int) -> list[tuple[Price, Candidate]]:
        import numpy as np

        so_long = self.alive & (self._lengths == literals)
        if question.cells or not so_long.any():
            return []
        inside = self._inside(1 << question.rows(self.template)) & so_long
        found: list[tuple[Price, int]] = []
        for number in np.nonzero(inside)[0]:
            if f"{self.prefix}{number}" not in question.dropped:
                cost = price(self.template, self.boxes[number], question.matter, LISTED)
                found.append((cost, int(number)))
        return [(cost, self[number]) for cost, number in sorted(found)[:FEW]]

    def learn(self, states: Vectors, codes: Codes) -> frozenset[str]:
        import numpy as np

        if not self.boxes:
            return frozenset()
        rows = unique(rows_of(self.template, states, kept=codes), self.template.sizes)
        false = self._inside(1 << rows) & self.alive
        self.alive &= ~false
        return frozenset(f"{self.prefix}{n}" for n in np.nonzero(false)[0])

    def forget(self) -> None:
        self.alive[:] = True

    def _inside(self, bits: Rows) -> Any:
        """Which boxes some row lies in."""
        import numpy as np

        found = np.zeros(len(self.boxes), dtype=bool)
        for row in bits:
            found |= ((row[self._columns] & self._masks) != 0).all(axis=1)
        return found


def _whole(template: Template, box: Box, every: frozenset[str]) -> bool:
    """Whether a box speaks of every variable of its template; else a smaller template has it."""
    mentioned = frozenset().union(*(template.attributes[c].variables for c in box.columns))
    return mentioned == every


def _parts(template: Template, box: Box) -> Iterator[Box]:
    """The parts of a box that a lemma may exclude: all of it, unless an attribute forbids that."""
    used = [template.attributes[c] for c in box.columns]
    for masks in product(*(a.parts(m) for a, m in zip(used, box.masks, strict=True))):
        yield Box(box.columns, masks)


class OnDemand:
    """The candidates of one template, found when they are asked for."""

    def __init__(self, template: Template, rows: Rows, prefix: str, literals: int) -> None:
        self.template, self.prefix, self.literals = template, prefix, literals
        self._occurring = Occurring(rows, template.sizes)
        self._every = frozenset(v.name for v in template.variables)
        self._names: dict[Box, str] = {}
        order = sorted(self._every)
        self._speaks = [sum(1 << order.index(v) for v in a.variables) for a in template.attributes]

    def excluding(self, question: Question, literals: int) -> list[tuple[Price, Candidate]]:
        boxes = self._boxes(question, literals)
        found: list[tuple[Price, Candidate]] = []
        for box, cost in sorted(boxes.items(), key=lambda item: (item[1], item[0])):
            name = self._names.setdefault(box, f"{self.prefix}{len(self._names)}")
            if name not in question.dropped:
                found.append((cost, candidate(self.template, box, name)))
            if len(found) == FEW:
                break
        return found

    def _boxes(self, question: Question, literals: int) -> dict[Box, Price]:
        """Boxes that the state lies in, and what they cost; those looked at first."""
        found: dict[Box, Price] = {}
        of = self._of_cells if question.cells else self._of_fields
        for row, columns in of(question, literals):
            if self._every != self._speaks_of(columns):
                continue
            for box in _parts(self.template, self._occurring.grown(row, columns)):
                if all(m >> row[c] & 1 for c, m in zip(box.columns, box.masks, strict=True)):
                    doubtful = self._occurring.evidence(box) < ENOUGH
                    source = DOUBTFUL if doubtful else FOUND
                    found[box] = price(self.template, box, question.matter, source)
            if len(found) > MOST_LOOKED_AT:
                break
        return found

    def _of_fields(self, question: Question, literals: int) -> Sides:
        """Columns that tell the state's rows from all others, of what its step looks at."""
        if literals > (MOST_FAR if question.wide else self.literals):
            return
        used = self.template.attributes
        near = [n for n, a in enumerate(used) if question.wide or a.fields & question.matter]
        table = unique(question.rows(self.template, near), self.template.sizes)
        for each in table:
            row = tuple(int(v) for v in each)
            for columns in self._occurring.without(row, near, literals, self._speaks):
                yield row, columns

    def _of_cells(self, question: Question, literals: int) -> Sides:
        """The same, of attributes that the cells to be excluded settle."""
        if literals > MOST_HIT:
            return
        rows: dict[tuple[int, ...], tuple[Row, tuple[int, ...]]] = {}
        for values, settled in zip(*question.settled(self.template), strict=True):
            near = tuple(int(n) for n in settled.nonzero()[0])[:MOST_HIT_COLUMNS]
            key = (*near, *(int(values[n]) for n in near))
            if self._every == self._speaks_of(near) and key not in rows:
                rows[key] = tuple(int(v) for v in values), near
        for row, near in rows.values():
            for hit in hitting_sets(self._occurring.differences(row, near), literals):
                yield row, tuple(near[bit] for bit in hit)

    def _speaks_of(self, columns: Sequence[int]) -> frozenset[str]:
        return frozenset().union(*(self.template.attributes[c].variables for c in columns))

    def learn(self, states: Vectors, codes: Codes) -> frozenset[str]:
        rows = unique(rows_of(self.template, states, kept=codes), self.template.sizes)
        self._occurring.learn(rows)
        bits = 1 << rows
        return frozenset(
            name
            for box, name in self._names.items()
            if ((bits[:, box.columns] & box.masks) != 0).all(axis=1).any()
        )

    def forget(self) -> None:
        self._occurring.forget()


def given(lemmas: Sequence[Lemma]) -> list[Candidate]:
    """Lemmas that somebody has thought of, as candidates."""
    return [
        Candidate(
            lemma.name,
            lemma.arguments,
            folding.conjunction([folding.negate(lemma.fault), lemma.condition]),
            0,
        )
        for lemma in lemmas
    ]
