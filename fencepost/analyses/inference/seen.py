"""Reachable states of small sizes: what candidates are read off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fencepost.analyses.inference.attributes import Attribute
from fencepost.analyses.inference.candidates import Candidate
from fencepost.analyses.inference.tables import Template, distinct_rows, unique
from fencepost.analyses.inference.vectors import Vectors, distinct_values
from fencepost.core.limits import Limits
from fencepost.core.sizes import at_sizes, sorts
from fencepost.core.system import Design, State, System

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_STATES = 4_000_000
"""A size with more reachable states is too large."""

MOST_LOOKED_AT = 60_000
"""Of a size with more states so many are kept, chosen evenly by a fixed seed: what is missed lets a
false candidate in, and that is what proofs are for."""

IN_TABLE = 6_000
"""So many of these are rows of tables from the start; in the others a candidate is looked at when
it is about to be claimed."""

MOST_SIZES = 6


@dataclass(frozen=True)
class Seen:
    """States of one size: all that were kept, and those that tables are made of."""

    sizes: Mapping[str, int]
    vectors: Vectors
    few: Vectors
    states: int

    def breaks(self, formula: Candidate) -> State | None:
        """The first state in which a candidate is false, if there is one."""
        import numpy as np

        every = self.vectors
        values = distinct_values(formula.arguments, every)
        every.at(values)
        true = np.asarray(every.of(formula.condition))
        false = np.nonzero(
            ~np.broadcast_to(true, (true.shape[0], every.cells.shape[1])).all(axis=0)
        )
        every.at({})
        if not len(false[0]):
            return None
        return tuple(int(v) for v in every.cells[:, false[0][0]])


def seen_states(
    system: System, design: Design, wanted: Mapping[str, int], more: Mapping[str, int]
) -> list[Seen]:
    """States at the sizes wanted, or, where there are too many, at several sizes below that have
    one member less of one Index each; and at two members of each. If there are not too many with
    them, the sizes wanted have `more` members of some Index."""
    names = [s.name for s in sorts(system)]
    two = tuple(min(2, wanted[n]) for n in names)
    larger = tuple(max(wanted[n], more.get(n, 0)) for n in names)
    pending = list(dict.fromkeys([two, larger, tuple(wanted[n] for n in names)]))
    tried: set[tuple[int, ...]] = set()
    found: list[Seen] = []
    while pending and len(tried) < MOST_SIZES:
        counts = pending.pop(0)
        if counts in tried or any(_within(counts, done, names) for done in found):
            continue
        tried.add(counts)
        looked = _look(system, design, dict(zip(names, counts, strict=True)))
        if looked is not None:
            found.append(looked)
            continue
        for n, count in enumerate(counts):
            if count > 1 and counts != larger:
                pending.append((*counts[:n], count - 1, *counts[n + 1 :]))
    return found


def _within(counts: tuple[int, ...], done: Seen, names: list[str]) -> bool:
    return all(count <= done.sizes[name] for count, name in zip(counts, names, strict=True))


def _look(system: System, design: Design, sizes: dict[str, int]) -> Seen | None:
    """Every state of a size, or None if there are too many."""
    import numpy as np

    from fencepost.engines.explore.reached import reached_states

    sized = at_sizes(system, sizes)
    reached = reached_states(sized, design, Limits(states=MOST_STATES), most=MOST_LOOKED_AT)
    if not reached.complete:
        return None
    cells = reached.cells
    chosen = np.sort(np.random.default_rng(1).permutation(cells.shape[1])[:IN_TABLE])
    vectors = Vectors(sized, design.barriers, cells, sizes)
    few = Vectors(sized, design.barriers, cells[:, chosen], sizes)
    return Seen(sizes, vectors, few, reached.states)


def table(variables: tuple[Any, ...], attributes: tuple[Attribute, ...], seen: list[Seen]) -> Rows:
    """The distinct rows of a template over all states seen."""
    import numpy as np

    template = Template(variables, attributes)
    parts = [distinct_rows(template, each.few) for each in seen]
    rows: Rows = unique(np.concatenate(parts), template.sizes)
    return rows
