"""The state graph of a design, for spaces small enough to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fencepost.core.limits import Limits
from fencepost.core.questions import Questions
from fencepost.core.results import grouped
from fencepost.core.system import Design, State, System
from fencepost.engines.explore.exhaustive import Exhaustive
from fencepost.kernel.control import Slot

if TYPE_CHECKING:
    import networkx as nx

MOST_STATES = 100_000
NO_QUESTIONS = Questions((), no_fault=False, no_stuck_state=False)


def graph(
    system: System,
    design: Design,
    limits: Limits = Limits(states=MOST_STATES),  # noqa: B008  # frozen
) -> nx.MultiDiGraph[int]:
    """Every state found as a node, and every step from one to another as an edge.

    A node has one attribute a cell, as a person reads it, and `initial`. The graph's attribute
    `complete` says whether every reachable state is there; `ended` says why not, or how many
    there are. States that were not expanded any more have `expanded` false.
    """
    import networkx as nx

    search = Exhaustive(system, design, NO_QUESTIONS, limits, None)
    try:
        search.run()
        found: nx.MultiDiGraph[int] = nx.MultiDiGraph(
            model=system.name,
            design=design.name,
            digest=system.digest,
            complete=search.complete(),
            ended=_ended(search),
        )
        names = [_cell_name(f.name, indices) for f, indices in system.cells]
        found.add_nodes_from(_nodes(search, system, names))
        for source, target, step in _edges(search):
            found.add_edge(source, target, step=system.show_step(system.steps[step]))
    finally:
        search.search.free()
    return found


def _ended(search: Exhaustive) -> str:
    states = grouped(search.search[Slot.COUNT])
    if search.complete():
        return f"all {states} states"
    expanded = grouped(search.search[Slot.EXPANDED])
    return f"only {expanded} of the {states} states found were expanded: {search.stopped}"


def _cell_name(field: str, indices: tuple[int, ...]) -> str:
    return f"{field}[{', '.join(str(i) for i in indices)}]" if indices else field


def _nodes(
    search: Exhaustive, system: System, names: list[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    domains = [f.domain for f, _ in system.cells]
    for number in range(search.search[Slot.COUNT]):
        state: State = search.search.state(number)
        shown = (d.show(value) for d, value in zip(domains, state, strict=True))
        yield (
            number,
            {
                "initial": number < search.search.initial,
                "expanded": number < search.search[Slot.EXPANDED],
                **dict(zip(names, shown, strict=True)),
            },
        )


def _edges(search: Exhaustive) -> Iterator[tuple[int, int, int]]:
    found = search.search
    numbers = {found.packed(n): n for n in range(found[Slot.COUNT])}
    for source in range(found[Slot.EXPANDED]):
        for step, words in found.successors(source):
            yield source, numbers[words], step


def write_graphml(found: nx.MultiDiGraph[int], path: Path) -> None:
    """The graph as GraphML, which graph editors read."""
    import networkx as nx

    nx.write_graphml(found, path)


def write_dot(found: nx.MultiDiGraph[int], path: Path) -> None:
    """The graph in Graphviz's language: initial states are drawn bold, unexpanded ones dashed."""
    lines = [f"digraph {_quoted(str(found.graph['model']))} {{"]
    title = f"{found.graph['design']}: {found.graph['ended']}"
    lines += [f"  label={_quoted(title)};", "  node [shape=box];"]
    for number, cells in found.nodes(data=True):
        label = "\n".join(
            f"{name} = {value}"
            for name, value in cells.items()
            if name not in {"initial", "expanded"}
        )
        style = "bold" if cells["initial"] else "solid" if cells["expanded"] else "dashed"
        lines.append(f"  {number} [label={_quoted(label)}, style={style}];")
    lines += [
        f"  {source} -> {target} [label={_quoted(data['step'])}];"
        for source, target, data in found.edges(data=True)
    ]
    path.write_text("\n".join([*lines, "}", ""]), encoding="utf-8")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
