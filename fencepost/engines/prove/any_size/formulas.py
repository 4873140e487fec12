"""What is proved: conditions with arguments, be they lemmas, properties or somebody's guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fencepost.core import folding
from fencepost.core.expressions import Expression, Quantified, Variable
from fencepost.core.system import Lemma, Property


class Formula(Protocol):
    """A condition on states, for every value of its arguments; `core.system.Lemma` is one."""

    @property
    def name(self) -> str: ...

    @property
    def arguments(self) -> tuple[Variable, ...]: ...

    @property
    def condition(self) -> Expression: ...


@dataclass(frozen=True)
class Claim:
    """A formula that may have been a property or a lemma; a condition that faults is false."""

    name: str
    arguments: tuple[Variable, ...]
    condition: Expression


def claim(given: Property | Lemma) -> Claim:
    """What a property or a lemma claims of a state."""
    holds = folding.conjunction([folding.negate(given.fault), given.condition])
    return Claim(given.name, given.arguments, holds)


def closed(formula: Formula) -> Expression:
    """A formula as one condition without arguments."""
    if not formula.arguments:
        return formula.condition
    return Quantified("for_all", formula.arguments, formula.condition)
