"""Initial states, chosen part by part of their condition, against every choice tried."""

from itertools import product

import pytest

from fencepost import *
from fencepost import build
from fencepost.core import semantics
from fencepost.core.semantics import evaluate, initial_states


class Numbered(Model):
    """Parts that read one field, a later one before an earlier one, and a place behind a guard."""

    requests, slots = Parameter(3), Parameter(2)
    Request, Slot = Index(requests, ordered=True), Index(slots)

    slot = Array(Request, of=Maybe(Slot), initial=ANY)
    ready = Array(Request, of=bool)
    owner = Array(Slot, of=Request, initial=ANY)
    turn = Var(Request, initial=ANY)

    @initial
    def owners_have_their_slots(self):
        return (
            self.turn != self.owner[0]
            and for_all(
                self.Request,
                lambda r: self.slot[r] == NONE or self.owner[self.slot[r]] == r,
            )
            and exists(self.Request, lambda r: self.slot[r] != NONE)
            and not self.ready[0]
        )

    @action(request=Request)
    def get_ready(self, request):
        require(not self.ready[request])
        self.ready[request] = True

    plain = Design(expect=holds)


class Free(Numbered):
    """The same, where every choice will do."""

    @initial
    def owners_have_their_slots(self):
        return True


@pytest.mark.parametrize("model", [Numbered, Free])
def test_they_are_those_of_all_choices_that_satisfy_it_in_their_order(model):
    system = build(model)
    choices = product(*(values for field in system.fields for values in field.initial))
    expected = [s for s in choices if evaluate(system, frozenset(), s, {}, system.initial)]
    assert len(expected) > 10
    assert list(initial_states(system, frozenset())) == expected


def test_as_many_fields_as_there_are():
    fields = {f"field{n}": Var(bool) for n in range(1100)}

    def flip(self):
        require(not self.field0)
        self.field0 = True

    many = type("Many", (Model,), {**fields, "flip": action(flip), "__module__": __name__})
    (state,) = initial_states(build(many), frozenset())
    assert len(state) == 1100


def test_a_part_is_decided_once_for_the_fields_that_it_reads(monkeypatch):
    system = build(Numbered)
    parts = system.initial.operands
    asked = []

    def counted(system, barriers, state, values, node):
        asked.extend(part for part in parts if part is node)
        return evaluate(system, barriers, state, values, node)

    monkeypatch.setattr(semantics, "evaluate", counted)
    assert list(initial_states(system, frozenset()))
    slots, owners, turns = 27, 9, 3
    assert len(parts) == 4
    assert len(asked) <= slots + slots * owners + owners * turns + 1
