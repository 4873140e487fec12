"""What `docs/explanation/warts.md` admits: each limit is shown, so that the page stays true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from model_sources import built, walk_both_ways
from model_texts import declaring, with_body

from fencepost.core import trees
from fencepost.core.errors import InputError

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


def test_a_forgotten_decorator_makes_a_helper(tmp_path: Path) -> None:
    _, system = built(declaring(methods="def stop(self):\n    self.v = False"), tmp_path)
    assert [action.name for action in system.actions] == ["go"]


def test_a_field_declared_twice_is_the_second_one(tmp_path: Path) -> None:
    fields = "level = Var(Range(0, 1), initial=0)\nlevel = Var(Range(0, 5), initial=5)"
    _, system = built(declaring(fields), tmp_path)
    assert system.field["level"].initial == ((5,),)


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
    here = Path(__file__)
    defined = set(re.findall(r"^def (test_\w+)", here.read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named == defined - {"test_the_page_names_these_tests"}
