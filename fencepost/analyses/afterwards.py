"""What can still happen after a state: how much, and whether it ever comes to an end."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.core.semantics import Barriers, Successor, is_final, outcomes
from fencepost.core.system import State, System
from fencepost.core.trees import Fault

MOST_STATES = 200
"""The interpreter takes about a millisecond a state."""


@dataclass(frozen=True)
class Afterwards:
    """`states` can be reached from a state, itself included; `more` says that there are others.

    Where all were seen, `endless` says that some run goes on for ever, `stuck` that some run ends
    where it may not, and `ends` that some run ends where it may, or with a fault.
    """

    states: int
    more: bool = False
    endless: bool = False
    stuck: bool = False
    ends: bool = False


def afterwards(
    system: System, barriers: Barriers, state: State, most: int = MOST_STATES
) -> Afterwards:
    """Explore what follows a state, by the interpreter, up to so many states."""
    following: dict[State, set[State]] = {}
    seen = [state]
    known = {state}
    stuck = ends = False
    for current in seen:
        possible = list(outcomes(system, barriers, current))
        if not possible:
            final = is_final(system, barriers, current)
            stuck, ends = stuck or not final, ends or final
        ends |= any(isinstance(outcome, Fault) for _, outcome in possible)
        following[current] = {o.state for _, o in possible if isinstance(o, Successor)}
        new = sorted(following[current] - known)
        known.update(new)
        seen.extend(new)
        if len(seen) > most:
            return Afterwards(most, more=True)
    return Afterwards(len(seen), endless=_has_cycle(following), stuck=stuck, ends=ends)


def _has_cycle(following: dict[State, set[State]]) -> bool:
    """Whether some state follows itself: taking away states that end leaves nothing otherwise."""
    before: dict[State, list[State]] = {state: [] for state in following}
    for state, after in following.items():
        for other in after:
            before[other].append(state)
    open_ = {state: len(after) for state, after in following.items()}
    ended = [state for state, count in open_.items() if not count]
    for state in ended:
        for other in before[state]:
            open_[other] -= 1
            if not open_[other]:
                ended.append(other)
    return len(ended) < len(following)
