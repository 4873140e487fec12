"""How far the refusal of identity tests reaches: whatever a body names, and whatever it starts."""

import cProfile
import sys

import pytest

from fencepost import NONE, Array, Index, Maybe, Model, Range, Var, action, choose
from fencepost.core.errors import InputError
from fencepost.core.trees import Fault, leaves
from fencepost.language import build


def is_absent(value):
    return value is NONE


def asks_another(value):
    return is_absent(value)


BY_NAME = {"absent": is_absent}


def test_a_helper_of_a_helper_on_a_way_that_is_not_the_first():
    class Late(Model):
        Thing = Index(2)
        flag = Var(bool)
        owner = Var(Maybe(Thing))

        @action
        def go(self):
            if self.flag:
                self.flag = False
            elif asks_another(self.owner):
                self.flag = True

    with pytest.raises(InputError) as refused:
        build(Late)
    assert refused.value.code == "F90"
    assert refused.value.at.line == is_absent.__code__.co_firstlineno + 1


def test_a_helper_that_is_looked_up_in_a_table():
    class Table(Model):
        Thing = Index(2)
        flag = Var(bool)
        owner = Var(Maybe(Thing))

        @action
        def go(self):
            self.flag = BY_NAME["absent"](self.owner)

    with pytest.raises(InputError) as refused:
        build(Table)
    assert refused.value.code == "F90"


def test_a_profiler_and_a_tracer_go_on():
    class Plain(Model):
        flag = Var(bool)

        @action
        def go(self):
            self.flag = not self.flag

    lines = []

    def trace(frame, event, _):
        if frame.f_code.co_name == "go":
            lines.append(event)
            return trace
        return None

    before = sys.gettrace()
    profiler = cProfile.Profile()
    sys.settrace(trace)
    try:
        profiler.runcall(build, Plain)
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)
    assert "line" in lines


def test_a_condition_that_a_fault_forestalls_is_not_called_unused():
    class Forestalled(Model):
        Place = Index(2)
        flag = Var(bool)
        number = Var(Range(2, 3), initial=2)
        seen = Array(Place, of=bool)

        @action
        def go(self):
            self.flag = choose(self.number == 3, True, self.seen[self.number])

    system = build(Forestalled)
    assert [type(leaf) for leaf in leaves(system.action["go"].tree)] == [Fault]
