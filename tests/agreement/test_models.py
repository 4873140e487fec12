"""The models of this repository: bodies, conditions, recording and compiled search say the same in
every reachable state of every design; of a design with many, in states spread over all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fencepost.core.limits import Limits
from fencepost.core.questions import select
from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, State, System
from fencepost.engines.explore.exhaustive import Exhaustive
from fencepost.language import build
from fencepost.loading import load_models
from fencepost.plain_bodies import Comparison
from fencepost.project import Source

ROOT = Path(__file__).parents[2]


@cache
def models() -> dict[str, tuple[Source, System]]:
    found = load_models([], ROOT, [])
    return {source.name: (source, build(source.model, source.properties)) for source in found}


NAMES = sorted(path.stem for path in (ROOT / "models").glob("*.py"))


def test_there_are_models() -> None:
    assert NAMES
    assert sorted(models()) == NAMES


MOST_STATES = 4_000
"""So many states of a design are compared, if it is not the first of its model."""


def hold_equal(source: Source, system: System, design: Design, *, most: int | None = None) -> None:
    """Successors of the states found by the compiled search, by the two other ways too: of all, or
    of so many that are spread evenly over the order of discovery."""
    exhaustive = Exhaustive(system, design, select(system, None), Limits(), None)
    try:
        exhaustive.run()
        answer = exhaustive.result().answer
        assert answer.complete
        search, unpack = exhaustive.search, exhaustive.kernel.layout.unpack
        states = [search.state(number) for number in range(answer.states)]
        distinct = set(states)
        assert len(distinct) == len(states)
        starts = set(initial_states(system, design.barriers))
        assert starts <= distinct
        bodies = Bodies(source, system, design)
        transitions = 0
        every = 1 if most is None else -(-len(states) // most)
        for number, state in list(enumerate(states))[::every]:
            expected = bodies.successors(state)
            differs = bodies.comparison.difference_in_conditions(design.barriers, state)
            assert differs is None, differs
            found = sorted((step, unpack(words)) for step, words in search.successors(number))
            assert found == expected, f"{design.name}: {state}"
            assert all(after in distinct for _, after in expected)
            transitions += len(expected)
        assert every > 1 or transitions == answer.transitions
    finally:
        exhaustive.search.free()


class Bodies:
    """The successors of a state by the recorded tree, which the plain body confirms.

    A case that both have agreed on is looked up, as `fencepost check` does it.
    """

    def __init__(self, source: Source, system: System, design: Design) -> None:
        self.system, self.design = system, design
        self.comparison = Comparison(source.model, system, [design], source.properties)

    def successors(self, state: State) -> list[tuple[int, State]]:
        found = []
        for number in range(len(self.system.steps)):
            agreed = self.comparison.agreed(self.design.barriers, state, number)
            assert not isinstance(agreed, str), agreed
            if agreed.changed is not None:
                after = list(state)
                for place, value in agreed.changed:
                    after[place] = value
                found.append((number, tuple(after)))
        return found


@pytest.mark.parametrize("name", NAMES)
def test_the_first_design(name: str) -> None:
    source, system = models()[name]
    hold_equal(source, system, system.designs[0])


OTHERS = [(name, design.name) for name in NAMES for design in models()[name][1].designs[1:]]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "design"), OTHERS, ids=["-".join(pair) for pair in OTHERS])
def test_every_other_design(name: str, design: str) -> None:
    source, system = models()[name]
    hold_equal(source, system, system.design(design), most=MOST_STATES)
