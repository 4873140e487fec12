"""What `docs/explanation/warts.md` admits: each limit is shown, so that the page stays true."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from model_sources import built, walk_both_ways
from model_texts import declaring, with_body

from fencepost import plain_bodies
from fencepost.analyses.expectations import violated
from fencepost.core import trees
from fencepost.core.errors import InputError
from fencepost.engines.explore import explore_by_interpreter

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/explanation/warts.md").read_text()


def code_of(source: str, folder: Path) -> str:
    with pytest.raises(InputError) as refused:
        built(source, folder)
    return refused.value.code


def differs(source: str, folder: Path) -> bool:
    """Whether the recording is not what the body does, which every check would say."""
    model, system = built(source, folder)
    try:
        walk_both_ways(model, system, most=20)
    except AssertionError:
        return True
    return False


def test_a_helper_of_a_quantifier_may_collect_in_python(tmp_path: Path) -> None:
    source = with_body(
        "FOUND.clear()\nrequire(for_all(self.B, lambda j: self.note(j)))\nself.clock = len(FOUND)",
        methods="def note(self, j):\n    FOUND.append(1)\n    return True",
        before="FOUND = []",
        moves="",
    )
    assert differs(source, tmp_path)


def test_chance_with_a_long_period_is_not_seen_by_the_recorder(tmp_path: Path) -> None:
    source = with_body(
        "self.flag = next(TURNS)",
        before="import itertools\nTURNS = itertools.cycle([False] * 9 + [True])",
        moves="",
    )
    assert differs(source, tmp_path)


def test_a_function_deep_in_a_table_is_not_looked_at_on_a_later_path(tmp_path: Path) -> None:
    source = with_body(
        "if self.flag: self.clock = 0\nelse: self.flag = TABLE['a'][0](self.clock)",
        before="def same(x): return x is 0\nTABLE = {'a': [same]}".replace("is 0", "is ZERO")
        + "\nZERO = 0",
        moves="",
    )
    assert differs(source, tmp_path)


def test_a_large_model_is_compared_on_fewer_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, system = built(with_body("self.clock = 1"), tmp_path)
    wrong = dataclasses.replace(system.actions[-1], tree=trees.Fault("component"))
    late = dataclasses.replace(system, actions=(*system.actions[:-1], wrong))
    comparison = plain_bodies.Comparison(model, late, late.designs)
    assert comparison.first_difference(late.designs[0]) is not None
    monkeypatch.setattr(plain_bodies, "MOST_WORK", plain_bodies.WORK_OF_A_RUN)
    comparison = plain_bodies.Comparison(model, late, late.designs)
    assert comparison.first_difference(late.designs[0]) is None


def test_a_forgotten_decorator_makes_a_helper(tmp_path: Path) -> None:
    _, system = built(declaring(methods="def stop(self):\n    self.v = False"), tmp_path)
    assert [action.name for action in system.actions] == ["go"]


LOST = """
from fencepost import *


class Lost(Model):
    faults_end = Barrier("faults end at some time", buys=["no_stuck_state", "can_be_free"])
    held, faults_are_over = Var(bool), Var(bool)
    lost = Var(bool)

    @action
    def take(self):
        require(not self.held and not self.faults_are_over)
        self.held = True

    @action
    def lose_the_way_back(self):
        require(self.held and not self.lost and not self.faults_are_over)
        self.lost = True

    @action
    def give_back(self):
        require(self.held and not self.lost)
        self.held = False

    @action
    def crash(self):
        require(not self.faults_are_over)
        self.held, self.lost = False, False

    @action
    def stop_faults(self):
        require(self.faults_end and not self.faults_are_over)
        self.faults_are_over = True

    @final
    def is_free(self):
        return not self.held

    for_ever = Design(expect=holds)
    ending = Design(faults_end, expect=(violates("no_stuck_state"), violates("can_be_free")))


@always_possible(Lost)
def can_be_free(m):
    return not m.held
