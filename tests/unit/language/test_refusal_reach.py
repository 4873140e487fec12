"""How far the refusal of identity tests reaches: whatever a body names, and whatever it starts."""

import cProfile
import sys

import pytest

from fencepost import NONE, Index, Maybe, Model, Var, action
from fencepost.core.errors import InputError
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
