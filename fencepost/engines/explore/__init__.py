"""Exhaustive search of a system at given sizes."""

from fencepost.engines.explore.comparison import keeps_every_step, same_graph
from fencepost.engines.explore.exhaustive import explore
from fencepost.engines.explore.graph import graph, write_dot, write_graphml
from fencepost.engines.explore.oracle import explore_by_interpreter

__all__ = [
    "explore",
    "explore_by_interpreter",
    "graph",
    "keeps_every_step",
    "same_graph",
    "write_dot",
    "write_graphml",
]
