"""What the recorder makes of a body: its tree, in program order, with the places in the source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from model_sources import built, model_in, walk_both_ways
from model_texts import declaring, with_body

from fencepost.core import expressions as x
from fencepost.core import semantics, trees
from fencepost.core.errors import InputError
from fencepost.core.system import Action, Step, System
from fencepost.core.trees import Decide, Disabled, Fault, Update
from fencepost.language import Array, Index, Model, Range, action, build


def probe(lines: str, folder: Path, **options: str) -> tuple[Action, str]:
    """The recorded action `probe` of a model, and the source."""
    source = with_body(lines, moves="", **options)
    _, system = built(source, folder)
    return system.action["probe"], source


def first(tree: trees.Tree) -> Decide:
    assert isinstance(tree, Decide)
    return tree


def kinds(tree: trees.Tree) -> list[str]:
    """The leaves in order, a fault by its kind."""
    found = trees.leaves(tree)
    return [leaf.kind if isinstance(leaf, Fault) else type(leaf).__name__ for leaf in found]


def test_a_straight_body_is_one_update(tmp_path: Path) -> None:
    action, _ = probe("self.flag = True\nself.grid[a, b] = self.flag", tmp_path)
    assert isinstance(action.tree, Update)
    assert [(w.field, w.value) for w in action.tree.writes] == [("flag", x.TRUE), ("grid", x.TRUE)]


def test_a_read_after_a_write_is_in_terms_of_the_state_before(tmp_path: Path) -> None:
    action, _ = probe("self.cnt[a] = 1\nself.flag = self.cnt[0] == 1", tmp_path)
    assert isinstance(action.tree, Decide | Update)
    written = next(leaf for leaf in trees.leaves(action.tree) if isinstance(leaf, Update))
    reads = {n for n in x.walk(written.writes[-1].value) if isinstance(n, x.Read)}
    assert {read.field for read in reads} == {"cnt"}
    equal = [n for n in x.walk(written.writes[-1].value) if isinstance(n, x.Equal)]
    assert any(isinstance(n.left, x.Variable) for n in equal), "a == 0 decides which value is read"


def test_a_write_that_is_written_over_is_left_out(tmp_path: Path) -> None:
    action, _ = probe("self.clock = 1\nself.cnt[a] = 0\nself.clock = 2", tmp_path)
    assert isinstance(action.tree, Update)
    assert [(w.field, w.value.value) for w in action.tree.writes] == [("cnt", 0), ("clock", 2)]


def test_require_may_stand_behind_writes_and_sees_them(tmp_path: Path) -> None:
    action, _ = probe("self.flag = not self.flag\nrequire(self.flag)", tmp_path)
    decision = first(action.tree)
    assert isinstance(decision.then, Disabled | Update)
    assert sorted(kinds(action.tree)) == ["Disabled", "Update"]


def test_faults_and_guards_are_in_program_order(tmp_path: Path) -> None:
    early, _ = probe("self.grid[self.owner[b], b] = True\nrequire(self.flag)", tmp_path)
    assert kinds(early.tree) == ["Update", "Disabled", "index"]
    late, _ = probe("require(self.flag)\nself.grid[self.owner[b], b] = True", tmp_path)
    assert kinds(late.tree) == ["Update", "index", "Disabled"]


def test_a_fault_behind_a_false_and_is_no_fault(tmp_path: Path) -> None:
    guarded = "if self.owner[b] != NONE and self.grid[self.owner[b], b]: self.flag = True"
    action, _ = probe(guarded, tmp_path)
    assert "index" not in kinds(action.tree)
    swapped = "if self.grid[self.owner[b], b] and self.owner[b] != NONE: self.flag = True"
    action, _ = probe(swapped, tmp_path)
    assert "index" in kinds(action.tree)


def test_range_checks_are_marked_and_are_no_branches_of_the_source(tmp_path: Path) -> None:
    action, _ = probe("self.clock += 1\nif self.flag: self.flag = False", tmp_path)
    checks = {d.check for d in trees.decisions(action.tree)}
    assert checks == {True, False}
    [branch] = [d for d in trees.decisions(action.tree) if not d.check]
    assert isinstance(branch.condition, x.Read)


def test_what_a_path_knows_is_not_asked_again(tmp_path: Path) -> None:
    lines = """
