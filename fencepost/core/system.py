"""The recorded model: the one data structure that every engine reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from itertools import product
from typing import Literal

from fencepost.core.domains import Domain
from fencepost.core.errors import Location
from fencepost.core.expressions import FALSE, TRUE, Expression, Variable
from fencepost.core.trees import Placed, Tree

BarrierKind = Literal["edge", "guard"]
PropertyKind = Literal["always", "reachable", "always_possible", "leads_to", "eventually"]
LIVENESS = ("leads_to", "eventually")
"""The kinds of properties that speak of whole runs, and so of what is fair."""

Fairness = Literal["", "weak", "strong"]

NO_FAULT = "no_fault"
NO_STUCK_STATE = "no_stuck_state"

State = tuple[int, ...]
"""One integer a cell, in the order of `System.fields`, last index fastest."""


@dataclass(frozen=True)
class Barrier(Placed):
    """A switch for one piece of synchronisation, and the properties it buys.

    An `edge` orders two things; a `guard` detects that they were not ordered.
    """

    name: str
    text: str = field(compare=False)
    kind: BarrierKind
    buys: tuple[str, ...]


@dataclass(frozen=True)
class Field(Placed):
    """A state variable, or an array of them with one domain per index."""

    name: str
    indices: tuple[Domain, ...]
    domain: Domain
    initial: tuple[tuple[int, ...], ...]
    """For each cell, the values it may start with. In a system for any size: for each cell as if
    every Index had one member, and () where it may start with any value of its domain."""

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many values each index has."""
        return tuple(index.size for index in self.indices)

    @cached_property
    def cells(self) -> int:
        """How many cells there are (1 for a plain variable)."""
        cells = 1
        for size in self.shape:
            cells *= size
        return cells

    def cell(self, indices: tuple[int, ...]) -> int | None:
        """The position of a cell within the field, or None where an index is out of range."""
        position = 0
        for index, domain in zip(indices, self.indices, strict=True):
            if not domain.low <= index <= domain.high:
                return None
            position = position * domain.size + (index - domain.low)
        return position

    def positions(self) -> Iterator[tuple[int, ...]]:
        """The indices of every cell, in cell order."""
        return product(*(index.values() for index in self.indices))


@dataclass(frozen=True)
class Action(Placed):
    """A rule with arguments; each filling of the arguments is a step.

    Fairness is of each step by itself. In a fair run a weakly fair step that is possible from some
    state on for ever is taken again and again, and a strongly fair one that is possible again and
    again is, too. A step that would leave the state as it is counts as not possible here.
    """

    name: str
    actor: str
    arguments: tuple[Variable, ...]
    tree: Tree
    fairness: Fairness = ""


@dataclass(frozen=True)
class Step:
    """An action with its arguments filled in."""

    action: str
    arguments: tuple[int, ...]


@dataclass(frozen=True)
class Property(Placed):
    """A condition on states, for every value of its arguments.

    `always`: it holds in every reachable state. `reachable`: for each filling of the arguments
    some reachable state satisfies it. `always_possible`: for each filling, from every reachable
    state some state that satisfies it can be reached. `leads_to`: for each filling, in every fair
    run each state that satisfies the premise is, or is followed by, one that satisfies the
    condition. `eventually`: for each filling, every fair run from the start has a state that
    satisfies it.

    Where `fault` holds, the condition cannot be evaluated and counts as false; where
    `premise_fault` holds, the premise cannot, and counts as met.
    """

    name: str
    kind: PropertyKind
    arguments: tuple[Variable, ...]
    condition: Expression
    fault: Expression
    text: str = field(default="", compare=False)
    premise: Expression = TRUE
    premise_fault: Expression = FALSE


@dataclass(frozen=True)
class Lemma(Placed):
    """A condition on states that a proof for any size goes by: an invariant, to be proved with the
    properties, for every value of its arguments. It may read barriers.

    `designs`: of which designs it is claimed; empty for all. Where `fault` holds, the condition
    cannot be evaluated and counts as false.
    """

    name: str
    arguments: tuple[Variable, ...]
    condition: Expression
    fault: Expression
    designs: tuple[str, ...] = ()
    text: str = field(default="", compare=False)

    def concerns(self, design: str) -> bool:
        """Whether it is used in the proof of a design."""
        return not self.designs or design in self.designs


