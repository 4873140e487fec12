"""What an engine answers, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from fencepost.core.errors import Location
from fencepost.core.system import State, Step
from fencepost.core.traces import Trace


class Verdict(Enum):
    """`HOLDS` within a scope, `VIOLATED` with evidence, `UNDECIDED` with how far it got."""

    HOLDS = "HOLDS"
    VIOLATED = "VIOLATED"
    UNDECIDED = "UNDECIDED"
    ERROR = "ERROR"


@dataclass(frozen=True)
class InductionFailure:
    """A counterexample to induction: a state in which every lemma holds, and a step after which one
    does not. Whether the state can be reached is not said.

    `claim` is what breaks (a lemma, a property or `no_fault`), `values` those of its arguments. The
    states are those of the model at `sizes` (members of each Index): `core.sizes.at_sizes` gives
    it. Without a step `before` is an initial state that breaks the claim; `after` is None where
    there is no step or it faults.
    """

    claim: str
    values: tuple[tuple[str, int], ...]
    sizes: tuple[tuple[str, int], ...]
    before: State
    step: Step | None = None
    after: State | None = None
    fault: str = ""


@dataclass(frozen=True)
class Finding:
    """The verdict on one property (or one instance of a `reachable`), with its evidence.

    `scope` says in words what the verdict covers. `trace` leads to the violating state, or, for
    a `reachable` that holds, to its witness. `detail` says more about the violation: which
    instance, which fault, why a condition could not be evaluated.
    """

    property: str
    kind: str
    verdict: Verdict
    scope: str
    trace: Trace | None = None
    instance: str = ""
    detail: str = ""
    bound: int | None = None
    """A HOLDS that covers no more than runs of so many steps; None where it covers its scope."""
    induction: InductionFailure | None = None
    """Why a proof for any size was not found, where one was tried."""


def is_open(finding: Finding) -> bool:
    """Whether a property is not decided for good: UNDECIDED, or HOLDS up to a bound only."""
    bounded = finding.verdict is Verdict.HOLDS and finding.bound is not None
    return bounded or finding.verdict is Verdict.UNDECIDED


@dataclass(frozen=True)
class Branch:
    """A condition in the source, with one of its outcomes."""

    location: Location
    outcome: bool


@dataclass(frozen=True)
class Coverage:
    """What a run exercised: steps that were taken, and branches that were, of all there are.

    `leaves` are the places in decision trees that were reached, each with its action and number.
    """

    steps: frozenset[Step]
    steps_in_all: int
    branches: frozenset[Branch]
    branches_in_all: frozenset[Branch]
    leaves: frozenset[tuple[str, int]] = frozenset()
    premises: frozenset[str] = frozenset()
    """The `leads_to` properties whose premise some state met."""


NOT_COVERED = Coverage(frozenset(), 0, frozenset(), frozenset())


@dataclass(frozen=True)
class Answer:
    """What was found: equal across processes whenever the limits are counted ones."""

    model: str
    digest: str
    parameters: tuple[tuple[str, int], ...]
    design: str
    barriers: tuple[str, ...]
    engine: str
    findings: tuple[Finding, ...]
    states: int = 0
    transitions: int = 0
    depth: int = 0
    complete: bool = False
    stopped: str = ""
    """Why the engine ended before everything was covered, or empty."""
    coverage: Coverage = NOT_COVERED
    expanded: int = 0
    """Of how many states every step was taken: all of them where the search is complete."""
    facts: tuple[tuple[str, str], ...] = ()
    """What the engine tells besides, each with its name: the seeds of walks, lemmas used."""

    @property
    def verdict(self) -> Verdict:
        """The weakest verdict of the properties; it never rounds up.

        It has no scope, so a HOLDS up to a bound counts as UNDECIDED here.
        """
        verdicts = {Verdict.UNDECIDED if is_open(f) else f.verdict for f in self.findings}
        for worst in (Verdict.ERROR, Verdict.VIOLATED, Verdict.UNDECIDED):
            if worst in verdicts:
                return worst
        return Verdict.HOLDS if verdicts else Verdict.ERROR


@dataclass(frozen=True)
class Cost:
    """What it took, in seconds and bytes; differs from run to run."""

    search_s: float = 0.0
    compile_s: float = 0.0
    bytes_peak: int = 0


@dataclass(frozen=True)
class Result:
    """What an engine says of a design: its answer, and what that took."""

    answer: Answer
    cost: Cost = field(default_factory=Cost, compare=False)


def grouped(number: int) -> str:
    """A count as a person reads it, in a scope or a table: `1 179 927`."""
    return f"{number:,}".replace(",", " ")


def count_steps(count: int) -> str:
    """A number of steps in words."""
    return "1 step" if count == 1 else f"{count} steps"