if self.clock == 2:
    if self.clock > 1:
        self.flag = True
    if self.clock == 3:
        self.flag = False
    self.clock += 1
"""
    action, _ = probe(lines, tmp_path)
    assert kinds(action.tree) == ["Update", "Update"], "no domain fault: 2 + 1 is in 0..3"


def test_required_bounds_make_checks_unnecessary(tmp_path: Path) -> None:
    action, _ = probe("require(self.cnt[a] < 3)\nself.cnt[a] += 1", tmp_path)
    assert kinds(action.tree) == ["Update", "Disabled"]


def test_barriers_stay_symbols(tmp_path: Path) -> None:
    action, _ = probe("if self.bar: self.flag = True\nelse: self.flag = False", tmp_path)
    assert first(action.tree).condition == x.BarrierOn("bar")


def test_each_condition_has_its_own_place(tmp_path: Path) -> None:
    condition = "self.flag and self.clock > 1 and (\n    not self.grid[a, b])"
    action, source = probe(f"if {condition}:\n    self.clock = 0", tmp_path)
    lines = source.splitlines()
    texts = []
    for decision in trees.decisions(action.tree):
        assert decision.location is not None
        texts.append(lines[decision.location.line - 1][decision.location.column - 1 :])
    assert texts[0].startswith("self.flag")
    assert texts[1].startswith("self.clock > 1")
    assert texts[2].startswith("self.grid[a, b]")


def test_faults_and_disabled_leaves_have_the_line_of_their_statement(tmp_path: Path) -> None:
    lines = "require(self.flag)\nself.clock += 1\nassert self.cnt[a] < 3, 'too many'"
    action, source = probe(lines, tmp_path)
    said = {
        leaf.kind if isinstance(leaf, Fault) else "disabled": source.splitlines()[
            leaf.location.line - 1
        ].strip()
        for leaf in trees.leaves(action.tree)
        if leaf.location is not None and not isinstance(leaf, Update)
    }
    assert said == {
        "disabled": "require(self.flag)",
        "domain": "self.clock += 1",
        "assert": "assert self.cnt[a] < 3, 'too many'",
    }
    [failed] = [f for f in trees.leaves(action.tree) if getattr(f, "kind", "") == "assert"]
    assert isinstance(failed, Fault)
    assert failed.message == "too many"


def test_a_quantifier_is_one_expression_and_does_not_branch(tmp_path: Path) -> None:
    lines = "require(for_all(self.B, lambda j: self.grid[a, j] and not self.owner[j] == a))"
    action, _ = probe(lines, tmp_path)
    condition = first(action.tree).condition
    assert isinstance(condition, x.Quantified)
    assert condition.kind == "for_all"
    assert [v.name for v in condition.variables] == ["j"]
    assert kinds(action.tree) == ["Update", "Disabled"]


def test_nested_quantifiers_have_variables_of_their_own(tmp_path: Path) -> None:
    lines = "self.flag = exists(self.B, lambda b: exists(self.B, lambda b: self.grid[a, b]))"
    action, _ = probe(lines, tmp_path)
    assert isinstance(action.tree, Update)
    quantified = [n for n in x.walk(action.tree.writes[0].value) if isinstance(n, x.Quantified)]
    names = [variable.name for node in quantified for variable in node.variables]
    assert len(set(names) | {"a", "b"}) == 4


def test_a_quantifier_faults_where_any_element_does(tmp_path: Path) -> None:
    lines = "self.flag = exists(self.B, lambda j: self.flag or self.grid[self.owner[j], j])"
    action, source = probe(lines, tmp_path)
    [fault] = [leaf for leaf in trees.leaves(action.tree) if isinstance(leaf, Fault)]
    assert fault.kind == "element"
    assert fault.location is not None
    assert "exists" in source.splitlines()[fault.location.line - 1]


def test_a_bulk_write_does_not_branch(tmp_path: Path) -> None:
    lines = "assign(self.grid[a], to=lambda j: not self.grid[a, j], where=lambda j: j != b)"
    action, _ = probe(lines, tmp_path)
    assert isinstance(action.tree, Update)
    [write] = action.tree.writes
    assert isinstance(write, trees.BulkWrite)
    assert write.indices == (x.Variable("a", action.arguments[0].of),)


def test_choose_does_not_branch(tmp_path: Path) -> None:
    action, _ = probe("self.clock = choose(self.flag, 1, 2)", tmp_path)
    assert isinstance(action.tree, Update)
    assert isinstance(action.tree.writes[0].value, x.Choose)


def test_finite_only_says_what_and_where(tmp_path: Path) -> None:
    lines = """
