"""What one step does to a state that is open: when it is possible, when it faults, what it leaves.

Effects compose: the cells that one step leaves may be given to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.core.system import Step
from fencepost.core.trees import Fault, Update
from fencepost.engines.prove.one_hot import Cells, OneHot
from fencepost.engines.prove.truths import Truth, any_of, choice


@dataclass(frozen=True)
class Effect:
    """`after` is meant where the step is possible; a cell it leaves alone is the same object."""

    possible: Truth
    faults: Truth
    after: Cells


def effect(encoding: OneHot, step: Step, cells: Cells) -> Effect:
    """The effect of a step on a state."""
    action = encoding.system.action[step.action]
    values = {a.name: v for a, v in zip(action.arguments, step.arguments, strict=True)}
    ends = list(encoding.leaves(action.tree, values, cells))
    updates = [
        (truth, encoding.after(leaf, values, cells))
        for truth, leaf in ends
        if isinstance(leaf, Update)
    ]
    after = list(cells)
    for place in range(len(cells)) if updates else ():
        # The last of several leaves needs no condition: one of them is reached.
        (_, last), *others = reversed(updates)
        value = last[place]
        for truth, written in others:
            value = choice(truth, written[place], value)
        after[place] = value
    return Effect(
        any_of(truth for truth, leaf in ends if isinstance(leaf, Update)),
        any_of(truth for truth, leaf in ends if isinstance(leaf, Fault)),
        after,
    )
