"""How far the refusal of identity tests reaches: whatever a body names, and whatever it starts."""

import builtins
import cProfile
import functools
import inspect
import operator
import sys

import pytest

from fencepost import NONE, Array, Index, Maybe, Model, Range, Var, action, always, choose
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


same = operator.is_


@functools.singledispatch
def by_type(value):
    return True


class Counted(Model):
    count = Var(Range(0, 3), initial=0)

    @action
    def tick(self):
        self.count += 1


def default_of(m, same_as=isinstance):
    return same_as(m.count, int)


ASKING_SYMBOLS = {
    "operator.is_": lambda m: operator.is_(m.count, 1),
    "operator.is_not": lambda m: operator.is_not(m.count, 1),
    "another name": lambda m: same(m.count, 1),
    "a table": lambda m: TESTS[0](m.count, 1),
    "singledispatch": lambda m: by_type(m.count),
    "inspect": lambda m: inspect.isfunction(m.count),
    "builtins": lambda m: builtins.isinstance(m.count, int),
    "default": default_of,
}
TESTS = [operator.is_]


@pytest.mark.parametrize("name", ASKING_SYMBOLS)
def test_what_decides_by_identity_or_type_is_refused_under_any_name(name):
    asks = ASKING_SYMBOLS[name]

    def asked(m):
        return asks(m)

    with pytest.raises(InputError) as refused:
        build(Counted, [always(Counted)(asked)])
    assert refused.value.code == "F90"
    assert refused.value.at.file == __file__


def test_the_call_is_where_it_is_refused():
    def asked(m):
        return (
            operator.is_(m.count, 1)
        )  # fmt: skip

    with pytest.raises(InputError) as refused:
        build(Counted, [always(Counted)(asked)])
    assert refused.value.what == "`is_` in a body"
    assert refused.value.at.line == asked.__code__.co_firstlineno + 2


def test_operators_that_ask_the_state_are_words_like_others():
    def compared(m):
        return operator.le(0, m.count)

    assert build(Counted, [always(Counted)(compared)]).properties


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
