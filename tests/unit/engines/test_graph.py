"""The state graph is the one the interpreter walks, and is written in formats others read."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from fencepost.core.limits import Limits
from fencepost.core.semantics import Successor, initial_states, outcomes
from fencepost.core.system import State
from fencepost.engines.explore import explore, graph, write_dot, write_graphml
from tests.unit.kernel.random_systems import random_system
from tests.unit.kernel.slot_protocol import slot_protocol

SYSTEM = slot_protocol(2, 1, 1)
REPORTED = SYSTEM.design("as_reported")


def shown(state: State) -> tuple[str, ...]:
    return tuple(f.domain.show(v) for (f, _), v in zip(SYSTEM.cells, state, strict=True))


def test_nodes_and_edges_are_those_of_the_interpreter() -> None:
    found = graph(SYSTEM, REPORTED)
    cells = [
        tuple(value for name, value in data.items() if name not in {"initial", "expanded"})
        for _, data in found.nodes(data=True)
    ]
    start = [shown(s) for s in initial_states(SYSTEM, REPORTED.barriers)]
    assert [cells[n] for n, d in found.nodes(data=True) if d["initial"]] == start
    seen: set[State] = set()
    edges: set[tuple[tuple[str, ...], str, tuple[str, ...]]] = set()
    pending = list(initial_states(SYSTEM, REPORTED.barriers))
    while pending:
        state = pending.pop()
        if state in seen:
            continue
        seen.add(state)
        for step, outcome in outcomes(SYSTEM, REPORTED.barriers, state):
            if isinstance(outcome, Successor):
                edges.add((shown(state), SYSTEM.show_step(step), shown(outcome.state)))
                pending.append(outcome.state)
    assert set(cells) == {shown(s) for s in seen}
    assert {(cells[a], d["step"], cells[b]) for a, b, d in found.edges(data=True)} == edges
    assert found.number_of_edges() == len(edges) == 254


def test_a_cell_is_named_and_shown_as_a_person_reads_it() -> None:
    node = graph(SYSTEM, REPORTED).nodes[0]
    assert node["initial"] is True
    assert node["phase[1]"] == "IDLE"
    assert node["owner[0]"] == "NONE"
    assert node["posted[1, 0]"] == "False"


def test_a_search_that_ends_early_says_so_in_the_graph() -> None:
    whole = graph(SYSTEM, REPORTED)
    assert whole.graph["complete"] is True
    assert whole.graph["ended"] == "all 109 states"
    cut = graph(SYSTEM, REPORTED, Limits(states=40))
    assert cut.graph["complete"] is False
    assert cut.graph["ended"].endswith("states found were expanded: limit of states reached")
    waiting = [n for n, d in cut.nodes(data=True) if not d["expanded"]]
    assert waiting
    assert all(cut.out_degree(n) == 0 for n in waiting)


@pytest.mark.parametrize("seed", range(40, 60))
def test_counts_are_those_of_the_search(seed: int) -> None:
    system = random_system(seed)
    found = graph(system, system.designs[0], Limits(states=500))
    answer = explore(system, system.designs[0], limits=Limits(states=500)).answer
    assert (found.number_of_nodes(), found.number_of_edges()) == (
        answer.states,
        answer.transitions,
    )
    assert found.graph["complete"] is answer.complete


def test_graphml_is_read_back(tmp_path: Path) -> None:
    found = graph(SYSTEM, REPORTED)
    write_graphml(found, tmp_path / "graph.graphml")
    again = nx.read_graphml(tmp_path / "graph.graphml", node_type=int, force_multigraph=True)
    assert dict(again.nodes(data=True)) == dict(found.nodes(data=True))
    assert sorted((a, b, d["step"]) for a, b, d in again.edges(data=True)) == sorted(
        (a, b, d["step"]) for a, b, d in found.edges(data=True)
    )
    assert again.graph["ended"] == "all 109 states"


def test_dot_has_every_node_and_edge(tmp_path: Path) -> None:
    found = graph(SYSTEM, REPORTED)
    write_dot(found, tmp_path / "graph.dot")
    lines = (tmp_path / "graph.dot").read_text().splitlines()
    assert lines[0] == 'digraph "SlotProtocol" {'
    assert lines[-1] == "}"
    assert sum("->" in line for line in lines) == found.number_of_edges()
    assert sum("style=bold" in line for line in lines) == 1
    assert sum("phase[0] = IDLE" in line for line in lines) > 1
