"""Claims that are kept by every step, made fewer: lemmas that the others can do without go.

A counterexample that was met while the claims were looked for tells, without a question to the
solver, that a lemma has to stay: where no other claim is false before its step, that step breaks a
claim as soon as the lemma goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from fencepost.analyses.inference.candidates import Candidate
from fencepost.analyses.inference.houdini import Claims, Told
from fencepost.analyses.inference.seen import false_in
from fencepost.analyses.inference.vectors import Vectors

if TYPE_CHECKING:
    from fencepost.engines.prove.any_size import Counterexample
    from fencepost.engines.prove.any_size.sized import Sized

Sizes = tuple[tuple[str, int], ...]


class Witnesses:
    """States before steps that break a claim, with the lemmas that are false there."""

    def __init__(
        self,
        broken: Iterable[tuple[Counterexample, str]],
        claims: Claims,
        barriers: frozenset[str],
    ) -> None:
        import numpy as np

        names = set(claims.names)
        groups: dict[Sizes, list[tuple[Counterexample, str]]] = {}
        for found, claim in broken:
            if claim in names and found.step is not None:
                groups.setdefault(found.sizes, []).append((found, claim))
        self._false: list[tuple[str, set[str]]] = []
        for sizes, members in groups.items():
            cells = np.array([found.before for found, _ in members], dtype=np.int64).T
            states = Vectors(members[0][0].system, barriers, cells, dict(sizes))
            wrong: list[set[str]] = [set() for _ in members]
            for claimed in claims.all:
                for place in false_in(claimed, states):
                    wrong[place].add(claimed.name)
            self._false += [(claim, each) for (_, claim), each in zip(members, wrong, strict=True)]

    def needed(self, lemma: str, names: Collection[str]) -> bool:
        """Whether a step breaks one of the claims of these names if that lemma goes."""
        return any(
            claim != lemma and claim in names and lemma in false and len(false & set(names)) == 1
            for claim, false in self._false
        )


def minimise(
    sized: Sized,
    claims: Claims,
    told: Told,
    broken: Iterable[tuple[Counterexample, str]] = (),
) -> None:
    """Take out every lemma that the others can do without, the largest first."""
    claims.lemmas = claims.needed()
    witnesses = Witnesses(broken, claims, sized.barriers)
    for name in sorted(claims.lemmas, key=lambda n: _size(claims.lemmas[n]), reverse=True):
        if name not in claims.lemmas or name in claims.pinned:
            continue
        if witnesses.needed(name, set(claims.names)):
            continue
        told(name, len(claims.lemmas), 0)
        rest = {n: lemma for n, lemma in claims.lemmas.items() if n != name}
        trial = Claims(claims.goals, claims.no_fault, rest, dict(claims.cores), claims.pinned)
        del trial.cores[name]
        again = [n for n in trial.names if name in trial.cores.get(n, ())]
        if _still_closed(sized, trial, again):
            trial.lemmas = trial.needed()
            claims.lemmas, claims.cores = trial.lemmas, trial.cores
    claims.lemmas = claims.needed()
    claims.cores = {n: core for n, core in claims.cores.items() if n in set(claims.names)}


def _still_closed(sized: Sized, trial: Claims, names: Sequence[str]) -> bool:
    for name in names:
        core = sized.core(trial.formula(name), trial.all)
        if core is None:
            return False
        trial.cores[name] = core
    return True


def _size(lemma: Candidate) -> tuple[int, int, int, str]:
    return len(lemma.arguments), lemma.literals, lemma.nodes, lemma.name
