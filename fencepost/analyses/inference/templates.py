"""Which members lemmas are looked for: one, one of each kind, then two of a kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations

from fencepost.core.domains import Domain, Index, Maybe, SetOf
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
    every, main = sorts(system), main_of(system)
    if main is None:
        return (((),),)
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


def main_of(system: System) -> Index | None:
    """The Index that most fields have; None where there is no Index."""

    def fields(sort: Index) -> tuple[int, str]:
        return sum(sort in f.indices for f in system.fields), sort.name

    return max(sorts(system), key=fields, default=None)


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


def sizes_searched(shapes: Sequence[Shape], system: System) -> list[dict[str, int]]:
    """At which sizes (members of each Index, by its name) lemmas of templates have to be kept by
    every step before a proof is tried: two of each, and three where templates have two; and one
    more of the main Index, with one of those Index domains that no field has members of, for runs
    that are longer."""
    every, main, most = sorts(system), main_of(system), _most(shapes, system)
    two = {s.name: 2 for s in every}
    if main is None or max(most.values()) == 1:
        return [two]
    near = two | {name: count + 1 for name, count in most.items() if count > 1}
    values = _values(system)
    far = {s.name: 2 if s in values else 1 for s in every} | {main.name: most[main.name] + 2}
    return [near, far]


def sizes_looked_at(shapes: Sequence[Shape], system: System) -> list[dict[str, int]]:
    """At which sizes (members of each Index, by its name) states are looked at, small ones first.

    Two of each. Where templates have several variables of an Index, also with more of the main one,
    for longer runs: one more and two of each other; and two more, once with three of each Index
    whose members some field has as values and one of the others, as what is true where members are
    few and share everything may be false there, and once with one more of each Index than templates
    have variables of it, so that "another" is seen.
    """
    every, main, most = sorts(system), main_of(system), _most(shapes, system)
    two = {s.name: 2 for s in every}
    if main is None or max(most.values()) == 1:
        return [two]
    longer, longest = ({main.name: most[main.name] + more} for more in (1, 2))
    values = _values(system)
    apart = {s.name: 3 if s in values else 1 for s in every}
    wide = {name: count + 1 for name, count in most.items()}
    return [two, two | longer, apart | longest, wide | longest]


def sizes_beyond(system: System) -> list[dict[str, int]]:
    """The sizes at which a proof that fails is looked into before others: two of each Index, four
    of the main one."""
    main = main_of(system)
    return [] if main is None else [{s.name: 2 for s in sorts(system)} | {main.name: 4}]


def _most(shapes: Sequence[Shape], system: System) -> dict[str, int]:
    """How many variables of each Index some template has, one at least."""
    most = {s.name: 1 for s in sorts(system)}
    for shape in shapes:
        for sort, count in shape:
            most[sort.name] = max(most[sort.name], count)
    return most


def _values(system: System) -> set[Domain]:
    """The Index domains whose members some field has as values."""
    return {_inner(f.domain) for f in system.fields}


def _inner(domain: Domain) -> Domain:
    """The Index whose members a field has as values, if that is what they are."""
    match domain:
        case Maybe() | SetOf():
            return domain.of
        case _:
            return domain


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
