"""The interpreter, on a system written by hand: each rule of the meaning by its numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fencepost.core import expressions as x
from fencepost.core import semantics
from fencepost.core.domains import BOOL, Index, Maybe, Range
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Variable
from fencepost.core.semantics import Successor
from fencepost.core.system import (
    Action,
    Barrier,
    Design,
    Expectation,
    Field,
    Property,
    Step,
    System,
)
from fencepost.core.traces import NotARun, Run, Trace, rerun
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Tree, Update, Write

SORT = Index("Thing", 3)
A, EACH = Variable("a", SORT), Variable("i", SORT)
NUMBER = Range(0, 3)


def number(value: int) -> x.Constant:
    return x.Constant(value, Range(value, value))


def read(index: x.Expression) -> x.Read:
    return x.Read("level", (index,), NUMBER)


RISE: Tree = Decide(
    x.Less(read(A), number(3)),
    Update((Write("level", (A,), x.Arithmetic("+", read(A), number(1))),)),
    Fault("domain"),
    check=True,
)
LEVEL_ALL: Tree = Decide(
    x.BarrierOn("order"),
    Disabled(),
    Update(
        (
            BulkWrite("level", (), (EACH,), x.Less(number(0), read(EACH)), read(A)),
            Write("last", (), A),
            Write("last", (), x.Constant(0, SORT)),
        )
    ),
)
SYSTEM = System(
    name="Levels",
    parameters=(("things", 3),),
    barriers=(Barrier("order", "one after another", "edge", ()),),
    fields=(
        Field("level", (SORT,), NUMBER, ((0,), (0, 1), (0,))),
        Field("last", (), Maybe(SORT), ((-1,),)),
    ),
    initial=x.TRUE,
    actions=(
        Action("rise", "host", (A,), RISE),
        Action("level_all", "", (A,), LEVEL_ALL),
    ),
    properties=(
        Property("low", "always", (A,), x.Less(read(A), number(2)), x.Equal(read(A), number(3))),
    ),
    final=x.Equal(x.Read("last", (), Maybe(SORT)), number(-1)),
    designs=(Design("off", frozenset(), Expectation()),),
)
OFF: frozenset[str] = frozenset()
ON = frozenset({"order"})


def test_initial_states_are_in_lexicographic_order() -> None:
    assert list(semantics.initial_states(SYSTEM, OFF)) == [(0, 0, 0, -1), (0, 1, 0, -1)]


def test_the_initial_condition_may_ask_for_a_barrier() -> None:
    raised = x.Equal(read(x.Constant(1, SORT)), number(1))
    asked = replace(SYSTEM, initial=x.Or((x.BarrierOn("order"), raised)))
    assert list(semantics.initial_states(asked, OFF)) == [(0, 1, 0, -1)]
    assert len(list(semantics.initial_states(asked, ON))) == 2


def test_too_many_candidates_for_the_initial_state_are_refused() -> None:
    many = Field("many", (Index("Place", 7),), Range(0, 9), (tuple(range(10)),) * 7)
    with pytest.raises(InputError) as refused:
        next(semantics.initial_states(replace(SYSTEM, fields=(many,)), OFF))
    assert refused.value.code == "F47"


def test_a_step_writes_the_cell_of_its_argument() -> None:
    assert semantics.perform(SYSTEM, OFF, (0, 2, 0, -1), Step("rise", (1,))) == Successor(
        (0, 3, 0, -1)
    )


def test_a_fault_has_no_successor() -> None:
    assert semantics.perform(SYSTEM, OFF, (3, 0, 0, -1), Step("rise", (0,))) == Fault("domain")


def test_a_bulk_write_reads_the_state_before_and_a_later_write_wins() -> None:
    outcome = semantics.perform(SYSTEM, OFF, (1, 0, 2, -1), Step("level_all", (2,)))
    assert outcome == Successor((2, 0, 2, 0))
    lowered = semantics.perform(SYSTEM, OFF, (1, 0, 2, -1), Step("level_all", (1,)))
    assert lowered == Successor((0, 0, 0, 0)), "level[1] is read once, before anything is written"


def test_barriers_decide() -> None:
    assert semantics.perform(SYSTEM, ON, (0, 0, 0, -1), Step("level_all", (0,))) == Disabled()


def test_outcomes_are_the_steps_that_are_not_disabled_in_their_order() -> None:
    found = list(semantics.outcomes(SYSTEM, ON, (0, 3, 0, -1)))
    assert [step for step, _ in found] == [Step("rise", (a,)) for a in range(3)]
    assert found[1][1] == Fault("domain")


def test_the_decisions_of_a_step_are_told() -> None:
    path, leaf = semantics.decide(SYSTEM, OFF, (3, 0, 0, -1), Step("rise", (0,)))
    assert [(d.condition, taken) for d, taken in path] == [(x.Less(read(A), number(3)), False)]
    assert leaf == Fault("domain")


@pytest.mark.parametrize(
    ("kind", "expected"), [("for_all", (0, 1, 0)), ("exists", (0, 1, 1)), ("count", (0, 3, 2))]
)
def test_quantifiers(kind: x.QuantifierKind, expected: tuple[int, int, int]) -> None:
    node = x.Quantified(kind, (EACH,), x.Less(number(0), read(EACH)))
    states = [(0, 0, 0, -1), (1, 2, 3, -1), (0, 1, 1, -1)]
    assert tuple(semantics.evaluate(SYSTEM, OFF, s, {}, node) for s in states) == expected


def test_a_quantifier_hides_an_outer_variable_of_its_name() -> None:
    node = x.Quantified("count", (A,), x.Equal(A, x.Constant(2, SORT)))
    assert semantics.evaluate(SYSTEM, OFF, (0, 0, 0, -1), {"a": 0}, node) == 1


def test_quantifiers_of_two_variables_count_pairs() -> None:
    node = x.Quantified("count", (A, EACH), x.Less(read(A), read(EACH)))
    assert semantics.evaluate(SYSTEM, OFF, (0, 1, 2, -1), {}, node) == 3


def test_an_unchecked_index_is_a_mistake_of_the_recorder() -> None:
    with pytest.raises(AssertionError, match="unchecked index"):
        semantics.evaluate(SYSTEM, OFF, (0, 0, 0, -1), {}, read(number(3)))


def test_an_unchecked_write_is_a_mistake_of_the_recorder() -> None:
    action = Action("wild", "", (), Update((Write("level", (number(0),), number(9)),)))
    with pytest.raises(AssertionError, match="unchecked write"):
        semantics.perform(replace(SYSTEM, actions=(action,)), OFF, (0, 0, 0, -1), Step("wild", ()))


def test_a_property_fails_where_it_is_false_or_cannot_be_evaluated() -> None:
    [low] = SYSTEM.properties
    assert semantics.failing_instances(SYSTEM, OFF, (1, 2, 3, -1), low) == [{"a": 1}, {"a": 2}]
    assert semantics.failing_instances(SYSTEM, OFF, (1, 0, 1, -1), low) == []
    faulting = replace(low, fault=x.TRUE, condition=x.TRUE)
    assert len(semantics.failing_instances(SYSTEM, OFF, (0, 0, 0, -1), faulting)) == 3
    assert semantics.show_instance(low, {"a": 1}) == "a=1"


def test_final() -> None:
    assert semantics.is_final(SYSTEM, OFF, (0, 0, 0, -1))
    assert not semantics.is_final(SYSTEM, OFF, (0, 0, 0, 1))


def trace(*steps: Step) -> Trace:
    return Trace("Levels", SYSTEM.parameters, "off", (), SYSTEM.digest, (0, 0, 2, -1), steps)


def test_a_trace_runs_again() -> None:
    run = rerun(SYSTEM, trace(Step("rise", (0,)), Step("level_all", (2,)), Step("rise", (2,))))
    assert run == Run(((0, 0, 2, -1), (1, 0, 2, -1), (2, 0, 2, 0), (2, 0, 3, 0)))


def test_a_trace_may_end_with_a_fault_only() -> None:
    rise = Step("rise", (2,))
    run = rerun(SYSTEM, trace(rise, rise))
    assert (len(run.states), run.fault) == (2, Fault("domain"))
    with pytest.raises(NotARun) as refused:
        rerun(SYSTEM, trace(rise, rise, rise))
    assert refused.value.position == 1
    assert refused.value.reason == "rise(a=2) faults, yet steps follow"


def test_a_trace_with_a_disabled_step_is_no_run() -> None:
    with pytest.raises(NotARun) as refused:
        rerun(
            SYSTEM, replace(trace(Step("rise", (0,)), Step("level_all", (0,))), barriers=("order",))
        )
    assert (refused.value.position, refused.value.reason) == (1, "level_all(a=0) is disabled")


def test_steps_are_numbered_action_by_action() -> None:
    assert SYSTEM.steps == tuple(
        Step(name, (a,)) for name in ("rise", "level_all") for a in range(3)
    )
    assert SYSTEM.show_step(SYSTEM.steps[4]) == "level_all(a=1)"


def test_cells_are_in_field_order_with_the_last_index_fastest() -> None:
    grid = Field("grid", (SORT, Range(1, 2)), BOOL, ((0,),) * 6)
    system = replace(SYSTEM, fields=(*SYSTEM.fields, grid))
    assert system.offsets == {"level": 0, "last": 3, "grid": 4}
    assert [i for f, i in system.cells if f.name == "grid"] == [
        (0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2),
    ]  # fmt: skip
    assert grid.cell((1, 2)) == 3
    assert grid.cell((1, 0)) is None
    assert grid.cell((3, 1)) is None


def test_the_digest_leaves_out_places_and_prose() -> None:
    here = Location("here.py", 12)
    moved = replace(
        SYSTEM,
        file="/elsewhere/model.py",
        text="other prose",
        finite_only=((here, "a loop"),),
        barriers=(replace(SYSTEM.barriers[0], text="said otherwise", location=here),),
        actions=tuple(replace(a, location=here) for a in SYSTEM.actions),
        designs=(replace(SYSTEM.designs[0], text="prose", location=here),),
    )
    assert moved == SYSTEM
    assert moved.digest == SYSTEM.digest


@pytest.mark.parametrize(
    "changed",
    [
        replace(SYSTEM, parameters=(("things", 4),)),
        replace(SYSTEM, initial=x.FALSE),
        replace(SYSTEM, final=x.FALSE),
        replace(SYSTEM, actions=SYSTEM.actions[:1]),
        replace(SYSTEM, properties=()),
        replace(SYSTEM, designs=(Design("off", ON, Expectation()),)),
        replace(SYSTEM, actions=(replace(SYSTEM.actions[0], actor="nobody"), SYSTEM.actions[1])),
    ],
)
def test_the_digest_tells_apart_what_differs(changed: System) -> None:
    assert changed.digest != SYSTEM.digest


def test_the_digest_of_a_set_does_not_depend_on_its_order() -> None:
    names = [f"barrier_{i}" for i in range(20)]
    forwards = replace(SYSTEM, designs=(Design("d", frozenset(names), Expectation()),))
    backwards = replace(SYSTEM, designs=(Design("d", frozenset(reversed(names)), Expectation()),))
    assert forwards.digest == backwards.digest