self.grid[a, 0] = True
for j in self.B:
    self.grid[a, j] = False
self.cur = b + 1
if self.clock < self.n and b < 2:
    self.flag = True
"""
    source = with_body(lines, moves="")
    _, system = built(source, tmp_path)
    noted = [
        (source.splitlines()[at.line - 1].strip(), reason) for at, reason in system.finite_only
    ]
    assert noted == [
        ("self.grid[a, 0] = True", "a number as an index"),
        ("for j in self.B:", "a loop over B"),
        ("self.cur = b + 1", "index arithmetic"),
        ("self.cur = b + 1", "a number as an index"),
        ("if self.clock < self.n and b < 2:", "the size `n`"),
        ("if self.clock < self.n and b < 2:", "a number beside an index"),
        ("if self.clock < self.n and b < 2:", "an order on B"),
    ]


def test_quantifiers_and_plain_conditions_are_fit_for_any_size(tmp_path: Path) -> None:
    lines = "require(self.owner[b] == NONE and exists(self.B, lambda j: self.grid[a, j]))"
    _, system = built(with_body(lines, moves=""), tmp_path)
    assert system.finite_only == ()


ORDERED = """
from fencepost import *

class M(Model):
    T = Index(3, ordered=True)
    now = Var(T, initial=0)
    reached = Array(T, of=bool)

    @action(later=T)
    def advance(self, later):
        require(self.now < later)
        self.now = later
        self.reached[later] = True
"""


def test_the_order_of_an_ordered_index_is_fit_for_any_size(tmp_path: Path) -> None:
    model, system = built(ORDERED, tmp_path)
    assert system.finite_only == ()
    assert len(walk_both_ways(model, system).states) == 4
    _, unordered = built(ORDERED.replace(", ordered=True", ""), tmp_path)
    assert [reason for _, reason in unordered.finite_only] == ["an order on T"]


def test_recording_does_not_depend_on_the_file_or_line(tmp_path: Path) -> None:
    source = with_body("require(self.flag and self.clock > 1)\nself.clock = 0")
    (tmp_path / "elsewhere").mkdir()
    _, here = built(source, tmp_path)
    _, there = built("# moved\n\n\n" + source, tmp_path / "elsewhere")
    assert here.file != there.file
    assert here == there
    assert here.digest == there.digest


def test_recording_twice_gives_equal_systems(tmp_path: Path) -> None:
    source = with_body("assert self.clock < 3\nself.flag = exists(self.A, lambda i: i != a)")
    assert built(source, tmp_path)[1] == built(source, tmp_path)[1]


SAYS_DIGEST = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from model_sources import built
print(built(Path(sys.argv[2]).read_text(), Path(sys.argv[3]))[1].digest)
"""


def test_the_digest_is_equal_across_processes_and_hash_seeds(tmp_path: Path) -> None:
    design = "both = Design(bar, more, most, expect=(violates('p'), violates('no_fault')))"
    more = "more, most = Barrier('x', buys=['p']), Barrier('y', buys=[], kind='guard')"
    properties = "@always(M)\ndef p(m, a: M.A):\n    return m.cnt[a] >= 0\n"
    source = with_body("self.s.add(a)\nself.flag = exists(self.A, lambda i: i in self.s)")
    source = source.replace("    phase =", f"    {more}\n    phase =", 1)
    source += f"\n    {design}\n\n\n{properties}"
    said = set()
    for seed in ("0", "1", "77"):
        folder = tmp_path / seed
        folder.mkdir()
        (folder / "source.txt").write_text(source)
        here = str(Path(__file__).parent)
        command = [sys.executable, "-c", SAYS_DIGEST, here, str(folder / "source.txt"), str(folder)]
        root = str(Path(__file__).parents[3])
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": root}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        said.add(done.stdout)
    assert len(said) == 1
    assert len(said.pop().strip()) == 16


