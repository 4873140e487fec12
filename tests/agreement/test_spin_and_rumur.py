"""Spin and Rumur count the same states and transitions on exported systems."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import peers
import pytest
from generator import generate
from peers import Counts, PeerFailed

from fencepost.core.system import Design, System
from fencepost.engines.explore import explore
from fencepost.language import build
from fencepost.loading import load_models

ROOT = Path(__file__).parents[2]
FEW, MANY = range(12), range(12, 220)
BLOCK = 16


def same_counts(system: System, design: Design, folder: Path, optimise: str = "-O0") -> None:
    folder.mkdir(exist_ok=True)
    answer = explore(system, design).answer
    assert answer.complete
    ours = Counts(answer.states, answer.transitions)
    where = f"{system.name}, design {design.name}"
    assert peers.spin(system, design, folder, optimise) == ours, where
    assert peers.rumur(system, design, folder, optimise) == ours, where


def same_counts_on_seeds(seeds: range, folder: Path) -> None:
    for seed in seeds:
        generated = generate(seed, folder)
        designs = generated.system.designs
        same_counts(generated.system, designs[seed % len(designs)], folder / str(seed))


@pytest.mark.usefixtures("both_peers")
def test_random_systems(tmp_path: Path) -> None:
    same_counts_on_seeds(FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("both_peers")
@pytest.mark.parametrize("start", MANY[::BLOCK])
def test_many_random_systems(start: int, tmp_path: Path) -> None:
    same_counts_on_seeds(range(start, min(start + BLOCK, MANY.stop)), tmp_path)


@cache
def models() -> dict[str, System]:
    """Every model of this repository at default sizes."""
    found = load_models([], ROOT, [])
    return {source.name: build(source.model, source.properties) for source in found}


NAMES = sorted(path.stem for path in (ROOT / "models").glob("*.py"))


def test_there_are_models_to_compare() -> None:
    assert NAMES
    assert sorted(models()) == NAMES


@pytest.mark.usefixtures("both_peers")
@pytest.mark.parametrize("name", NAMES)
def test_the_first_design(name: str, tmp_path: Path) -> None:
    """The others take as long again and are left to the slow run."""
    system = models()[name]
    same_counts(system, system.designs[0], tmp_path / name)


@pytest.mark.slow
@pytest.mark.usefixtures("both_peers")
@pytest.mark.parametrize("name", NAMES)
def test_every_design(name: str, tmp_path: Path) -> None:
    system = models()[name]
    for number, design in enumerate(system.designs):
        same_counts(system, design, tmp_path / str(number))


TRUNCATED = """
error: max search depth too small

State-vector 20 byte, depth reached 9, errors: 0
       10 states, stored
        3 states, matched
       13 transitions (= stored+matched)
"""

VIOLATED = """
State-vector 20 byte, depth reached 9, errors: 1
       10 states, stored
       13 transitions (= stored+matched)
"""


@pytest.mark.parametrize("said", [TRUNCATED, VIOLATED, "", "10 states, stored\n errors: 0"])
def test_a_search_of_spin_that_is_not_complete_is_no_count(said: str) -> None:
    with pytest.raises(PeerFailed):
        peers.spin_counts(said, 0)


def test_the_choice_of_an_initial_state_is_not_counted() -> None:
    said = TRUNCATED.replace("error: max search depth too small", "")
    assert peers.spin_counts(said, 0) == Counts(10, 12)
    assert peers.spin_counts(said, 3) == Counts(9, 9)


@pytest.mark.parametrize(
    "said",
    ["", "Status:\n\n\t1 error(s) found.\n\n\t3 states, 7 rules fired in 0s."],
)
def test_a_search_of_rumur_that_is_not_clean_is_no_count(said: str) -> None:
    with pytest.raises(PeerFailed):
        peers.rumur_counts(said)


def test_rumur_merges_the_initial_states_itself() -> None:
    said = (
        "Status:\n\n\tNo error found.\n\nState Space Explored:\n\n\t3 states, 7 rules fired in 0s."
    )
    assert peers.rumur_counts(said) == Counts(3, 7)
