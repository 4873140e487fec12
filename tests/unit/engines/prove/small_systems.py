"""Systems of a few lines, for what one engine may get wrong."""

from __future__ import annotations

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import BOOL, Index, Range
from fencepost.core.expressions import Expression
from fencepost.core.system import Action, Design, Expectation, Field, Lemma, Property, System
from fencepost.core.trees import Decide, Disabled, Tree, Update, Write

ONLY = Design("only", frozenset(), Expectation())


def number(value: int) -> x.Constant:
    return x.Constant(value, Range(value, value))


def always(name: str, condition: Expression) -> Property:
    return Property(name, "always", (), condition, x.FALSE)


def lemma(name: str, condition: Expression) -> Lemma:
    return Lemma(name, (), condition, x.FALSE)


def when(condition: Expression, *writes: Write) -> Tree:
    return Decide(condition, Update(writes), Disabled())


def two_counters(top: int = 9, *properties: Property, reset_at: int = 4) -> System:
    """`a` and `b` are counted up together and start over at `reset_at`: they are equal, and never
    above it, although their domain goes on to `top`."""
    domain = Range(0, top)
    a, b = x.Read("a", (), domain), x.Read("b", (), domain)
    one = number(1)
    up = when(
        folding.conjunction(
            [folding.negate(folding.equal(a, number(reset_at))), folding.less(a, number(top)),
             folding.less(b, number(top))]
        ),
        Write("a", (), folding.arithmetic("+", a, one)),
        Write("b", (), folding.arithmetic("+", b, one)),
    )  # fmt: skip
    over = when(
        folding.equal(a, number(reset_at)),
        Write("a", (), number(0)),
        Write("b", (), number(0)),
    )
    return System(
        name="Counters",
        parameters=(("top", top),),
        barriers=(),
        fields=(Field("a", (), domain, ((0,),)), Field("b", (), domain, ((0,),))),
        initial=x.TRUE,
        actions=(Action("up", "", (), up), Action("over", "", (), over)),
        properties=properties,
        final=x.TRUE,
        designs=(ONLY,),
    )


A, B = x.Read("a", (), Range(0, 9)), x.Read("b", (), Range(0, 9))
EQUAL = folding.equal(A, B)
B_IS_SMALL = folding.less(B, number(5))
A_IS_SMALL = folding.less(A, number(5))


def flags(count: int, *, first: bool) -> System:
    """Flags of a sort, each raised by a step of its own; with `first`, only the last may be raised
    before the others, so they are told apart."""
    sort = Index("Flag", count)
    flag = x.Variable("flag", sort)
    up = x.Read("up", (flag,), BOOL)
    last = x.Read("up", (x.Constant(count - 1, sort),), BOOL)
    guard = folding.negate(up)
    if first:
        guard = folding.conjunction(
            [guard, folding.disjunction([last, folding.equal(flag, x.Constant(count - 1, sort))])]
        )
    tree = when(guard, Write("up", (flag,), x.TRUE))
    variable = x.Variable("f", sort)
    each = x.Read("up", (variable,), BOOL)
    count_up = folding.quantified("count", (variable,), each)
    return System(
        name="Flags",
        parameters=(),
        barriers=(),
        fields=(Field("up", (sort,), BOOL, ((0,),) * count),),
        initial=x.TRUE,
        actions=(Action("raise_flag", "", (flag,), tree),),
        properties=(always("not_all", folding.less(count_up, number(count))),),
        final=x.TRUE,
        designs=(ONLY,),
    )