def test_optimized_python_is_refused(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from model_sources import built\n"
        "from fencepost.core.errors import InputError\n"
        "try: built(Path(sys.argv[2]).read_text(), Path(sys.argv[3]))\n"
        "except InputError as refused: print(refused)\n"
    )
    (tmp_path / "source.txt").write_text(with_body("self.flag = True"))
    here, source = str(Path(__file__).parent), str(tmp_path / "source.txt")
    done = subprocess.run(
        [sys.executable, "-O", "-c", program, here, source, str(tmp_path)],
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "error F89: Python runs with -O, which removes every assert\n"
        "  why:   an assert in a body is part of the model\n"
        "  write: python without -O and without PYTHONOPTIMIZE\n"
    )


def test_a_refused_helper_is_refused_each_time(tmp_path: Path) -> None:
    source = with_body("self.flag = self.same(a)", methods="def same(self, a): return a is self.A")
    for _ in range(2):
        with pytest.raises(InputError, match="`is`"):
            built(source, tmp_path)


def test_models_made_without_a_file_are_looked_at_too() -> None:
    namespace: dict[str, object] = {"__name__": "made_without_a_file"}
    exec(with_body("self.flag = self.flag is True"), namespace)
    with pytest.raises(InputError, match="`is`"):
        build(namespace["M"])  # type: ignore[arg-type]


def test_an_expression_from_a_body_means_the_same_to_the_interpreter(tmp_path: Path) -> None:
    """A known step of a known model: the numbers are worked out by hand."""
    lines = "self.cnt[a] = 3\nself.clock = self.cnt[0] + self.cnt[1]\nself.cnt[0] -= 1"
    _, system = built(with_body(lines, moves=""), tmp_path)
    [start] = semantics.initial_states(system, frozenset())
    outcome = semantics.perform(system, frozenset(), start, Step("probe", (1, 0)))
    assert isinstance(outcome, semantics.Successor)
    after = dict(zip([(f.name, i) for f, i in system.cells], outcome.state, strict=True))
    assert (after["cnt", (0,)], after["cnt", (1,)], after["clock", ()]) == (-1, 3, 3)
    again = semantics.perform(system, frozenset(), outcome.state, Step("probe", (0, 0)))
    assert isinstance(again, Fault)
    assert again.kind == "domain"


def test_the_model_of_a_module_is_found() -> None:
    """The helper of these tests takes the class that the text defines last."""
    from types import ModuleType

    module = ModuleType("m")
    module.__dict__.update(Model=Model, A=type("A", (Model,), {}), B=type("B", (Model,), {}))
    assert model_in(module).__name__ == "B"


def system_of(tmp_path: Path, lines: str) -> System:
    return built(with_body(lines, moves=""), tmp_path)[1]


def test_one_recording_serves_all_designs(tmp_path: Path) -> None:
    system = system_of(tmp_path, "require(self.bar or self.flag)\nself.flag = True")
    [start] = semantics.initial_states(system, frozenset())
    step = Step("probe", (0, 0))
    assert isinstance(semantics.perform(system, frozenset(), start, step), Disabled)
    on = semantics.perform(system, frozenset({"bar"}), start, step)
    assert isinstance(on, semantics.Successor)


@pytest.mark.parametrize("most", [10, 1000])
def test_bounds_are_known_of_small_and_large_ranges_alike(most: int, tmp_path: Path) -> None:
    fields = f"level = Var(Range(-1, {most}), initial=0)\nspare = Var(Maybe(Range(0, {most})))"
    method = f"""
@action
def up(self):
    require({most} > self.level and self.spare != NONE and not self.level <= -1)
    self.level += 1
    self.spare = self.spare // 2 + self.level % 2
    self.level = self.level // 3
"""
    _, system = built(declaring(fields, methods=method), tmp_path)
    assert sorted(kinds(system.action["up"].tree)) == ["Disabled"] * 3 + ["Update"]


class Asserting(Model):
    """Its asserts are rewritten by pytest."""

    Slot = Index(2)
    level = Array(Slot, of=Range(0, 3), initial=0)

    @action(slot=Slot)
    def rise(self, slot):
        assert self.level[slot] < 2 and self.level[0] != 1, "too high"
        self.level[slot] += 1


def test_a_model_in_a_test_file_may_assert() -> None:
    system = build(Asserting)
    assert {
        leaf.message for leaf in trees.leaves(system.action["rise"].tree) if isinstance(leaf, Fault)
    } == {"too high"}
    assert walk_both_ways(Asserting, system).faults == {("rise", "assert")}
