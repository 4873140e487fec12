"""Reachable states of small sizes: what candidates are read off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fencepost.analyses.inference.attributes import Attribute
from fencepost.analyses.inference.tables import Template, distinct_rows, unique
from fencepost.analyses.inference.vectors import Vectors
from fencepost.core.limits import Limits
from fencepost.core.sizes import at_sizes, sorts
from fencepost.core.system import Design, System

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_STATES = 1_500_000
"""A size with more reachable states is too large."""

MOST_LOOKED_AT = 40_000
"""Of a size with more states so many are looked at, chosen evenly by a fixed seed: what is missed
lets a false candidate in, and that is what proofs are for."""

MOST_SIZES = 6


@dataclass(frozen=True)
class Seen:
    """States of one size."""

    sizes: Mapping[str, int]
    vectors: Vectors
    states: int


def seen_states(system: System, design: Design, wanted: Mapping[str, int]) -> list[Seen]:
    """States at the sizes wanted, or, where there are too many, at several sizes below that have
    one member less of one Index each; and at two members of each."""
    names = [s.name for s in sorts(system)]
    two = tuple(min(2, wanted[n]) for n in names)
    pending = list(dict.fromkeys([two, tuple(wanted[n] for n in names)]))
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
            if count > 1:
                pending.append((*counts[:n], count - 1, *counts[n + 1 :]))
    return found


def _within(counts: tuple[int, ...], done: Seen, names: list[str]) -> bool:
    return all(count <= done.sizes[name] for count, name in zip(counts, names, strict=True))


def _look(system: System, design: Design, sizes: dict[str, int]) -> Seen | None:
    """Every state of a size, or None if there are too many."""
    from fencepost.engines.explore.reached import reached_states

    sized = at_sizes(system, sizes)
    reached = reached_states(sized, design, Limits(states=MOST_STATES), most=MOST_LOOKED_AT)
    if not reached.complete:
        return None
    vectors = Vectors(sized, design.barriers, reached.cells, sizes)
    return Seen(sizes, vectors, reached.states)


def table(variables: tuple[Any, ...], attributes: tuple[Attribute, ...], seen: list[Seen]) -> Rows:
    """The distinct rows of a template over all states seen."""
    import numpy as np

    template = Template(variables, attributes)
    parts = [distinct_rows(template, each.vectors) for each in seen]
    rows: Rows = unique(np.concatenate(parts), template.sizes)
    return rows
