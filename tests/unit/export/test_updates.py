"""Simultaneous writes in sequence: what is held first, and what needs no holding."""

from __future__ import annotations

from itertools import count, product

import pytest

from fencepost.core import expressions as x
from fencepost.core.domains import BOOL, Index
from fencepost.core.expressions import Constant, Expression, Read, Variable
from fencepost.core.semantics import Successor, evaluate, perform
from fencepost.core.system import Action, Field, State, Step, System
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Update, Write
from fencepost.export.bodies import Branch, body, guard
from fencepost.export.updates import Sequence, cell_by_cell, in_sequence

CELL = Index("Cell", 3)
I = Variable("i", CELL)  # noqa: E741  # as a model would name it
ARGUMENT = Variable("argument", CELL)


def cell(index: Expression | int, field: str = "a") -> Read:
    node = Constant(index, CELL) if isinstance(index, int) else index
    return Read(field, (node,), CELL)


def write(index: Expression | int, value: Expression, field: str = "a") -> Write:
    return Write(field, cell(index).indices, value)


def system(update: Update) -> System:
    values = tuple((0,) for _ in range(3))
    fields = (Field("a", (CELL,), CELL, values), Field("b", (CELL,), CELL, values))
    action = Action("step", "", (ARGUMENT,), update)
    return System("Small", (), (), fields, x.TRUE, (action,), (), x.FALSE, ())


def sequence(update: Update, **how: bool) -> Sequence:
    numbers = count(1)
    return in_sequence(system(update), update, lambda: f"held_{next(numbers)}", **how)


def run(update: Update, sequenced: Sequence, state: State, argument: int) -> State:
    """The state after the assignments, one after the other, each in the state it finds."""
    made = system(update)
    values = {"argument": argument}
    now = list(state)

    def value(node: Expression) -> int:
        return evaluate(made, frozenset(), tuple(now), values, node)

    for variable, held in sequenced.held:
        values[variable.name] = value(held)
    for assign in cell_by_cell(sequenced.assignments):
        if value(assign.where):
            place = made.field[assign.field].cell(tuple(value(i) for i in assign.indices))
            assert place is not None
            now[made.offsets[assign.field] + place] = value(assign.value)
    return tuple(now)


UPDATES = {
    "swap": (write(0, cell(1)), write(1, cell(0))),
    "chain": (write(ARGUMENT, cell(cell(ARGUMENT))), write(cell(ARGUMENT), cell(0))),
    "later wins": (write(ARGUMENT, cell(2)), write(0, cell(1))),
    "two fields": (write(0, cell(1, "b")), write(1, cell(0), "b"), write(2, cell(1, "b"))),
    "rotate": (BulkWrite("a", (), (I,), x.TRUE, cell(cell(I, "b"))),),
    "in place": (BulkWrite("a", (), (I,), x.Less(cell(I), Constant(2, CELL)), cell(I, "b")),),
    "after a write": (
        write(0, ARGUMENT, "b"),
        BulkWrite("a", (), (I,), x.Equal(cell(I, "b"), ARGUMENT), Constant(2, CELL)),
    ),
    "before a write": (
        BulkWrite("a", (), (I,), x.Equal(I, ARGUMENT), Constant(1, CELL)),
        write(cell(0), cell(ARGUMENT)),
    ),
    "the same variable inside": (
        BulkWrite(
            "a",
            (),
            (I,),
            x.Quantified("exists", (I,), x.Equal(cell(I), Constant(0, CELL))),
            Constant(1, CELL),
        ),
    ),
}


@pytest.mark.parametrize("hold_own_index", [False, True])
@pytest.mark.parametrize("name", UPDATES)
def test_a_sequence_does_what_the_update_does(name: str, hold_own_index: bool) -> None:
    update = Update(UPDATES[name])
    made, sequenced = system(update), sequence(update, hold_own_index=hold_own_index)
    for state in product(range(3), repeat=6):
        for argument in range(3):
            outcome = perform(made, frozenset(), state, Step("step", (argument,)))
            assert outcome == Successor(run(update, sequenced, state, argument))


def test_only_what_changes_before_it_is_read_is_held() -> None:
    held = {name: len(sequence(Update(writes)).held) for name, writes in UPDATES.items()}
    assert held["swap"] == 1
    assert held["later wins"] == 1
    assert held["in place"] == 0
    assert held["two fields"] == 2
    assert held["rotate"] == 2


def test_a_bulk_write_that_reads_itself_in_place_stays_a_loop() -> None:
    assert isinstance(sequence(Update(UPDATES["in place"])).assignments[0], BulkWrite)
    after = sequence(Update(UPDATES["after a write"])).assignments
    assert not any(isinstance(item, BulkWrite) for item in after)


def test_a_guard_is_where_a_tree_ends_in_an_update() -> None:
    one, other = x.BarrierOn("one"), x.BarrierOn("other")
    update, another = Update(()), Update((write(0, ARGUMENT),))
    checked = Decide(other, update, Fault("index"), check=True)
    tree = Decide(one, checked, Disabled())
    assert guard(tree) == x.And((one, other))
    assert body(tree) == update
    assert guard(Decide(one, Fault("none"), Decide(other, Disabled(), update))) == x.And(
        (x.Not(one), x.Not(other))
    )
    assert body(Decide(one, update, Decide(other, another, Disabled()))) == Branch(
        one, update, another
    )
    assert guard(Decide(one, update, another)) == x.TRUE
    assert body(Decide(one, Disabled(), Fault("none"))) is None
    assert guard(Decide(one, Disabled(), Fault("none"))) == x.FALSE
    assert guard(tree).domain == BOOL
