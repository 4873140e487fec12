"""Fair runs that violate a liveness question, found slowly and on networkx: what the compiled
decision must agree with. It shares no code with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import networkx as nx

from fencepost.core.system import Fairness, Step

START = -1
"""A node before every state that a run may begin in."""

Walk = list[tuple[int, int, Step]]
"""Edges one after the other: from, to and by which step."""


def fair_lasso(
    edges: Iterable[tuple[int, int, Step]],
    begins: Sequence[int],
    pending: AbstractSet[int],
    ended: AbstractSet[int],
    fair: Mapping[Step, Fairness],
) -> tuple[int, Walk, Walk] | None:
    """A state to begin in, the way from there and the loop of a fair run that stays in `pending`;
    None where there is none. `ended` are the states in which nothing can happen."""
    every = list(edges)
    possible: dict[int, set[Step]] = {}
    for source, target, step in every:
        if source != target:
            possible.setdefault(source, set()).add(step)
    graph: Any = nx.MultiDiGraph()
    graph.add_nodes_from(pending)
    graph.add_edges_from((s, t, step) for s, t, step in every if s in pending and t in pending)
    entries = [state for state in begins if state in pending]
    graph.add_edges_from((START, state, None) for state in entries)
    graph.add_node(START)
    reached = nx.descendants(graph, START)
    loop: Walk = []
    if reached & ended:
        goal = min(reached & ended)
    else:
        component = _fair_component(graph.subgraph(reached).copy(), possible, fair)
        if component is None:
            return None
        goal = min(component.nodes)
        loop = _round_trip(component, goal, possible, fair)
    (_, begin, _), *stem = _walk(graph, START, goal)
    return begin, stem, loop


def _fair_component(
    graph: Any, possible: Mapping[int, set[Step]], fair: Mapping[Step, Fairness]
) -> Any:
    for states in nx.strongly_connected_components(graph):
        component = graph.subgraph(states).copy()
        if not component.number_of_edges():
            continue
        taken = {step for s, t, step in component.edges(keys=True) if s != t}
        owed = {step: kind for step, kind in fair.items() if step not in taken}
        if any(
            kind == "weak" and all(step in possible.get(s, ()) for s in states)
            for step, kind in owed.items()
        ):
            continue
        avoided = {
            s
            for step, kind in owed.items()
            for s in states
            if kind == "strong" and step in possible.get(s, ())
        }
        if not avoided:
            return component
        found = _fair_component(component.subgraph(states - avoided).copy(), possible, fair)
        if found is not None:
            return found
    return None


def _walk(graph: Any, start: int, end: int) -> Walk:
    states = nx.shortest_path(graph, start, end)
    return [(s, t, next(iter(graph[s][t]))) for s, t in nx.utils.pairwise(states)]


def _round_trip(
    component: Any,
    start: int,
    possible: Mapping[int, set[Step]],
    fair: Mapping[Step, Fairness],
) -> Walk:
    """A closed walk through a fair component that is fair to every step: it takes each that the
    component takes, and goes to where each other is not possible."""
    walk: Walk = []
    here = start
    taken = {step: (s, t, step) for s, t, step in component.edges(keys=True) if s != t}
    for step in fair:
        if step in taken:
            walk += [*_walk(component, here, taken[step][0]), taken[step]]
            here = taken[step][1]
        else:
            away = next(s for s in component.nodes if step not in possible.get(s, ()))
            walk += _walk(component, here, away)
            here = away
    walk += _walk(component, here, start)
    if not walk:
        target, steps = next(iter(component[start].items()))
        walk = [(start, target, next(iter(steps))), *_walk(component, target, start)]
    return walk
