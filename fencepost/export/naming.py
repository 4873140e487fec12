"""Names of a system in a target language: close to the model's own, legal, never twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from fencepost.core import expressions as x
from fencepost.core import trees
from fencepost.core.domains import Domain, Enum, Maybe, SetOf
from fencepost.core.system import System

NONE_NAME = "NONE"


@dataclass
class Names:
    """Hands out identifiers: an illegal, reserved or taken one gets underscores appended."""

    reserved: frozenset[str]
    """Words of the target, in lower case: both targets are read as if they ignored case."""
    taken: set[str]

    def take(self, wanted: str) -> str:
        """The wanted name if it is free, else the first free one made from it."""
        name = re.sub(r"[^A-Za-z0-9_]", "_", wanted)
        if not name[:1].isalpha():
            name = "v" + name
        while name in self.taken or name.lower() in self.reserved:
            name += "_"
        self.taken.add(name)
        return name

    def inner(self) -> Names:
        """Names for a scope of its own, which clash with nothing outside it."""
        return Names(self.reserved, set(self.taken))


def domains(system: System, *, constants: bool) -> Iterator[Domain]:
    """Every domain of cells, arguments and bound variables, and of constants where these count,
    with what it is made of, in order of first mention."""
    mentioned: list[Domain] = []
    for field in system.fields:
        mentioned += [*field.indices, field.domain]
    for node in expressions(system):
        if isinstance(node, x.Quantified):
            mentioned += [variable.of for variable in node.variables]
        elif isinstance(node, x.Constant) and constants:
            mentioned.append(node.of)
    for action in system.actions:
        mentioned += [argument.of for argument in action.arguments]
    seen: set[Domain] = set()
    for domain in mentioned:
        inner = domain.of if isinstance(domain, Maybe | SetOf) else domain
        for found in (inner, domain):
            if found not in seen:
                seen.add(found)
                yield found


def expressions(system: System) -> Iterator[x.Expression]:
    """Every expression of the actions and everything below it."""
    for action in system.actions:
        for decision in trees.decisions(action.tree):
            yield from x.walk(decision.condition)
        for leaf in trees.leaves(action.tree):
            if isinstance(leaf, trees.Update):
                for write in leaf.writes:
                    for index in write.indices:
                        yield from x.walk(index)
                    yield from x.walk(write.value)
                    if isinstance(write, trees.BulkWrite):
                        yield from x.walk(write.where)


@dataclass
class Vocabulary:
    """The names of one system in one target language."""

    system: System
    names: Names

    def __post_init__(self) -> None:
        self.none = self.names.take(NONE_NAME)
        system = self.system
        self.barriers = {b.name: self.names.take(b.name) for b in system.barriers}
        self.fields = {f.name: self.names.take(f.name) for f in system.fields}
        self.actions = {a.name: self.names.take(a.name) for a in system.actions}
        self.members: dict[Enum, tuple[str, ...]] = {}
        shared = Counter(name for enum in self.enums for name in set(enum.members))
        for enum in self.enums:
            self.members[enum] = tuple(
                self.names.take(name if shared[name] == 1 else f"{enum.name}_{name}")
                for name in enum.members
            )

    @cached_property
    def mentioned(self) -> tuple[Domain, ...]:
        return tuple(domains(self.system, constants=True))

    @cached_property
    def typed(self) -> tuple[Domain, ...]:
        """The domains that something is declared with."""
        return tuple(domains(self.system, constants=False))

    @cached_property
    def enums(self) -> tuple[Enum, ...]:
        return tuple(d for d in self.mentioned if isinstance(d, Enum))

    @cached_property
    def maybes(self) -> tuple[Maybe, ...]:
        return tuple(d for d in self.mentioned if isinstance(d, Maybe))

    def value(self, value: int, domain: Domain) -> str | None:
        """The name of a value of an enumeration, or of NONE; None for a plain number."""
        match domain:
            case Maybe() if value == -1:
                return self.none
            case Maybe():
                return self.value(value, domain.of)
            case Enum() if domain.low <= value <= domain.high:
                return self.members[domain][value - domain.low]
            case _:
                return None
