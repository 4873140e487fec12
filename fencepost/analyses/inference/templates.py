"""Which members lemmas are looked for: one, one of each kind, then two of a kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import prod

from fencepost.analyses.inference.harvest import Asked, free_variables, index_of
from fencepost.core.domains import Domain, Index, SetOf
from fencepost.core.expressions import Variable
from fencepost.core.sizes import sorts
from fencepost.core.system import System

FEW = 3
"""With no more Index domains than this, one member of each of any two is tried early."""

Shape = tuple[tuple[Index, int], ...]
"""How many variables of each Index, those of none left out."""


def schedule(system: System) -> tuple[tuple[Shape, ...], ...]:
    """Stages of templates, each with those of the stage before it.

    First one member, and one of each of two that some field has as indices; then one of any two,
    two members of the main Index (the one that most fields have), alone and with one of another;
    then two of an ordered one, three of different ones, and two of each.
    """
    every = sorts(system)
    if not every:
        return (((),),)
    main = max(every, key=lambda s: (sum(s in f.indices for f in system.fields), s.name))
    rest = [s for s in every if s is not main]
    related = _related(system)
    first: list[Shape] = [((main, 1),), *(((s, 1),) for s in rest)]
    first += [((main, 1), (s, 1)) for s in rest if frozenset((main.name, s.name)) in related]
    first += [
        ((a, 1), (b, 1)) for a, b in combinations(rest, 2) if frozenset((a.name, b.name)) in related
    ]
    indexing = [s for s in rest if any(s in f.indices and main in f.indices for f in system.fields)]
    second: list[Shape] = [((main, 2),)]
    second += [((main, 2), (s, 1)) for s in indexing]
    pairs: list[Shape] = [((a, 1), (b, 1)) for a, b in combinations([main, *rest], 2)]
    if len(every) <= FEW:
        second = pairs + second
    third: list[Shape] = [((main, 1), (s, 2)) for s in indexing if s.ordered]
    third += pairs
    third += [((main, 2), (s, 1)) for s in rest if s not in indexing]
    third += [((main, 1), (a, 1), (b, 1)) for a, b in combinations(rest, 2)]
    third += [((main, 2), (s, 2)) for s in indexing if s.ordered]
    stages = [first, first + second]
    if third:
        stages.append(first + second + third)
    return tuple(tuple(dict.fromkeys(stage)) for stage in stages)


def variables_of(shape: Shape, taken: Iterable[str] = ()) -> tuple[Variable, ...]:
    """Variables of a shape: `request`, `other_request`, `chunk`."""
    found: list[Variable] = []
    used = set(taken)
    for sort, count in shape:
        word = _word(sort.name)
        for number in range(count):
            name = word if number == 0 else f"other_{word}" if number == 1 else f"{word}{number}"
            while name in used:
                name += "_"
            used.add(name)
            found.append(Variable(name, sort))
    return tuple(found)


def sizes_wanted(shapes: Sequence[Shape], every: Sequence[Index]) -> dict[str, int]:
    """One more member of each Index than any template has variables of it."""
    wanted = {s.name: 1 for s in every}
    for shape in shapes:
        for sort, count in shape:
            wanted[sort.name] = max(wanted[sort.name], count + 1)
    return wanted


def led_to(shapes: Sequence[Shape], asked: Asked, wanted: Mapping[str, int]) -> dict[str, int]:
    """More members of the Index that most terms are members of, if the addresses of a template's
    variables lead to as many as there are: the prompts of two requests, and one more."""
    leads: dict[str, int] = {}
    for address in asked.addresses:
        sort, places = index_of(address), [index_of(v) for v in free_variables(address)]
        if sort is None or not places:
            continue
        for shape in shapes:
            count = {each.name: number for each, number in shape}
            ways = prod(count.get(each.name, 0) if each is not None else 0 for each in places)
            leads[sort.name] = max(leads.get(sort.name, 0), ways + 1)
    terms = Counter(sort.name for sort in map(index_of, asked.terms) if sort is not None)
    lacking = [name for name, count in leads.items() if count > wanted[name]]
    if not lacking:
        return {}
    most = max(lacking, key=lambda name: (terms[name], name))
    return {most: leads[most]}


def _word(name: str) -> str:
    last = name.rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()


def _related(system: System) -> set[frozenset[str]]:
    """Pairs of Index domains that some field has as indices, or as an index and a set."""
    found: set[frozenset[str]] = set()
    for declared in system.fields:
        domain: Domain = declared.domain
        both = (*declared.indices, *((domain.of,) if isinstance(domain, SetOf) else ()))
        names = [d.name for d in both if isinstance(d, Index)]
        found |= {frozenset((a, b)) for a in names for b in names if a != b}
    return found
