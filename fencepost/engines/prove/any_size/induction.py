"""The largest part of a set of claims that is inductive, and what kept the others out.

A set is inductive if each of its claims holds initially and every step keeps it, where all of the
set hold before. A claim that is broken is taken out; what was proved with its help (the solver's
core says so) is asked again. What is left at the end is proved together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fencepost.engines.prove.any_size.counterexamples import Counterexample
from fencepost.engines.prove.any_size.formulas import Claim
from fencepost.engines.prove.any_size.oracle import Oracle, Outcome, Proved, Unknown

INITIATION = ""
"""Stands in place of an action where the question is about initial states."""


@dataclass(frozen=True)
class Broken:
    """A claim that a set of claims does not carry over an action (or that an initial state breaks).

    `first`: while nothing had been taken out, so that the whole set was there to help.
    """

    claim: str
    action: str
    why: Counterexample | Unknown
    first: bool

    @property
    def refuted(self) -> bool:
        """Whether there is a counterexample, and not only no proof."""
        return isinstance(self.why, Counterexample)


@dataclass
class Induction:
    """What is known so far: the claims that are still in, the proofs, the failures."""

    claims: dict[str, Claim]
    cores: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def used_by(self, name: str) -> set[str]:
        """The claims whose proof took another, directly or not, itself included."""
        needed, pending = {name}, [name]
        while pending:
            current = pending.pop()
            for (claim, _), core in self.cores.items():
                if claim == current:
                    fresh = set(core) - needed
                    needed |= fresh
                    pending += fresh
        return needed


Told = Callable[[str, str], None]


def settle(
    found: Induction, oracle: Oracle, actions: Sequence[str], told: Told, *, again: bool
) -> None:
    """Take out of the claims what is broken, until the rest is inductive.

    What was proved with the help of a claim that is taken out is asked `again`, or else taken out
    too. `told` is called before each question with the claim and the action. What was found before
    the oracle came to an end stays in `found`.
    """
    open_ = [(name, action) for name in found.claims for action in (INITIATION, *actions)]
    whole = True
    while open_:
        lost: dict[str, None] = {}
        for name, action in open_:
            told(name, action)
            claim = found.claims[name]
            outcome = _ask(oracle, claim, action, tuple(found.claims.values()))
            if isinstance(outcome, Proved):
                found.cores[name, action] = outcome.core
            else:
                found.broken.append(Broken(name, action, outcome, whole))
                lost[name] = None
        if not again:
            _follow(found, lost)
        for name in lost:
            del found.claims[name]
        whole = False
        found.cores = {k: core for k, core in found.cores.items() if k[0] in found.claims}
        open_ = [key for key, core in found.cores.items() if set(core) & set(lost)]


def _follow(found: Induction, lost: dict[str, None]) -> None:
    """Add to what is lost all that was proved with its help."""
    pending = list(lost)
    while pending:
        gone = pending.pop()
        for (name, _), core in found.cores.items():
            if gone in core and name not in lost:
                lost[name] = None
                pending.append(name)


def _ask(oracle: Oracle, claim: Claim, action: str, under: Sequence[Claim]) -> Outcome:
    if action == INITIATION:
        return oracle.holds_initially(claim)
    return oracle.preserved(claim, action, under)
