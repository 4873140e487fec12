"""A counterexample with fewer members: a member that plays no part is taken out of the state.

A cell that refers to it then refers to nothing, or to another member; whether that is still a
counterexample, the interpreter says.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from fencepost.core.domains import NONE_VALUE, Domain, Index, Maybe, SetOf
from fencepost.core.evidence import Mismatch
from fencepost.core.sizes import at_sizes, sorts
from fencepost.core.system import State, Step, System
from fencepost.engines.prove.any_size.counterexamples import Counterexample

Confirm = Callable[[Counterexample], Counterexample]
"""Gives the counterexample with its outcome, or raises `Mismatch` where it is none."""


class _NeededError(Exception):
    """The step is of the member."""


def smallest(unbounded: System, found: Counterexample, confirm: Confirm) -> Counterexample:
    """The counterexample without any member that can be left out of it, but for so many as the
    model's parameters ask for."""
    known = {found.sizes: found.system}
    least = {sort.name: sort.least for sort in sorts(unbounded)}
    for sort, _ in found.sizes:
        member = dict(found.sizes)[sort] - 1
        while member >= 0 and dict(found.sizes)[sort] > least[sort]:
            with suppress(_NeededError, Mismatch, AssertionError):  # it plays a part
                found = confirm(_without(unbounded, found, sort, member, known))
            member -= 1
    return found


def _without(
    unbounded: System,
    found: Counterexample,
    sort: str,
    member: int,
    known: dict[tuple[tuple[str, int], ...], System],
) -> Counterexample:
    sizes = tuple((name, count - (name == sort)) for name, count in found.sizes)
    if sizes not in known:
        known[sizes] = at_sizes(unbounded, dict(sizes))
    system = known[sizes]
    before: list[int] = []
    for declared, indices in system.cells:
        old = found.system.field[declared.name]
        place = tuple(
            index + (_is(domain, sort) and index >= member)
            for domain, index in zip(declared.indices, indices, strict=True)
        )
        cell = old.cell(place)
        if cell is None:
            raise AssertionError(f"no cell {declared.name}{place}")
        value = found.before[found.system.offsets[declared.name] + cell]
        before.append(_renumbered(old.domain, value, sort, member))
    state: State = tuple(before)
    if found.step is None:
        return Counterexample(system, sizes, state)
    arguments = found.system.action[found.step.action].arguments
    given = list(zip(arguments, found.step.arguments, strict=True))
    if any(_is(_inner(a.of), sort) and value == member for a, value in given):
        raise _NeededError
    renumbered = tuple(_renumbered(a.of, value, sort, member) for a, value in given)
    return Counterexample(system, sizes, state, Step(found.step.action, renumbered))


def _inner(domain: Domain) -> Domain:
    return domain.of if isinstance(domain, Maybe) else domain


def _is(domain: Domain, sort: str) -> bool:
    return isinstance(domain, Index) and domain.name == sort


def _renumbered(domain: Domain, value: int, sort: str, member: int) -> int:
    """A value among the members that are left."""
    match domain:
        case Maybe(of=Index(name=name)) if name == sort:
            return NONE_VALUE if value == member else value - (value > member)
        case Index(name=name) if name == sort:
            return 0 if value == member else value - (value > member)
        case SetOf(of=Index(name=name)) if name == sort:
            return (value & ((1 << member) - 1)) | (value >> (member + 1) << member)
        case _:
            return value