@dataclass(frozen=True)
class Violation:
    """An expected violation, with the length of its shortest trace where that is claimed."""

    property: str
    steps: int | None = None


@dataclass(frozen=True)
class Expectation:
    """The verdict a design is expected to get: these violations and no others.

    `within`: where no violation is expected, "none in that many steps" is enough.
    """

    violations: tuple[Violation, ...] = ()
    within: int | None = None


@dataclass(frozen=True)
class Design(Placed):
    """A named set of barriers that are on, with the verdict expected of it."""

    name: str
    barriers: frozenset[str]
    expect: Expectation
    known_bug: str = ""
    text: str = field(default="", compare=False)
    blames: tuple[str, ...] = field(default=(), compare=False)
    """For a broken design, the actions that break the lemmas of the nearest safe one."""


@dataclass(frozen=True)
class System:
    """A model at given parameters: state, actions, properties and designs.

    All designs share one system; which barriers are on is an input of every reader.
    """

    name: str
    parameters: tuple[tuple[str, int], ...]
    barriers: tuple[Barrier, ...]
    fields: tuple[Field, ...]
    initial: Expression
    """What an initial state satisfies, beyond the values its cells may start with."""
    actions: tuple[Action, ...]
    properties: tuple[Property, ...]
    final: Expression
    """Where a run may end: a state without enabled steps is stuck unless this holds."""
    designs: tuple[Design, ...]
    finite_only: tuple[tuple[Location, str], ...] = field(default=(), compare=False)
    """What keeps the system from being read for any size, with where it was written."""
    file: str = field(default="", compare=False, repr=False)
    default_parameters: tuple[tuple[str, int], ...] = field(default=(), compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)
    lemmas: tuple[Lemma, ...] = field(default=(), compare=False, repr=False)
    any_size: bool = field(default=False, compare=False, repr=False)
    """Recorded for any size: counts of Index domains say nothing, and there are no states until
    `core.sizes.at_sizes` gives it some."""
    record_for_any_size: Callable[[], System] | None = field(
        default=None, compare=False, repr=False
    )
    """Records the same model for any size, or says (F130) what in it has no such reading; None
    for a system that was not recorded."""

    @cached_property
    def offsets(self) -> dict[str, int]:
        """The position in a state of each field's first cell."""
        offsets, position = {}, 0
        for declared in self.fields:
            offsets[declared.name] = position
            position += declared.cells
        return offsets

    @cached_property
    def cells(self) -> tuple[tuple[Field, tuple[int, ...]], ...]:
        """Every cell of a state in order: its field and its indices."""
        return tuple((f, indices) for f in self.fields for indices in f.positions())

    @cached_property
    def field(self) -> dict[str, Field]:
        return {declared.name: declared for declared in self.fields}

    @cached_property
    def action(self) -> dict[str, Action]:
        return {action.name: action for action in self.actions}

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step, action by action; a step's position here is its number."""
        return tuple(
            Step(action.name, arguments)
            for action in self.actions
            for arguments in product(*(a.of.values() for a in action.arguments))
        )

    @cached_property
    def digest(self) -> str:
        """A short fingerprint of everything that has meaning; paths and lines are left out."""
        return hashlib.sha256(_meaning(self).encode()).hexdigest()[:16]

    def design(self, name: str) -> Design:
        """The design of that name; KeyError if there is none."""
        for design in self.designs:
            if design.name == name:
                return design
        raise KeyError(name)

    def at_defaults(self) -> bool:
        """Whether every parameter has its default, so that expectations bind."""
        return self.parameters == self.default_parameters

    def show_step(self, step: Step) -> str:
        """A step as a person reads it: `abort(request=1)`."""
        arguments = self.action[step.action].arguments
        shown = (f"{a.name}={a.of.show(v)}" for a, v in zip(arguments, step.arguments, strict=True))
        return f"{step.action}({', '.join(shown)})"


def _meaning(value: object) -> str:
    """A value as text, without what equality leaves out (places, prose), sets in sorted order."""
    if is_dataclass(value):
        parts = (_meaning(getattr(value, f.name)) for f in fields(value) if f.compare)
        return f"{type(value).__name__}({','.join(parts)})"
    if isinstance(value, tuple):
        return f"({','.join(_meaning(part) for part in value)})"
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(_meaning(part) for part in value))}}}"
    return repr(value)
