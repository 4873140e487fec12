"""Liveness of every design of every model, decided in two ways that share no code: on the compiled
state graph, and by networkx over the interpreter. Each run that is found is performed again."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fencepost.core.results import Answer, Verdict
from fencepost.core.system import LIVENESS, Design, System
from fencepost.engines.explore import explore, explore_by_interpreter
from fencepost.language import build
from fencepost.loading import load_model

ROOT = Path(__file__).parents[2]
SMALL = {
    "async_cache_load": {"requests": 1},
    "deferred_free": {},
    "layer_split": {"turns": 1},
    "rdma_write_completion": {"requests": 1},
    "slot_lifecycle": {"requests": 1},
    "speculation_monitor": {"requests": 1},
    "staged_handoff": {},
}
"""Sizes of a few hundred states, at which each design has the liveness that is expected of it."""

TWO_REQUESTS = {
    "rdma_write_completion": {"requests": 2, "handles": 1},
    "slot_lifecycle": {"requests": 2, "chunks": 1},
    "staged_handoff": {"requests": 2},
}
"""Sizes at which one request waits for another."""

MOST_STATES = 1000
"""With two requests, designs of more states are left out: the interpreter takes a minute."""


@cache
def system_of(name: str, sizes: tuple[tuple[str, int], ...]) -> System:
    source = load_model(name, ROOT)
    return build(source.model, source.properties, dict(sizes))


def verdicts(answer: Answer) -> dict[tuple[str, str], Verdict]:
    assert answer.complete
    return {(f.property, f.instance): f.verdict for f in answer.findings if f.kind in LIVENESS}


def violated_in_both_ways(system: System, design: Design) -> set[str]:
    """The liveness properties that are violated, once both ways agree on each instance of each."""
    fast = explore(system, design).answer
    slow = explore_by_interpreter(system, design).answer
    found = verdicts(fast)
    assert found == verdicts(slow), (system.name, design.name)
    for finding in (*fast.findings, *slow.findings):
        if finding.kind in LIVENESS and finding.verdict is Verdict.VIOLATED:
            assert finding.trace is not None and finding.trace.loop is not None
    return {name for (name, _), verdict in found.items() if verdict is Verdict.VIOLATED}


def test_every_model_is_decided_in_both_ways() -> None:
    assert SMALL.keys() == {path.stem for path in (ROOT / "models").glob("*.py")}


@pytest.mark.parametrize("name", SMALL)
def test_every_design(name: str) -> None:
    system = system_of(name, tuple(SMALL[name].items()))
    live = {p.name for p in system.properties if p.kind in LIVENESS}
    assert live
    for design in system.designs:
        expected = {v.property for v in design.expect.violations} & live
        assert violated_in_both_ways(system, design) == expected, design.name


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TWO_REQUESTS)
def test_every_design_with_two_requests(name: str) -> None:
    system = system_of(name, tuple(TWO_REQUESTS[name].items()))
    few = [d for d in system.designs if explore(system, d).answer.states <= MOST_STATES]
    assert len(few) > len(system.designs) // 2
    violated = [violated_in_both_ways(system, design) for design in few]
    assert any(violated) and not all(violated)
