"""What came of holding an implementation against a model, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from fencepost.core.system import Step
from fencepost.core.traces import Trace
from fencepost.engines.conform.differences import Difference


class Conformity(Enum):
    """`HOLDS` within a scope; `VIOLATED`, as it follows the model to where a property is violated;
    `DIFFERS` from the model; `UNDECIDED` with how far it got."""

    HOLDS = "HOLDS"
    VIOLATED = "VIOLATED"
    DIFFERS = "DIFFERS"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Claim:
    """A property that the model violates, with the trace that shows it where there is one."""

    property: str
    kind: str
    trace: Trace | None


@dataclass(frozen=True)
class Scope:
    """What was performed. `edges` are the pairs of a state and a step that the model takes there,
    `taken` those of them that were performed; `refused` are pairs of a state and a step that it
    disables there, which were tried and refused."""

    states: int = 0
    edges: int = 0
    taken: int = 0
    refused: int = 0
    traces: int = 0
    examples: int = 0
    performed: int = 0
    blurred: bool = False
    """Whether several states of the model ever fitted what was seen, so that `taken` counts what
    may have been taken."""


@dataclass(frozen=True)
class Violated:
    """A property that the implementation violates as the model does, with the steps to see it."""

    property: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Conformance:
    """An implementation at one design beside the model."""

    design: str
    verdict: Conformity
    scope: Scope
    violated: tuple[Violated, ...] = ()
    not_shown: tuple[str, ...] = ()
    """The properties that the model violates and the implementation was not seen to."""
    beyond: tuple[str, ...] = ()
    """Those of them that the model violates only from starts that the implementation does not have,
    or by steps that it leaves out."""
    difference: Difference | None = None
    found_by: str = ""
    """What met the difference: `tour`, `counterexample`, `random`, `hypothesis`."""
    again: bool = True
    """Whether the difference was seen again when its steps were tried anew."""
    stopped: str = ""
    seed: int = 0
    seconds: float = field(default=0.0, compare=False)
