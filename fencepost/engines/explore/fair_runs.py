"""Whether a fair run stays for ever within some states of a graph, and the shortest way into one.

A run that goes on for ever goes round in some strongly connected component in the end. A component
is *fair* if for each weakly fair step that is possible in all of its states, and each strongly fair
one that is possible in some, it holds an edge of that step. A component that is unfair to a weakly
fair step is so in all of its parts. In one that is unfair to a strongly fair step, a run must keep
away from the states where that step is possible: they are taken out, and what is left falls into
components anew (Lichtenstein and Pnueli 1985; the emptiness of Streett automata). Where nothing can
happen a run stays for ever.

An edge from a state to itself is a way to go on, but neither makes a step possible nor takes it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fencepost.core.system import Fairness
from fencepost.kernel.state_graph import Array, StateGraph

Edge = tuple[int, int, int]
"""Where an edge comes from, where it goes, and the number of its step."""


@dataclass(frozen=True)
class Lasso:
    """A run that goes on for ever: the edges of its stem from `start`, and those it repeats."""

    start: int
    stem: tuple[Edge, ...]
    loop: tuple[Edge, ...]


class FairRuns:
    """The fair runs of one graph."""

    def __init__(self, graph: StateGraph, fair: Sequence[tuple[int, Fairness]]) -> None:
        self.graph = graph
        degrees = np.diff(graph.starts)
        self.sources = np.repeat(np.arange(graph.count, dtype=np.uint32), degrees)
        self.changes = self.sources != graph.targets
        self.fair = fair
        self.edges_of = {
            step: np.flatnonzero(self.changes & (graph.steps == step)) for step, _ in fair
        }

    def lasso(self, starts: Array, within: Array) -> Lasso | None:
        """A fair run that begins in one of some states and stays for ever within some.

        Its stem, counted from an initial state of the graph, is as short as that of any.
        """
        begins = starts & within
        if not begins.any():
            return None
        distances, before = self._distances(begins, within)
        reached = distances >= 0
        components = self._fair_components(reached)
        ends = reached & self.graph.ended
        goals = np.flatnonzero(ends | (components >= 0))
        if not len(goals):
            return None
        goal = int(goals[np.argmin(distances[goals])])
        start, stem = self._back(goal, before)
        if ends[goal]:
            return Lasso(start, stem, ())
        inside = components == components[goal]
        return Lasso(start, stem, self._loop(goal, inside))

    # Where a run can get.

    def _distances(self, begins: Array, within: Array) -> tuple[Array, Array]:
        """For each state the fewest steps to it, by a way that stays within from where it begins,
        and the edge it is reached by; -1 where there is none."""
        graph = self.graph
        distances = np.full(graph.count, -1, np.int64)
        before = np.full(graph.count, -1, np.int64)
        waiting = np.flatnonzero(begins)
        waiting = waiting[np.argsort(graph.depths[waiting], kind="stable")]
        depths = graph.depths[waiting]
        level, taken = int(depths[0]), 0
        frontier = np.zeros(0, np.int64)
        while len(frontier) or taken < len(waiting):
            if not len(frontier):
                level = int(depths[taken])
            upto = int(np.searchsorted(depths, level, "right"))
            fresh = waiting[taken:upto]
            taken = upto
            fresh = fresh[distances[fresh] < 0]
            distances[fresh] = level
            frontier = np.concatenate([frontier, fresh])
            edges = self._edges_from(frontier)
            targets = graph.targets[edges]
            open_ = within[targets] & (distances[targets] < 0)
            edges, targets = edges[open_], targets[open_]
            found, first = np.unique(targets, return_index=True)
            frontier = found.astype(np.int64)
            level += 1
            distances[frontier], before[frontier] = level, edges[first]
        return distances, before

    def _edges_from(self, states: Array) -> Array:
        """The numbers of all edges that leave some states."""
        starts, ends = self.graph.starts[states], self.graph.starts[states + 1]
        counts = ends - starts
        if not counts.sum():
            return np.zeros(0, np.int64)
        offsets = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        edges: Array = np.arange(counts.sum()) + offsets
        return edges

    def _back(self, goal: int, before: Array) -> tuple[int, tuple[Edge, ...]]:
        stem: list[Edge] = []
        while before[goal] >= 0:
            edge = self._edge(int(before[goal]))
            stem.append(edge)
            goal = edge[0]
        return goal, tuple(reversed(stem))

    def _edge(self, number: int) -> Edge:
        graph = self.graph
        source, target = int(self.sources[number]), int(graph.targets[number])
        return source, target, int(graph.steps[number])

    # Where a run can stay.

    def _fair_components(self, inside: Array) -> Array:
        """For each state the number of the fair component it lies in, or -1."""
        found = np.full(self.graph.count, -1, np.int64)
        inside, fresh = inside.copy(), 0
        while inside.any():
            labels, count = self._components(inside)
            inner = inside[self.sources] & inside[self.graph.targets]
            inner &= labels[self.sources] == labels[self.graph.targets]
            goes_on = np.zeros(count, bool)
            goes_on[labels[self.sources[inner]]] = True
            # Most components are single states that a run leaves again: nobody asks of them.
            inside &= goes_on[labels]
            labels, count = (np.cumsum(goes_on) - 1)[labels], int(goes_on.sum())
            members = np.flatnonzero(inside)
            sizes = np.bincount(labels[members], minlength=count)
            dead, again = np.zeros(count, bool), np.zeros(count, bool)
            left_out = np.zeros(self.graph.count, bool)
            for step, kind in self.fair:
                edges = self.edges_of[step]
                edges = edges[inside[self.sources[edges]]]
                out = self.sources[edges]
                possible = np.bincount(labels[out], minlength=count)
                taken = np.bincount(labels[out[inner[edges]]], minlength=count)
                if kind == "weak":
                    dead |= (possible == sizes) & (taken == 0)
                    continue
                unfair = (possible > 0) & (taken == 0)
                again |= unfair
                left_out[out[unfair[labels[out]]]] = True
            fair = ~dead & ~again
            good = members[fair[labels[members]]]
            found[good] = fresh + labels[good]
            fresh += count
            retry = again & ~dead
            inside[members[~retry[labels[members]]]] = False
            inside &= ~left_out
        return found

    def _components(self, inside: Array) -> tuple[Array, int]:
        """The strongly connected components of the states inside, numbered from 0."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        members = np.flatnonzero(inside)
        place = np.zeros(self.graph.count, np.int32)
        place[members] = np.arange(len(members), dtype=np.int32)
        kept = np.flatnonzero(inside[self.sources] & inside[self.graph.targets])
        rows, columns = place[self.sources[kept]], place[self.graph.targets[kept]]
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(members)))])
        sparse = csr_array(
            (np.ones(len(kept), np.int8), columns, starts.astype(np.int32)),
            shape=(len(members), len(members)),
        )
        count, labels = connected_components(sparse, directed=True, connection="strong")
        spread = np.zeros(self.graph.count, np.int64)
        spread[members] = labels
        return spread, int(count)

    # A loop that is fair.

    def _loop(self, start: int, inside: Array) -> tuple[Edge, ...]:
        """A short loop through a state of a fair component that is fair to every step.

        It starts as the shortest there is, and takes in what it is unfair to, one after the other.
        """
        owed: list[int] = []
        while True:
            loop: list[Edge] = []
            here = start
            for step in owed:
                way = self._way(here, inside, step=step)
                loop += way
                here = way[-1][1]
            loop += self._way(here, inside, to=start, empty=bool(loop))
            unfair = self._unfair(loop)
            if unfair is None:
                return tuple(loop)
            owed.append(unfair)

    def _unfair(self, loop: Sequence[Edge]) -> int | None:
        """A fair step that a loop owes to take, or a place to go where it is not possible."""
        states = {edge[0] for edge in loop}
        taken = {edge[2] for edge in loop if edge[0] != edge[1]}
        times = Counter(step for state in states for step in self._possible(state))
        for step, kind in self.fair:
            if step not in taken and times[step] >= (len(states) if kind == "weak" else 1):
                return step
        return None

    def _possible(self, state: int) -> set[int]:
        """The steps that are possible in a state, as fairness asks it."""
        return {step for source, target, step in self._leaving(state) if source != target}

    def _way(
        self, start: int, inside: Array, *, step: int = -1, to: int = -1, empty: bool = False
    ) -> list[Edge]:
        """The shortest way within a component to a state; or to take a step or, where the component
        does not, to where it is not possible."""
        if empty and start == to:
            return []
        takes = False
        if step >= 0:
            edges = self.edges_of[step]
            takes = bool((inside[self.sources[edges]] & inside[self.graph.targets[edges]]).any())
        before: dict[int, Edge | None] = {start: None}
        pending = deque([start])
        while pending:
            here = pending.popleft()
            for edge in self._leaving(here):
                _, target, taken = edge
                if not inside[target]:
                    continue
                done = target == to
                if step >= 0:
                    there = taken == step and target != here
                    done = there if takes else step not in self._possible(target)
                if done:
                    return [*self._walked(here, before), edge]
                if target not in before:
                    before[target] = edge
                    pending.append(target)
        raise AssertionError("a component is not connected")

    def _walked(self, here: int, before: dict[int, Edge | None]) -> list[Edge]:
        way: list[Edge] = []
        while (edge := before[here]) is not None:
            way.append(edge)
            here = edge[0]
        return way[::-1]

    def _leaving(self, state: int) -> Iterator[Edge]:
        for number in range(int(self.graph.starts[state]), int(self.graph.starts[state + 1])):
            yield self._edge(number)
