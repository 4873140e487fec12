"""A state graph as GraphML or as Graphviz text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx


def write_graph(graph: nx.MultiDiGraph[Any], path: Path) -> None:
    """Write a graph in the form that the file's suffix names; OSError where that fails."""
    if path.suffix == ".dot":
        path.write_text("\n".join(dot_lines(graph)) + "\n", encoding="utf-8")
        return
    import networkx as nx

    nx.write_graphml(graph, path)


def dot_lines(graph: nx.MultiDiGraph[Any]) -> Iterator[str]:
    """The graph as Graphviz reads it: its attributes as a label, nodes and edges with theirs."""
    yield "digraph {"
    told = ", ".join(f"{key}: {value}" for key, value in graph.graph.items())
    yield f"  label={_quoted(told)};"
    yield "  node [shape=box, fontname=monospace];"
    for node, attributes in graph.nodes(data=True):
        yield f"  {_quoted(str(node))} [{_attributes(attributes)}];"
    for source, target, attributes in graph.edges(data=True):
        yield f"  {_quoted(str(source))} -> {_quoted(str(target))} [{_attributes(attributes)}];"
    yield "}"


def _attributes(attributes: dict[str, Any]) -> str:
    label = attributes.get("label") or "\n".join(f"{k}: {v}" for k, v in attributes.items())
    return f"label={_quoted(str(label))}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\l")
    return f'"{escaped}"'
