"""What holds of every answer of a random engine, beside that of exhaustive search."""

from __future__ import annotations

from functools import cache

from fencepost.core.limits import Limits
from fencepost.core.results import Answer, Verdict
from fencepost.core.semantics import failing_instances, is_final, outcomes
from fencepost.core.system import NO_FAULT, NO_STUCK_STATE, Design, State, System
from fencepost.core.traces import Run, rerun
from fencepost.engines.explore import explore
from tests.unit.kernel.random_systems import random_system

MOST_STATES = 50_000


@cache
def known_system(seed: int) -> tuple[System, Design, Answer]:
    """A random system, one of its designs, and what exhaustive search says of it."""
    system = random_system(seed)
    design = system.designs[seed % 2]
    return system, design, explore(system, design, limits=Limits(states=MOST_STATES)).answer


def assert_sound(system: System, design: Design, answer: Answer, whole: Answer) -> None:
    """No verdict contradicts a complete search, and no trace is shorter than the shortest."""
    assert whole.complete
    shortest = {(f.property, f.instance): f for f in whole.findings}
    for finding in answer.findings:
        if finding.verdict is Verdict.UNDECIDED:
            assert finding.trace is None
            continue
        assert finding.trace is not None
        if finding.kind == "reachable":
            assert finding.verdict is Verdict.HOLDS
            known = shortest[finding.property, finding.instance]
        else:
            assert finding.verdict is Verdict.VIOLATED
            assert finding.kind == "always"
            known = next(f for (name, _), f in shortest.items() if name == finding.property)
        assert known.verdict is finding.verdict
        assert known.trace is not None
        assert len(finding.trace) >= len(known.trace)
        shows(system, design, finding.property, rerun(system, finding.trace))


def shows(system: System, design: Design, name: str, run: Run) -> None:
    """What a run ends in, by the interpreter and nothing else."""
    state: State = run.states[-1]
    barriers = design.barriers
    if name == NO_FAULT:
        assert run.fault is not None
        return
    assert run.fault is None
    if name == NO_STUCK_STATE:
        assert not list(outcomes(system, barriers, state))
        assert not is_final(system, barriers, state)
        return
    prop = next(p for p in system.properties if p.name == name)
    failing = failing_instances(system, barriers, state, prop)
    if prop.kind == "always":
        assert failing
