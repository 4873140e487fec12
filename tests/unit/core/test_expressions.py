"""Folding and substitution never change what an expression means."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import BOOL, Index, Maybe, Range, SetOf
from fencepost.core.errors import Location
from fencepost.core.expressions import Expression, Variable
from fencepost.core.semantics import evaluate, initial_states
from fencepost.core.system import Field, System

SORT = Index("Thing", 2)
SMALL = Range(0, 2)
MEMBERS = SetOf(SORT)
BARRIERS = frozenset({"on"})
SYSTEM = System(
    name="Two",
    parameters=(),
    barriers=(),
    fields=(
        Field("flag", (SORT,), BOOL, ((0, 1), (0, 1))),
        Field("number", (), SMALL, ((0, 1, 2),)),
        Field("owner", (), Maybe(SORT), ((-1, 0, 1),)),
        Field("members", (), MEMBERS, ((0, 1, 2, 3),)),
    ),
    initial=x.TRUE,
    actions=(),
    properties=(),
    final=x.FALSE,
    designs=(),
)
STATES = list(initial_states(SYSTEM, BARRIERS))
NAMES = ("i", "j", "i_", "k")


def indices(names: tuple[str, ...]) -> st.SearchStrategy[Expression]:
    constants = st.sampled_from([0, 1]).map(lambda v: x.Constant(v, SORT))
    return st.sampled_from(names).map(lambda n: Variable(n, SORT)) | constants


def numbers(names: tuple[str, ...], depth: int) -> st.SearchStrategy[Expression]:
    leaves = st.integers(-1, 3).map(lambda v: x.Constant(v, Range(v, v)))
    leaves |= st.just(x.Read("number", (), SMALL)) | indices(names)
    if depth == 0:
        return leaves
    below = numbers(names, depth - 1)
    sums = st.builds(x.Arithmetic, st.sampled_from(["+", "-", "*"]), below, below)
    chosen = st.builds(
        lambda c, a, b: x.Choose(c, a, b, Range(-64, 64)),
        conditions(names, depth - 1),
        below,
        below,
    )
    counted = st.sampled_from(NAMES).flatmap(
        lambda n: conditions((*names, n), depth - 1).map(
            lambda body: x.Quantified("count", (Variable(n, SORT),), body)
        )
    )
    return leaves | sums | chosen | counted


def conditions(names: tuple[str, ...], depth: int) -> st.SearchStrategy[Expression]:
    leaves = st.sampled_from([x.TRUE, x.FALSE, x.BarrierOn("on"), x.BarrierOn("off")])
    leaves |= indices(names).map(lambda i: x.Read("flag", (i,), BOOL))
    leaves |= indices(names).map(lambda i: x.Contains(x.Read("members", (), MEMBERS), i))
    if depth == 0:
        return leaves
    below, amounts = conditions(names, depth - 1), numbers(names, depth - 1)
    changed = st.builds(
        lambda i, j, p: x.Contains(x.SetUpdate(x.Read("members", (), MEMBERS), i, p), j),
        indices(names),
        indices(names),
        st.booleans(),
    )
    quantified = st.tuples(
        st.sampled_from(["for_all", "exists"]),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
    ).flatmap(
        lambda given: conditions((*names, *given[1]), depth - 1).map(
            lambda body: x.Quantified(
                given[0],  # type: ignore[arg-type]
                tuple(Variable(n, SORT) for n in given[1]),
                body,
            )
        )
    )
    pairs = st.lists(below, min_size=2, max_size=3).map(tuple)
    return (
        leaves
        | below.map(x.Not)
        | pairs.map(x.And)
        | pairs.map(x.Or)
        | st.builds(x.Equal, amounts, amounts)
        | st.builds(x.Less, amounts, amounts)
        | changed
        | quantified
    )


def value(node: Expression, state: tuple[int, ...], values: dict[str, int]) -> int:
    return evaluate(SYSTEM, BARRIERS, state, values, node)


FILLINGS = [dict(zip(NAMES, filling, strict=True)) for filling in product((0, 1), repeat=4)]


def fold(node: Expression) -> Expression:
    return folding.rebuild(node, fold)


@settings(max_examples=250, deadline=None)
@given(conditions(NAMES, 3), st.sampled_from(STATES), st.sampled_from(FILLINGS))
def test_folding_keeps_the_meaning(
    node: Expression, state: tuple[int, ...], values: dict[str, int]
) -> None:
    assert value(fold(node), state, values) == value(node, state, values)


@settings(max_examples=400, deadline=None)
@given(
    conditions(NAMES, 3),
    st.dictionaries(st.sampled_from(NAMES), indices(NAMES), max_size=3),
    st.sampled_from(STATES),
    st.sampled_from(FILLINGS),
)
def test_substitution_means_evaluation_with_other_values(
    node: Expression,
    given_values: dict[str, Expression],
    state: tuple[int, ...],
    values: dict[str, int],
) -> None:
    substituted = folding.substitute(node, given_values)
    moved = {**values, **{n: value(e, state, values) for n, e in given_values.items()}}
    assert value(substituted, state, values) == value(node, state, moved)


@settings(max_examples=250, deadline=None)
@given(numbers(NAMES, 3), st.sampled_from(STATES), st.sampled_from(FILLINGS))
def test_the_domain_of_an_expression_contains_its_values(
    node: Expression, state: tuple[int, ...], values: dict[str, int]
) -> None:
    result = value(node, state, values)
    if all(not isinstance(n, x.Choose) for n in x.walk(node)):
        assert node.domain.low <= result <= node.domain.high


def test_a_renamed_variable_meets_no_name_of_its_body() -> None:
    """`exists i: flag[i] != flag[i_]` with j for i_, where j is i: three names must stay apart."""
    i, i_, j = (Variable(n, SORT) for n in ("i", "i_", "j"))
    body = x.Not(x.Equal(x.Read("flag", (i_,), BOOL), x.Read("flag", (j,), BOOL)))
    node = x.Quantified("exists", (i,), body)
    moved = folding.substitute(node, {"j": i})
    assert isinstance(moved, x.Quantified)
    [bound] = moved.variables
    assert bound.name not in {"i", "i_", "j"}


def test_two_bound_variables_stay_two() -> None:
    i, i_, j = (Variable(n, SORT) for n in ("i", "i_", "j"))
    node = x.Quantified("exists", (i, i_), x.Equal(x.Equal(i, j), i_))
    moved = folding.substitute(node, {"j": i})
    assert isinstance(moved, x.Quantified)
    assert len({v.name for v in moved.variables}) == 2
    assert "i" not in {v.name for v in moved.variables}


def test_equality_ignores_where_it_was_written() -> None:
    here = x.Read("number", (), SMALL, location=Location("a.py", 1))
    there = x.Read("number", (), SMALL, location=Location("b.py", 2))
    assert here == there
    assert hash(here) == hash(there)


def test_a_constant_false_operand_settles_a_conjunction() -> None:
    flag = x.Read("flag", (x.Constant(0, SORT),), BOOL)
    assert folding.conjunction([flag, x.FALSE]) == x.FALSE
    assert folding.conjunction([x.TRUE, flag, flag]) == flag
    assert folding.disjunction([flag, x.TRUE]) == x.TRUE
    assert folding.disjunction([]) == x.FALSE
    assert folding.conjunction([]) == x.TRUE


def test_disjoint_domains_are_never_equal_and_always_ordered() -> None:
    number, large = x.Read("number", (), SMALL), x.Constant(7, Range(7, 7))
    assert folding.equal(number, large) == x.FALSE
    assert folding.less(number, large) == x.TRUE
    assert folding.less(large, number) == x.FALSE


@pytest.mark.parametrize("kind", ["for_all", "exists"])
def test_a_quantifier_of_a_constant_is_the_constant(kind: x.QuantifierKind) -> None:
    variable = Variable("i", SORT)
    assert folding.quantified(kind, (variable,), x.TRUE) == x.TRUE
    assert folding.quantified(kind, (variable,), x.FALSE) == x.FALSE


def test_a_count_of_a_constant_is_a_number() -> None:
    variables = (Variable("i", SORT), Variable("j", Index("Other", 3)))
    assert folding.quantified("count", variables, x.TRUE) == x.Constant(6, Range(6, 6))
    assert folding.quantified("count", variables, x.FALSE) == x.Constant(0, Range(0, 0))


def test_walk_gives_parents_first_and_operands_in_order() -> None:
    a, b = x.Read("number", (), SMALL), x.Constant(1, Range(1, 1))
    node = x.Less(x.Arithmetic("+", a, b), b)
    assert list(x.walk(node)) == [node, node.left, a, b, b]
