"""A random run as it is steered: which steps it may go on with, and what it comes close to.

Three things make deep violations likely. A run has an order of the steps, drawn once, and takes the
first that is enabled, unless it deviates: postponing one step for long is what breaks protocols,
and a run that draws each step anew hardly ever does it (S. Burckhardt and others, "A randomized
scheduler with probabilistic guarantees of finding bugs", 2010). A run does not go back to a state
that it was in while there is another. And around each of its states the nearest others are looked
at, so that a run need not hit a violation, only come near it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from fencepost.core.evidence import Way
from fencepost.core.semantics import Barriers
from fencepost.core.system import Step, System
from fencepost.kernel.compiled import compiled
from fencepost.kernel.layout import Words
from fencepost.kernel.nearby import STATES_EACH, Nearby, Sight
from fencepost.kernel.randomness import mixed
from fencepost.kernel.stepping import Stepper


class Surroundings:
    """The compiled system at one design, with what is looked for around each state."""

    def __init__(self, system: System, barriers: Barriers, most: int) -> None:
        kernel = compiled(system)
        self.system, self.most = system, max(1, most)
        self.stepper = Stepper(system, kernel, barriers)
        self.nearby = Nearby(system, kernel, barriers, self.most * STATES_EACH)
        self.number = {step: number for number, step in enumerate(system.steps)}

    def seek(self, sought: Collection[Sight], violations: Collection[Sight]) -> None:
        """What to look for around states from now on, and which of it ends a look."""
        self.nearby.seek(sought, violations)

    def free(self) -> None:
        """Give back the memory in which looks around are taken."""
        self.nearby.free()


@dataclass
class Run:
    """A run so far: where it began, the steps taken, the state it is in."""

    around: Surroundings
    initial: Words
    order: int
    """Which order of the steps it keeps to; 0 is that of `System.steps`."""
    state: Words = ()
    steps: list[Step] = field(default_factory=list)
    seen: dict[Sight, Way] = field(default_factory=dict)
    """What the last look around saw."""
    looking: bool = True
    """Whether to look around; once it is known what lies ahead, there is no need."""

    def __post_init__(self) -> None:
        self._enter(self.initial)

    def way(self, rest: tuple[Step, ...] = ()) -> Way:
        """The run as an engine reports it, with what comes after it."""
        return Way(self.around.stepper.unpack(self.initial), (*self.steps, *rest))

    def choices(self) -> list[Step]:
        """The steps to go on with, the one that is first in order first."""
        fresh = [step for step, after in self.moves.items() if after not in self._visited]
        steps = fresh or list(self.moves)
        if self.order and len(steps) > 1:
            number = self.around.number
            steps.sort(key=lambda step: mixed(self.order, number[step]))
        return steps

    def take(self, step: Step) -> None:
        """Go on with a step; one that faults leads nowhere."""
        self.steps.append(step)
        after = self.moves.get(step)
        if after is not None:
            self._enter(after)

    def _enter(self, state: Words) -> None:
        if not self.steps:
            self._visited: set[Words] = set()
        self.state = state
        self._visited.add(state)
        self.moves = dict(self.around.stepper.look(state))
        self.seen = self.around.nearby.look(state, self.around.most) if self.looking else {}