"""


def broken(source: str, folder: Path) -> dict[str, dict[str, int | None]]:
    """For each design the violated properties, with the length of a shortest run."""
    _, system = built(source, folder)
    return {d.name: violated(explore_by_interpreter(system, d).answer) for d in system.designs}


def test_a_repeatable_step_of_the_environment_hides_a_stuck_state(tmp_path: Path) -> None:
    found = broken(LOST, tmp_path)
    assert "no_stuck_state" not in found["for_ever"]
    assert found["ending"]["no_stuck_state"] == 3, "the trace first uses up what may still happen"


def test_a_fault_may_save_what_must_stay_possible(tmp_path: Path) -> None:
    found = broken(LOST, tmp_path)
    assert "can_be_free" not in found["for_ever"]
    assert found["ending"]["can_be_free"] == 3


def test_super_has_no_meaning_in_a_body(tmp_path: Path) -> None:
    assert code_of(with_body("super().probe(a, b)"), tmp_path) == "F48"


def test_none_of_python_is_refused_in_helpers_too(tmp_path: Path) -> None:
    helper = "def reset(self, slot=None):\n    if slot is None:\n        self.flag = False"
    assert code_of(with_body("self.reset()", methods=helper), tmp_path) == "F90"


def test_the_text_of_an_assert_names_no_part_of_the_state(tmp_path: Path) -> None:
    assert code_of(with_body("assert self.clock < 3, f'{self.clock}'"), tmp_path) == "F110"


def test_a_helper_that_gives_two_conditions_needs_both_used(tmp_path: Path) -> None:
    helper = "def status(self, a):\n    return self.cnt[a] > 0, self.cnt[a] < 2"
    used_one = "more, less = self.status(a)\nrequire(more)"
    assert code_of(with_body(used_one, methods=helper), tmp_path) == "F49"


def test_conditions_in_a_tuple_share_one_place(tmp_path: Path) -> None:
    _, system = built(with_body("require(self.clock in (0, 2))", moves=""), tmp_path)
    decisions = list(trees.decisions(system.action["probe"].tree))
    assert len(decisions) == 2
    assert len({d.location for d in decisions}) == 1


def test_a_set_under_another_name_is_the_same_set(tmp_path: Path) -> None:
    _, system = built(with_body("old = self.s\nself.s = EMPTY\nself.t = old", moves=""), tmp_path)
    update = system.action["probe"].tree
    assert isinstance(update, trees.Update)
    assert len({w.value for w in update.writes}) == 1, "t is empty too: old shows the present set"


def test_a_constant_of_a_loop_indexes_no_list(tmp_path: Path) -> None:
    lines = "for j in self.B:\n    self.clock = [1, 2, 3][j]"
    assert code_of(with_body(lines), tmp_path) == "F44"


def test_independent_conditions_double_the_cases(tmp_path: Path) -> None:
    def leaves(count: int) -> int:
        lines = "for j in self.B:\n    if self.grid[a, j]:\n        self.clock = 0"
        source = with_body(lines, moves="").replace("Parameter(3)", f"Parameter({count})")
        return sum(1 for _ in trees.leaves(built(source, tmp_path)[1].action["probe"].tree))

    assert [leaves(count) for count in (1, 2, 3, 6)] == [2, 4, 8, 64]


def test_a_boolean_is_a_number_in_sums_and_no_number_in_comparisons(tmp_path: Path) -> None:
    built(with_body("self.clock = self.flag + (self.cnt[a] > 0)"), tmp_path)
    assert code_of(with_body("require(self.flag == 1)"), tmp_path) == "F40"


def test_the_page_names_these_tests() -> None:
    files = (
        Path(__file__),
        ROOT / "tests/unit/engines/fuzz/test_hypothesis.py",
        ROOT / "tests/unit/engines/prove/any_size/test_warts.py",
        ROOT / "tests/unit/engines/prove/test_z3_warts.py",
        ROOT / "tests/unit/analyses/inference/test_warts.py",
    )
    text = "\n".join(file.read_text() for file in files)
    defined = set(re.findall(r"^def (test_\w+)", text, flags=re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named == defined - {"test_the_page_names_these_tests"}
