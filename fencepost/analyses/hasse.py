"""The sets of an analysis as a graph: its Hasse diagram, an edge for each barrier switched on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fencepost.analyses.barrier_lattice import Facet, Known
from fencepost.analyses.barrier_questions import Question
from fencepost.analyses.barrier_results import Analysis, Verdicts
from fencepost.core.errors import InputError

if TYPE_CHECKING:
    import networkx as nx

MOST_DRAWN = 8


def drawable(questions: Sequence[Question]) -> None:
    """Refuse more sets than anybody can look at."""
    count = max(len(question.varied) for question in questions)
    if count > MOST_DRAWN or len(questions) > 1:
        raise InputError(
            "F167",
            f"the {1 << count} sets of {count} barriers are too many to look at",
            why=f"a picture is readable up to {MOST_DRAWN} barriers",
            write=f"--barrier for at most {MOST_DRAWN} of them, --design for the others",
        )


def hasse_diagram(analysis: Analysis) -> nx.DiGraph[frozenset[str]]:
    """Every set as a node, with an edge to each set that has one barrier more.

    A node has `size`, `status` and `minimal`; an edge has the `barrier` that it switches on. The
    status is the first of these that applies: `unsafe`, `blocked` (something is never reached),
    `not live`, `not decided`, `sufficient`.
    """
    import networkx as nx

    varied, on = analysis.question.varied, analysis.question.fixed_on
    known = {v.barriers: v for v in analysis.verdicts}
    graph: nx.DiGraph[frozenset[str]] = nx.DiGraph()
    for number in range(1 << len(varied)):
        barriers = on.union(name for bit, name in enumerate(varied) if number >> bit & 1)
        minimal = barriers in analysis.sufficient.minimal
        verdicts = known.get(barriers)
        graph.add_node(
            barriers,
            size=number.bit_count(),
            status="not decided" if verdicts is None else status(verdicts),
            minimal=minimal,
            broken=() if verdicts is None else verdicts.broken,
        )
    for barriers in list(graph):
        for name in varied:
            if name not in barriers:
                graph.add_edge(barriers, barriers | {name}, barrier=name)
    return graph


def status(verdicts: Verdicts) -> str:
    """What is to be said of a set in one word."""
    known = verdicts.known
    for facet, word in (
        (Facet.SAFETY, "unsafe"),
        (Facet.REACHABILITY, "blocked"),
        (Facet.LIVENESS, "not live"),
    ):
        if known[facet] == Known.VIOLATED:
            return word
    return "sufficient" if set(known.values()) == {Known.HOLDS} else "not decided"
