"""A body recorded and the same body on plain integers do the same in every state."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from good_bodies import GOOD_BODIES
from model_sources import built, walk_both_ways
from tricky_models import TRICKY_MODELS

from fencepost.core import semantics, trees
from fencepost.core.system import System
from fencepost.language import Model, perform_plainly


@cache
def recorded(title: str) -> tuple[type[Model], System]:
    return built(GOOD_BODIES[title], Path(mkdtemp()))


@pytest.mark.parametrize("title", GOOD_BODIES)
def test_every_step_of_a_walk(title: str) -> None:
    model, system = recorded(title)
    walk = walk_both_ways(model, system, most=40)
    assert walk.pairs > 500


@pytest.mark.parametrize("title", GOOD_BODIES)
def test_any_state(title: str) -> None:
    """States are drawn at random, reachable or not, until both ways have seen 300 of them."""
    model, system = recorded(title)
    steps = [step for step in system.steps if step.action == "probe"]
    draw = random.Random(20)
    reached = set()
    for _ in range(300):
        state = tuple(draw.randint(f.domain.low, f.domain.high) for f, _ in system.cells)
        step, barriers = draw.choice(steps), frozenset(draw.choice((["bar"], [])))
        outcome = semantics.perform(system, barriers, state, step)
        assert outcome == perform_plainly(model, system, barriers, state, step)
        reached.add(id(semantics.decide(system, barriers, state, step)[1]))
    leaves = list(trees.leaves(system.action["probe"].tree))
    assert len(reached) >= min(2, len(leaves))


def test_the_bodies_cover_every_kind_of_outcome() -> None:
    """What is compared above includes each kind of leaf and fault that a body can come to."""
    kinds = set()
    for title in GOOD_BODIES:
        _, system = recorded(title)
        for leaf in trees.leaves(system.action["probe"].tree):
            kinds.add(leaf.kind if isinstance(leaf, trees.Fault) else type(leaf).__name__)
    assert kinds == {"Update", "Disabled", "assert", "domain", "index", "none", "element"}


@pytest.mark.parametrize("title", TRICKY_MODELS)
def test_tricky_models_in_any_state(title: str, tmp_path: Path) -> None:
    model, system = built(TRICKY_MODELS[title], tmp_path)
    draw = random.Random(7)
    reached = set()
    for _ in range(200):
        state = tuple(draw.randint(f.domain.low, f.domain.high) for f, _ in system.cells)
        for step in system.steps:
            outcome = semantics.perform(system, frozenset(), state, step)
            assert outcome == perform_plainly(model, system, frozenset(), state, step)
            reached.add(id(semantics.decide(system, frozenset(), state, step)[1]))
    assert len(reached) > 0.6 * sum(1 for a in system.actions for _ in trees.leaves(a.tree))


def test_inherited_members_are_replaced_and_removed(tmp_path: Path) -> None:
    model, system = built(TRICKY_MODELS["inherited"], tmp_path)
    assert [a.name for a in system.actions] == ["rise", "leap"]
    assert [f.name for f in system.fields] == ["level", "high"]
    assert len(walk_both_ways(model, system).states) == 9 + 5
