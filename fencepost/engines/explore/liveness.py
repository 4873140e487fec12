"""Deciding `leads_to` and `eventually` on the state graph of a complete search."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fencepost.core.evidence import Way
from fencepost.core.questions import Question
from fencepost.core.semantics import fair_steps
from fencepost.core.system import System
from fencepost.engines.explore.fair_runs import FairRuns, Lasso
from fencepost.kernel.compiled import premise_watches
from fencepost.kernel.control import Slot
from fencepost.kernel.search import Search
from fencepost.kernel.state_graph import bytes_needed, met, state_graph

BYTES_AN_EDGE, BYTES_A_STATE = 24, 64
"""What the decision takes on top of the graph, at most."""

MOST_EDGES = (1 << 31) - 1
"""Places of edges are numbers of 32 bits where components are looked for."""


class Liveness:
    """The liveness questions of one finished search; `check` is called every now and then."""

    def __init__(self, system: System, search: Search, check: Callable[[], None]) -> None:
        self.system, self.search, self.check = system, search, check

    def bytes_needed(self) -> int:
        """The memory that deciding takes on top of the search."""
        edges, states = self.search[Slot.TRANSITIONS], self.search[Slot.COUNT]
        return bytes_needed(self.search) + BYTES_AN_EDGE * edges + BYTES_A_STATE * states

    def decide(self, questions: tuple[Question, ...]) -> Iterator[tuple[Question, Way | None]]:
        """Each question with a fair run that violates it, or None where there is none."""
        numbers = {step: number for number, step in enumerate(self.system.steps)}
        fair = [(numbers[step], kind) for step, kind in fair_steps(self.system)]
        graph = state_graph(self.search, self.check)
        runs = FairRuns(graph, fair)
        premises = premise_watches(self.system)
        for question in questions:
            self.check()
            (goal,) = met(self.search, [question.number + 1])
            if question.property.kind == "eventually":
                begins = graph.depths == 0
            else:
                (begins,) = met(self.search, [premises[question.number]])
            lasso = runs.lasso(begins, ~goal)
            yield question, None if lasso is None else self._way(lasso)

    def _way(self, lasso: Lasso) -> Way:
        initial, before = self.search.way(lasso.start)
        steps = (*before, *(step for _, _, step in (*lasso.stem, *lasso.loop)))
        loop = len(before) + len(lasso.stem)
        return Way(initial, tuple(self.system.steps[step] for step in steps), loop)
