"""What is proved for any size of claims that no small step breaks, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from fencepost.analyses.inference.candidates import Candidate
from fencepost.analyses.inference.houdini import Claims
from fencepost.analyses.inference.templates import sizes_beyond
from fencepost.core.system import NO_FAULT, System

if TYPE_CHECKING:
    from fencepost.engines.prove.any_size import Outcome
    from fencepost.engines.prove.solver import Bounded

Open = tuple[str, str, "Outcome"]
"""A claim that is not proved, by which action (none: initially), and what the solver says."""


class Obligations:
    """The proof of claims for any size; what was proved stays so while all lemmas that it went by
    are there."""

    def __init__(self, system: System, barriers: frozenset[str], run: Bounded) -> None:
        from fencepost.engines.prove.any_size import Effort, Oracle

        self.system = system
        self._proved: dict[tuple[str, str], frozenset[str]] = {}
        near = Effort(tries=3, members=0)
        self._near = Oracle(system, barriers, near, run=run)
        """Asks for any size alone, of few hypotheses."""
        first_sized, beyond = Effort(sized_first=True, tries=2), sizes_beyond(system)
        self._every = Oracle(system, barriers, first_sized, run=run, sizes=beyond)
        """Looks for counterexamples first, since what is asked of it was not proved before."""

    def of(self, claims: Claims) -> Iterator[tuple[str, str]]:
        """Each claim with each action, initial states (no action) first: a claim that is false
        there may contradict the others, and then no step tells."""
        actions = [a.name for a in self.system.actions]
        yield from ((name, "") for name in claims.names if name != NO_FAULT)
        for name in claims.names:
            yield from ((name, action) for action in actions)

    def open(
        self, claims: Claims, spare: Mapping[str, Candidate], told: Callable[[str], None]
    ) -> list[Open]:
        """The claims that are not proved; of one on which the solver gives no answer, only the
        first action of which it gives none. What a proof takes of `spare` is claimed from then
        on."""
        from fencepost.engines.prove.any_size import Counterexample, Proved

        found: list[Open] = []
        given_up = set[str]()
        taken = True
        while taken and not found:  # what was taken has to be proved in its turn
            taken = False
            for name, action in self.of(claims):
                used = self._proved.get((name, action))
                if name in given_up or (used is not None and used <= claims.lemmas.keys()):
                    continue
                told(name)
                outcome = self._decided(claims, name, action, spare)
                if isinstance(outcome, Proved):
                    used_spare = [n for n in outcome.core if n in spare and n not in claims.lemmas]
                    claims.pin({n: spare[n] for n in used_spare})
                    taken = taken or bool(used_spare)
                    self._proved[name, action] = frozenset(outcome.core) & claims.lemmas.keys()
                    continue
                found.append((name, action, outcome))
                if not isinstance(outcome, Counterexample):
                    given_up.add(name)
        return found

    def _decided(
        self, claims: Claims, name: str, action: str, spare: Mapping[str, Candidate]
    ) -> Outcome:
        """What becomes of a claim by an action, or initially. First under those claims alone that
        it took at sizes: the fewer a solver is given, the sooner it is done."""
        from fencepost.engines.prove.any_size import Proved

        formula = claims.formula(name)
        core = claims.cores.get(name, frozenset())
        near = [c for c in claims.all if c.name in core]
        every = [*claims.all, *spare.values()]
        for oracle, under in ((self._near, near), (self._every, every)):
            if formula is None:
                outcome = oracle.fault_free(action, under)
            elif not action:
                outcome = oracle.holds_initially(formula)
            else:
                outcome = oracle.preserved(formula, action, under)
            if isinstance(outcome, Proved):
                break
        return outcome
