"""What a path knows is true: whatever was learnt in a state never contradicts that state."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.core import expressions as x
from fencepost.core.domains import BOOL, Index, Maybe, Range
from fencepost.core.expressions import Expression
from fencepost.core.semantics import evaluate
from fencepost.core.system import Field, System
from fencepost.language.knowledge import Knowledge

DOMAINS = {
    "flag": BOOL,
    "small": Range(-2, 3),
    "large": Range(-5, 500),
    "owner": Maybe(Index("Slot", 3)),
    "far": Maybe(Range(0, 300)),
}
SYSTEM = System(
    name="Any",
    parameters=(),
    barriers=(),
    fields=tuple(Field(name, (), domain, ((0,),)) for name, domain in DOMAINS.items()),
    initial=x.TRUE,
    actions=(),
    properties=(),
    final=x.FALSE,
    designs=(),
)
STATES = st.tuples(*(st.integers(domain.low, domain.high) for domain in DOMAINS.values()))
READS = st.sampled_from([x.Read(n, (), d) for n, d in DOMAINS.items() if n != "flag"])
CONSTANTS = st.sampled_from([-5, -2, -1, 0, 1, 2, 3, 299, 300, 500]).map(
    lambda v: x.Constant(v, Range(v, v))
)


def numbers() -> st.SearchStrategy[Expression]:
    leaves = READS | CONSTANTS
    sums = st.builds(x.Arithmetic, st.sampled_from(["+", "-", "*"]), leaves, leaves)
    halves = st.builds(
        lambda op, n: x.Arithmetic(op, n, x.Constant(2, Range(2, 2))),
        st.sampled_from(["//", "%"]),
        leaves,
    )
    chosen = st.builds(
        lambda a, b: x.Choose(x.Read("flag", (), BOOL), a, b, Range(-10, 500)), leaves, leaves
    )
    return leaves | sums | halves | chosen


def conditions() -> st.SearchStrategy[Expression]:
    leaves = (
        st.builds(x.Equal, numbers(), numbers())
        | st.builds(x.Less, numbers(), numbers())
        | st.just(x.Read("flag", (), BOOL))
    )
    pairs = st.tuples(leaves, leaves)
    return leaves | leaves.map(x.Not) | pairs.map(x.And) | pairs.map(x.Or)


@settings(max_examples=600, deadline=None)
@given(
    STATES,
    st.lists(conditions(), max_size=5),
    st.lists(conditions(), min_size=1, max_size=4),
    st.lists(numbers(), min_size=1, max_size=4),
)
def test_what_is_known_is_true(
    state: tuple[int, ...],
    learnt: list[Expression],
    asked: list[Expression],
    measured: list[Expression],
) -> None:
    def value(node: Expression) -> int:
        return evaluate(SYSTEM, frozenset(), state, {}, node)

    outer = Knowledge()
    for condition in learnt[:2]:
        outer.learn(condition, bool(value(condition)))
    knowledge = Knowledge(outer)
    for condition in learnt[2:]:
        knowledge.learn(condition, bool(value(condition)))
    for condition in [*learnt, *asked]:
        assert knowledge.decide(condition) in (None, bool(value(condition)))
    for node in [n for number in measured for n in x.walk(number)]:
        low, high = knowledge.bounds(node)
        assert low <= value(node) <= high
        listed = knowledge.values(node)
        assert listed is None or value(node) in listed
    for condition in learnt:
        known = knowledge.decide(condition)
        assert known is bool(value(condition)), "what was learnt stays known"


def test_a_nested_recording_does_not_tell_the_outer_one() -> None:
    flag = x.Read("flag", (), BOOL)
    outer = Knowledge()
    inner = Knowledge(outer)
    inner.learn(flag, True)
    assert inner.decide(flag) is True
    assert outer.decide(flag) is None
