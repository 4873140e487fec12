"""Obligations as SMT-LIB text, for a second solver: each file must be unsatisfiable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import z3

from fencepost.core.system import NO_FAULT, System
from fencepost.engines.prove.any_size.encoding import Encoding, Obligation
from fencepost.engines.prove.any_size.formulas import Claim


def obligations(encoding: Encoding, claims: Iterable[Claim]) -> Iterator[tuple[str, Obligation]]:
    """Everything that a proof by these claims has to refute, each under a name of its own.

    Refuting all of them shows that the claims hold in every reachable state of any size, and that
    no step faults.
    """
    claims = tuple(claims)
    for each in claims:
        yield f"{each.name}-initially", encoding.initially(each)
    for each in claims:
        for action in encoding.system.actions:
            yield f"{each.name}-by-{action.name}", encoding.preserved(each, action.name, claims)
    for action in encoding.system.actions:
        yield f"{NO_FAULT}-by-{action.name}", encoding.fault_free(action.name, claims)


def as_smtlib(
    system: System, barriers: frozenset[str], claims: Iterable[Claim]
) -> Iterator[tuple[str, str]]:
    """Each obligation that is not trivial, by name, as a script that a solver answers `unsat`."""
    encoding = Encoding(system, barriers)
    for name, obligation in obligations(encoding, claims):
        if obligation.trivial or z3.is_false(obligation.refuted):
            continue
        solver = z3.Solver(ctx=encoding.words.context)
        solver.add(*obligation.background)
        solver.add(*(hypothesis for _, hypothesis in obligation.hypotheses))
        solver.add(obligation.refuted)
        yield name, f"(set-logic ALL)\n{solver.to_smt2()}"
