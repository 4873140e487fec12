"""A body on plain integers: the second way to take a step, for comparing with the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from fencepost.core.domains import BOOL, NONE_VALUE, Domain, Maybe, SetOf
from fencepost.core.expressions import QuantifierKind
from fencepost.core.semantics import Barriers, Outcome, Successor
from fencepost.core.system import Field, System
from fencepost.core.trees import Disabled, Fault
from fencepost.language.machine import (
    StepDisabled,
    StepFaults,
    Value,
    caller,
    raised_at,
    running,
)
from fencepost.language.values import NONE, EmptySet, premise_and_goal
from fencepost.language.views import Elaboration, SetView, View


class PlainMachine:
    """Runs bodies on the cells of one state."""

    def __init__(
        self, system: System, elaboration: Elaboration, barriers: Barriers, state: Sequence[int]
    ) -> None:
        self._offsets = system.offsets
        self._elaboration = elaboration
        self._barriers = barriers
        # A list is worked on as it is, so that a caller can watch what a body reads and writes.
        self.cells: list[int] = state if isinstance(state, list) else list(state)

    def view(self, owner: object, prefix: str) -> View:
        return View(self, self._elaboration, owner, prefix)

    def _place(self, field: Field, indices: tuple[Value, ...]) -> int:
        cell = field.cell(tuple(plain(index) for index in indices))
        if cell is None:
            raise StepFaults("index", caller(), f"an index of {field.name} out of range")
        return self._offsets[field.name] + cell

    def read(self, field: Field, indices: tuple[Value, ...]) -> Value:
        return shown(field.domain, self.cells[self._place(field, indices)])

    def _storable(self, field: Field, value: Value) -> int:
        stored = plain(value)
        if not field.domain.low <= stored <= field.domain.high:
            raise StepFaults("domain", caller(), f"{field.name} leaves its domain")
        return stored

    def write(self, field: Field, indices: tuple[Value, ...], value: Value) -> None:
        stored = self._storable(field, value)
        self.cells[self._place(field, indices)] = stored

    def write_all(
        self,
        field: Field,
        indices: tuple[Value, ...],
        to: Value | Callable[..., Value],
        where: Callable[..., Value] | None,
    ) -> None:
        for index, domain in zip(indices, field.indices, strict=False):
            if not domain.low <= plain(index) <= domain.high:
                raise StepFaults("index", caller(), f"an index of {field.name} out of range")
        writes = []
        fault = None
        for rest in self._fillings(field.indices[len(indices) :]):
            try:
                if where is not None and not where(*rest):
                    continue
                value = self._storable(field, to(*rest) if callable(to) else to)
            except (StepFaults, AssertionError) as found:
                fault = fault or found
            else:
                writes.append((self._place(field, (*indices, *rest)), value))
        self._fail_for(fault, "assign")
        for place, value in writes:
            self.cells[place] = value

    def _fillings(self, domains: Sequence[Domain]) -> Iterator[tuple[Value, ...]]:
        return product(*([shown(d, v) for v in d.values()] for d in domains))

    def _fail_for(self, found: BaseException | None, what: str) -> None:
        if found is not None:
            raise StepFaults("element", caller(), f"in {what}: {found}")

    def _members(self, field: Field, indices: tuple[Value, ...], element: Value) -> tuple[int, int]:
        place = self._place(field, indices)
        if not isinstance(field.domain, SetOf) or not 0 <= element < field.domain.of.count:
            raise StepFaults("index", caller(), f"a member of {field.name} out of range")
        return place, 1 << int(element)

    def contains(self, field: Field, indices: tuple[Value, ...], element: Value) -> Value:
        place, bit = self._members(field, indices, plain(element))
        return bool(self.cells[place] & bit)

    def update_set(
        self, field: Field, indices: tuple[Value, ...], element: Value, present: bool
    ) -> None:
        place, bit = self._members(field, indices, plain(element))
        self.cells[place] = self.cells[place] | bit if present else self.cells[place] & ~bit

    def barrier(self, name: str) -> Value:
        return name in self._barriers

    def size(self, _: str, value: int) -> int:
        return value

    def sizes(self) -> Mapping[str, int]:
        return self._elaboration.sizes

    def elements(self, domain: Domain) -> Iterator[Value]:
        return iter([shown(domain, value) for value in domain.values()])

    def require(self, condition: Value) -> None:
        if not condition:
            raise StepDisabled(caller())

    def choose(self, condition: Value, then: Value, otherwise: Value) -> Value:
        # Both sides are read, as Python reads arguments: a set that is not there is a fault.
        sides = [s.members() if isinstance(s, SetView) else s for s in (then, otherwise)]
        return sides[0] if condition else sides[1]

    def quantify(
        self, kind: QuantifierKind, domains: Sequence[Domain], body: Callable[..., Value]
    ) -> Value:
        holding = elements = 0
        fault = None
        for values in self._fillings(domains):
            elements += 1
            try:
                holding += bool(body(*values))
            except (StepFaults, AssertionError) as found:
                fault = fault or found
        self._fail_for(fault, kind)
        if kind == "count":
            return holding
        return holding == elements if kind == "for_all" else holding > 0

    def none_as_number(self) -> None:
        raise StepFaults("none", caller(), "NONE is used as a number")


def shown(domain: Domain, value: int) -> Value:
    """A cell's integer as a body sees it."""
    if domain == BOOL:
        return bool(value)
    return NONE if value == NONE_VALUE and isinstance(domain, Maybe) else value


def plain(value: Value) -> int:
    """A value of a body as a cell's integer."""
    if isinstance(value, SetView):
        value = value.members()
    return 0 if isinstance(value, EmptySet) else int(value)


def run_body(
    machine: PlainMachine,
    body: Callable[..., Value],
    owner: object,
    prefix: str,
    arguments: tuple[Value, ...],
) -> Outcome:
    """What a body does to the machine's state."""
    with running(machine):
        try:
            body(machine.view(owner, prefix), *arguments)
        except StepDisabled as disabled:
            return Disabled(location=disabled.location)
        except StepFaults as fault:
            return Fault(fault.kind, fault.message, location=fault.location)
        except AssertionError as failed:
            return Fault("assert", str(failed), location=raised_at(failed))
    return Successor(tuple(machine.cells))


def ask_body(
    machine: PlainMachine,
    body: Callable[..., Value],
    owner: object,
    prefix: str,
    arguments: tuple[Value, ...],
    part: int | None = None,
) -> bool | Fault:
    """What a condition says of the machine's state, or how it cannot be evaluated; perhaps one
    part of a pair."""
    with running(machine):
        try:
            given = body(machine.view(owner, prefix), *arguments)
            if part is not None:
                pair = premise_and_goal(given, getattr(body, "__name__", ""), None)
                given = (bool(pair[0]), bool(pair[1]))[part]
            return bool(given)
        except StepDisabled as disabled:
            raise RuntimeError("`require` in a condition") from disabled
        except StepFaults as fault:
            return Fault(fault.kind, fault.message, location=fault.location)
        except AssertionError as failed:
            return Fault("assert", str(failed), location=raised_at(failed))
