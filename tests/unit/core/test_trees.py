"""Decision trees: their leaves in order, their paths, and what is left of them for one step."""

from __future__ import annotations

from fencepost.core import expressions as x
from fencepost.core import trees
from fencepost.core.domains import BOOL, Index
from fencepost.core.expressions import Variable
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Update, Write

SORT = Index("Thing", 2)
ARGUMENT = Variable("a", SORT)
FLAG = x.Read("flag", (ARGUMENT,), BOOL)
FIRST = x.Equal(ARGUMENT, x.Constant(0, SORT))
SETS = Update((Write("flag", (ARGUMENT,), x.TRUE),))
CLEARS = Update(
    (
        BulkWrite(
            "flag",
            (),
            (Variable("b", SORT),),
            x.Not(x.Equal(Variable("b", SORT), ARGUMENT)),
            x.FALSE,
        ),
    )
)
TREE = Decide(
    FLAG,
    Decide(FIRST, Disabled(), Fault("assert", "said"), check=True),
    Decide(FIRST, SETS, CLEARS),
)


def test_leaves_come_with_then_before_otherwise() -> None:
    assert list(trees.leaves(TREE)) == [Disabled(), Fault("assert"), SETS, CLEARS]


def test_paths_lead_to_the_leaves_in_their_order() -> None:
    found = list(trees.paths(TREE))
    assert [leaf for _, leaf in found] == list(trees.leaves(TREE))
    assert [[taken for _, taken in path] for path, _ in found] == [
        [True, True],
        [True, False],
        [False, True],
        [False, False],
    ]


def test_decisions_come_parents_first() -> None:
    assert [d.condition for d in trees.decisions(TREE)] == [FLAG, FIRST, FIRST]


def test_the_tree_of_one_step_has_no_settled_decision() -> None:
    first = trees.instantiate(TREE, {"a": x.Constant(0, SORT)})
    second = trees.instantiate(TREE, {"a": x.Constant(1, SORT)})
    assert list(trees.leaves(first)) == [
        Disabled(),
        Update((Write("flag", (x.Constant(0, SORT),), x.TRUE),)),
    ]
    [fault, clears] = trees.leaves(second)
    assert fault == Fault("assert")
    assert isinstance(clears, Update)
    [write] = clears.writes
    assert isinstance(write, BulkWrite)
    assert write.where == x.Not(x.Equal(Variable("b", SORT), x.Constant(1, SORT)))


def test_a_fault_is_the_same_whatever_its_message() -> None:
    assert Fault("domain", "one") == Fault("domain", "another")
    assert Fault("domain") != Fault("index")
