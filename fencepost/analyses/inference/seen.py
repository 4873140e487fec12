"""Reachable states of small sizes: what candidates are read off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fencepost.analyses.inference.attributes import Attribute
from fencepost.analyses.inference.tables import Template, distinct_rows, unique
from fencepost.analyses.inference.vectors import Vectors, distinct_values
from fencepost.core.limits import Limits
from fencepost.core.sizes import at_sizes
from fencepost.core.system import Design, State, System

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fencepost.engines.prove.any_size.formulas import Formula

    Rows = NDArray[np.int64]

MOST_STATES = 2_000_000
"""A size with more reachable states is walked at random, too."""

MOST_LOOKED_AT = 60_000
"""Of a size with more states so many are kept: what is missed lets a false candidate in, and that
is what proofs are for."""

IN_TABLE = 6_000
"""So many of these are rows of tables from the start; in the others a candidate is looked at when
it is about to be claimed."""


@dataclass(frozen=True)
class Seen:
    """States of one size: all that were kept, and those that tables are made of."""

    sizes: Mapping[str, int]
    vectors: Vectors
    few: Vectors
    complete: bool

    def breaks(self, formula: Formula) -> State | None:
        """The first state in which a formula is false, if there is one."""
        false = false_in(formula, self.vectors)
        return tuple(int(v) for v in self.vectors.cells[:, false[0]]) if false else None


def false_in(formula: Formula, states: Vectors) -> list[int]:
    """In which states a formula is false, by their places."""
    import numpy as np

    values = distinct_values(formula.arguments, states)
    states.at(values)
    true = np.atleast_2d(states.of(formula.condition))
    every = np.broadcast_to(true, (true.shape[0], states.cells.shape[1])).all(axis=0)
    states.at({})
    return [int(n) for n in np.nonzero(~every)[0]]


def seen_states(
    system: System,
    design: Design,
    sizes: Mapping[str, int],
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Seen:
    """States of a size: all, if they are not too many; fewer where a limit of time is met. Of a
    size with more states than are explored, or more than fit in memory, half are those that the
    fewest steps lead to and half lie further, on random walks."""
    import numpy as np

    from fencepost.engines.explore.reached import reached_states
    from fencepost.engines.fuzz.walked import walked_states
    from fencepost.engines.prove.any_size.barriers import fix_barriers

    fixed = replace(fix_barriers(system, design.barriers), properties=(), lemmas=())
    sized = at_sizes(fixed, sizes)
    began = time.perf_counter()
    states = replace(limits, states=MOST_STATES)
    reached = reached_states(sized, design, states, most=MOST_LOOKED_AT)
    cells = reached.cells
    if not reached.complete:
        left = limits.after(time.perf_counter() - began)
        far = walked_states(sized, design, most=MOST_LOOKED_AT, limits=left)
        half = MOST_LOOKED_AT // 2
        cells = np.concatenate([_some(cells, half), _some(far, half)], axis=1)
    cells = cells.astype(_narrow(sized))
    vectors = Vectors(sized, design.barriers, cells, sizes)
    few = Vectors(sized, design.barriers, _some(cells, IN_TABLE), sizes)
    return Seen(sizes, vectors, few, reached.complete and reached.states == cells.shape[1])


def _some(cells: Any, most: int) -> Any:
    """So many columns, or all if there are fewer, the same in every run."""
    import numpy as np

    return cells[:, np.sort(np.random.default_rng(1).permutation(cells.shape[1])[:most])]


def _narrow(system: System) -> type:
    """The narrowest integers that values and places in a state fit in, with room for sums."""
    import numpy as np

    most = max((len(system.cells), *(abs(f.domain.high) for f in system.fields)))
    return np.int16 if most < 1 << 12 else np.int64


def table(variables: tuple[Any, ...], attributes: tuple[Attribute, ...], seen: list[Seen]) -> Rows:
    """The distinct rows of a template over all states seen."""
    import numpy as np

    template = Template(variables, attributes)
    parts = [distinct_rows(template, each.few) for each in seen]
    rows: Rows = unique(np.concatenate(parts), template.sizes)
    return rows
