"""Models that were written from the documentation alone, by people who had never seen the tool.

They use the language as it is read and not as it is meant, so what they find is held fast: every
verdict, every count, and that all ways of taking a step and of counting states agree on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from fencepost import Model
from fencepost.analyses.expectations import Judgement, judge, violated
from fencepost.core.results import Answer
from fencepost.core.system import System
from fencepost.engines.explore import explore, explore_by_interpreter
from fencepost.language import PropertyDeclaration, build
from fencepost.loading import load_models
from tests.agreement import peers
from tests.agreement.comparing import compare
from tests.docs.running import working_in

PROJECT = Path(__file__).parent


@dataclass(frozen=True)
class Found:
    """What a search of one design at default sizes counts and finds."""

    states: int
    transitions: int
    depth: int
    violated: dict[str, int | None]
    """The shortest run to a violation of each property that has one."""


EXPECTED = {
    ("host_runs_ahead", "as_reported"): Found(47, 58, 12, {"uses_own_table": 5}),
    ("host_runs_ahead", "fresh"): Found(21, 28, 12, {}),
    ("host_runs_ahead", "ring_of_two"): Found(21, 28, 12, {}),
    ("host_runs_ahead", "waits"): Found(17, 20, 12, {}),
    ("host_runs_ahead", "waits_for_event_before_copy"): Found(47, 58, 12, {"uses_own_table": 5}),
    ("host_runs_two_ahead", "as_reported"): Found(63, 82, 12, {"uses_own_table": 5}),
    ("host_runs_two_ahead", "fresh"): Found(25, 36, 12, {}),
    ("host_runs_two_ahead", "ring_of_two"): Found(35, 48, 12, {"uses_own_table": 7}),
    ("host_runs_two_ahead", "waits"): Found(17, 20, 12, {}),
    ("host_runs_two_ahead", "waits_for_event_before_copy"): Found(
        47, 58, 12, {"uses_own_table": 5}
    ),
    ("kv_release", "counts"): Found(12001, 48550, 32, {"reads_own_pages": 7, "released_once": 10}),
    ("kv_release", "counts_with_tombstone"): Found(2845, 11632, 22, {"reads_own_pages": 7}),
    ("kv_release", "counts_with_generation"): Found(2509, 10288, 22, {"reads_own_pages": 7}),
    ("kv_release", "set_alone"): Found(
        7605, 30826, 32, {"released_once": 11, "reads_own_pages": 13}
    ),
    ("kv_release", "set_and_tombstone"): Found(1557, 6400, 22, {"reads_own_pages": 13}),
    ("kv_release", "set_and_generation"): Found(981, 4024, 22, {}),
    ("kv_release", "all_three"): Found(981, 4024, 22, {}),
    ("pipeline_vote", "as_reported"): Found(
        210, 460, 15, {"aborted_can_end": 5, "stages_agree": 6, "no_stuck_state": 10}
    ),
    ("pipeline_vote", "first_fix"): Found(166, 382, 15, {"aborted_can_end": 3}),
    ("pipeline_vote", "full_fix"): Found(196, 445, 16, {}),
    ("pipeline_vote", "only_votes_again"): Found(
        240, 523, 16, {"aborted_can_end": 5, "stages_agree": 6, "no_stuck_state": 10}
    ),
}
DESIGNS = [pytest.param(*named, id=" ".join(named)) for named in EXPECTED]
MOST_STATES = 1000  # more of them take seconds, body by body
DESIGNS_BY_BODIES = [
    pytest.param(
        *named,
        id=" ".join(named),
        marks=[pytest.mark.slow] if expected.states > MOST_STATES else [],
    )
    for named, expected in EXPECTED.items()
]
Models = dict[str, tuple[type[Model], System]]
Properties = dict[str, tuple[PropertyDeclaration, ...]]


@pytest.fixture(scope="module")
def models() -> Models:
    with working_in(PROJECT):
        sources = load_models([], PROJECT, [])
        return {s.name: (s.model, build(s.model, s.properties)) for s in sources}


@pytest.fixture(scope="module")
def properties() -> Properties:
    with working_in(PROJECT):
        return {s.name: s.properties for s in load_models([], PROJECT, [])}


def test_every_design_is_here(models: Models) -> None:
    there = [(name, d.name) for name, (_, system) in models.items() for d in system.designs]
    assert sorted(there) == sorted(EXPECTED)


def found(answer: Answer) -> Found:
    assert answer.complete
    return Found(answer.states, answer.transitions, answer.depth, violated(answer))


@pytest.mark.parametrize(("name", "design"), DESIGNS)
def test_the_compiled_search(models: Models, name: str, design: str) -> None:
    system = models[name][1]
    answer = explore(system, system.design(design)).answer
    judged = judge(answer, system.design(design).expect)
    assert judged.judgement is Judgement.AS_EXPECTED, judged.reasons
    assert found(answer) == EXPECTED[name, design]


@pytest.mark.parametrize(("name", "design"), DESIGNS)
def test_the_interpreter(models: Models, name: str, design: str) -> None:
    system = models[name][1]
    answer = explore_by_interpreter(system, system.design(design)).answer
    assert found(answer) == EXPECTED[name, design]


@pytest.mark.parametrize(("name", "design"), DESIGNS_BY_BODIES)
def test_plain_bodies_in_every_reachable_state(
    models: Models, properties: Properties, name: str, design: str
) -> None:
    """The comparison also holds the whole answers of both searches equal."""
    model, system = models[name]
    compared = compare(model, properties[name], system, system.design(design))
    assert not compared.differences, "\n".join(compared.differences[:5])
    assert compared.states == EXPECTED[name, design].states


@pytest.mark.usefixtures("both_peers")
@pytest.mark.parametrize(("name", "design"), DESIGNS)
def test_spin_and_rumur(models: Models, tmp_path: Path, name: str, design: str) -> None:
    system = models[name][1]
    expected = EXPECTED[name, design]
    counts = peers.Counts(expected.states, expected.transitions)
    assert peers.spin(system, system.design(design), tmp_path) == counts
    assert peers.rumur(system, system.design(design), tmp_path) == counts
