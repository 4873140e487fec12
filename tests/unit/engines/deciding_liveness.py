"""Liveness decided by the compiled search and by the slow one over the interpreter, as one."""

from __future__ import annotations

from dataclasses import replace

from fencepost import *
from fencepost.core.results import Finding, Verdict
from fencepost.core.system import Fairness, System
from fencepost.engines.explore import explore, explore_by_interpreter
from fencepost.language import PropertyDeclaration

HOLDS, VIOLATED = Verdict.HOLDS, Verdict.VIOLATED


def decided(system: System) -> dict[str, Finding]:
    """The findings on liveness by property and instance, on which both ways agree."""
    found = []
    for search in (explore, explore_by_interpreter):
        answer = search(system, system.designs[0]).answer
        assert answer.complete
        told = {f"{f.property}({f.instance})": f for f in answer.findings}
        found.append({n: f for n, f in told.items() if f.kind in ("leads_to", "eventually")})
    fast, slow = found
    assert {n: f.verdict for n, f in fast.items()} == {n: f.verdict for n, f in slow.items()}
    for finding in (*fast.values(), *slow.values()):
        assert (finding.verdict is VIOLATED) == (finding.trace is not None)
        if finding.trace is not None:
            assert finding.trace.loop is not None
    return fast


def verdict(model: type[Model], prop: PropertyDeclaration) -> Verdict:
    [finding] = decided(build(model, [prop])).values()
    return finding.verdict


def loop(model: type[Model], prop: PropertyDeclaration) -> list[str]:
    """The steps that the reported run repeats for ever."""
    [finding] = decided(build(model, [prop])).values()
    assert finding.trace is not None
    return [step.action for step in finding.trace.steps[finding.trace.loop :]]


def fair_as(system: System, **kinds: Fairness) -> System:
    """The same system with other fairness."""
    actions = tuple(replace(a, fairness=kinds.get(a.name, a.fairness)) for a in system.actions)
    return replace(system, actions=actions)
