"""From declarations to a system: initial states, designs, expectations, properties, texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_sources import built, walk_both_ways
from model_texts import declaring

from fencepost.core import semantics
from fencepost.core.domains import BOOL, Enum, Index, Maybe, Range, SetOf
from fencepost.core.errors import InputError
from fencepost.core.system import Expectation, System, Violation

NONE_ON: frozenset[str] = frozenset()


def system_of(tmp_path: Path, fields: str = "", methods: str = "", after: str = "") -> System:
    return built(declaring(fields, methods=methods, after=after), tmp_path)[1]


def starts(system: System, name: str, on: frozenset[str] = NONE_ON) -> list[tuple[int, ...]]:
    """The values that the cells of a field start with, state by state."""
    first = system.offsets[name]
    last = first + system.field[name].cells
    return [state[first:last] for state in semantics.initial_states(system, on)]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Var(bool)", [(0,)]),
        ("Var(bool, initial=True)", [(1,)]),
        ("Var(Maybe(A))", [(-1,)]),
        ("Var(SetOf(A))", [(0,)]),
        ("Var(SetOf(A), initial=EMPTY)", [(0,)]),
        ("Var(SetOf(A), initial={1})", [(2,)]),
        ("Var(Phase, initial=Phase.BUSY)", [(1,)]),
        ("Var(Phase, initial=2)", [(2,)]),
        ("Var(Range(3, 5), initial=one_of(5, 3, 5))", [(3,), (5,)]),
        ("Var(Maybe(A), initial=one_of(NONE, 1))", [(-1,), (1,)]),
        ("Var(Maybe(A), initial=ANY)", [(-1,), (0,), (1,)]),
        ("Array(A, of=bool, initial=ANY)", [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ("Array(A, of=Range(0, 3), initial=lambda a: a + 1)", [(1, 2)]),
        ("Array(A, of=bool, initial=lambda a: ANY if a else True)", [(1, 0), (1, 1)]),
        ("Array(A, A, of=A, initial=lambda a, b: one_of(b))", [(0, 1, 0, 1)]),
        ("Array(bool, of=Maybe(A), initial=lambda up: 0 if up else NONE)", [(-1, 0)]),
    ],
)
def test_starting_values(field: str, expected: list[tuple[int, ...]], tmp_path: Path) -> None:
    assert starts(system_of(tmp_path, f"x = {field}"), "x") == expected


def test_a_parameter_is_a_starting_value(tmp_path: Path) -> None:
    fields = """
p = Parameter(2)
x = Var(Range(0, 9), initial=p)
y = Array(A, of=Range(0, 9), initial=2 * p + 1)
"""
    text = declaring(fields)
    system = built(text, tmp_path)[1]
    assert (starts(system, "x"), starts(system, "y")) == ([(2,)], [(5, 5)])
    assert system.finite_only == ()
    other = built(text, tmp_path, {"p": 4})[1]
    assert (starts(other, "x"), starts(other, "y")) == ([(4,)], [(9, 9)])


def test_a_starting_value_that_a_parameter_puts_outside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`x` starts with"):
        system_of(tmp_path, "p = Parameter(4)\nx = Var(Range(0, 3), initial=p)")


def test_initial_conditions_all_hold_and_may_ask_for_barriers(tmp_path: Path) -> None:
    system = system_of(
        tmp_path,
        "x = Var(Range(0, 5), initial=ANY)",
        methods="""
@initial
def small(self):
    return self.x < 4

@initial
def large_if_ordered(self):
    return self.x > 1 or not self.bar
""",
    )
    assert starts(system, "x") == [(0,), (1,), (2,), (3,)]
    assert starts(system, "x", frozenset({"bar"})) == [(2,), (3,)]


def test_the_domains_of_fields(tmp_path: Path) -> None:
    fields = """
p = Parameter(3)
B = Index(p + 1, ordered=True)
of_bool = Var(bool)
of_enum = Var(Phase, initial=0)
of_range = Var(Range(1 - p, p * 2), initial=0)
of_index = Array(A, B, of=B, initial=0)
of_maybe = Var(Maybe(Range(0, p)))
of_set = Array(Phase, of=SetOf(B))
"""
    system = system_of(tmp_path, fields)
    second = Index("B", 4, ordered=True)
    assert {f.name: f.domain for f in system.fields} == {
        "v": BOOL,
        "of_bool": BOOL,
        "of_enum": Enum("Phase", ("IDLE", "BUSY", "DONE")),
        "of_range": Range(-2, 6),
        "of_index": second,
        "of_maybe": Maybe(Range(0, 3)),
        "of_set": SetOf(second),
    }
    assert system.field["of_index"].indices == (Index("A", 2), second)
    assert system.parameters == (("n", 2), ("p", 3))


def test_parameters_change_sizes_and_leave_the_defaults(tmp_path: Path) -> None:
    source = declaring("x = Array(A, of=bool)")
    _, system = built(source, tmp_path, {"n": 5})
    assert system.field["x"].cells == 5
    assert (system.parameters, system.default_parameters) == ((("n", 5),), (("n", 2),))
    assert not system.at_defaults()
    assert built(source, tmp_path)[1].at_defaults()


def test_a_model_without_designs_gets_one_with_everything_on(tmp_path: Path) -> None:
    [design] = system_of(tmp_path).designs
    assert (design.name, design.barriers) == ("all_barriers", frozenset({"bar"}))
    assert design.expect == Expectation()


def test_designs_expectations_and_what_they_leave_out(tmp_path: Path) -> None:
    fields = """
second = Barrier("a second one", buys=["p", "no_fault"], kind="guard")
both = Design(bar, second, expect=holds)
deep = Design(second, bar, expect=holds.within(9), text="as far as we looked")
first_off = both.without(bar, expect=violates("p", steps=3), known_bug="ZAI-1")
all_off = first_off.without(second, expect=(violates("p"), violates("no_stuck_state")))
"""
    system = system_of(tmp_path, fields, after="@always(M)\ndef p(m):\n    return m.v\n")
    found = {d.name: (d.barriers, d.expect) for d in system.designs}
    assert found == {
        "both": (frozenset({"bar", "second"}), Expectation()),
        "deep": (frozenset({"bar", "second"}), Expectation((), 9)),
        "first_off": (frozenset({"second"}), Expectation((Violation("p", 3),))),
        "all_off": (frozenset(), Expectation((Violation("p"), Violation("no_stuck_state")))),
    }
    assert system.design("first_off").known_bug == "ZAI-1"
    assert system.design("deep").text == "as far as we looked"
    [_, second] = system.barriers
    assert (second.name, second.kind, second.buys) == ("second", "guard", ("p", "no_fault"))


PROPERTIES = '''
@always(M)
def low(m, a: M.A, limit: Range(1, 2)):
    """Every level is low."""
    return m.level[a] <= limit


@reachable(M)
def high(m, a: M.A):
    return m.level[a] == 3


@always_possible(M)
def can_be_pointed_at(state, a: M.A):
    return state.level[state.pointer] == 0 and state.is_at(a)
'''
LEVELS = """
level = Array(A, of=Range(0, 3), initial=0)
pointer = Var(Maybe(A))
"""
POINTED = """
def is_at(self, a):
    return self.pointer == a
"""


def test_properties_with_arguments(tmp_path: Path) -> None:
    system = system_of(tmp_path, LEVELS, methods=POINTED, after=PROPERTIES)
    low, high, pointed = system.properties
    assert [p.kind for p in system.properties] == ["always", "reachable", "always_possible"]
    assert [(a.name, a.of) for a in low.arguments] == [("a", Index("A", 2)), ("limit", Range(1, 2))]
    assert low.text == "Every level is low."

    def failing(levels: tuple[int, int], pointer: int, which: int) -> list[dict[str, int]]:
        state = (0, *levels, pointer)
        prop = system.properties[which]
        return semantics.failing_instances(system, NONE_ON, state, prop)

    assert failing((0, 2), -1, 0) == [{"a": 1, "limit": 1}]
    assert failing((3, 0), -1, 1) == [{"a": 1}]
    assert failing((0, 1), 0, 2) == [{"a": 1}]
    assert len(failing((0, 1), -1, 2)) == 2, "it cannot be evaluated where nothing is pointed at"
    assert high.name == "high"
    assert pointed.name == "can_be_pointed_at"


def test_annotations_may_be_text(tmp_path: Path) -> None:
    source = declaring(LEVELS, methods=POINTED, after=PROPERTIES)
    _, evaluated = built(source, tmp_path)
    _, as_text = built("from __future__ import annotations\n" + source, tmp_path)
    assert evaluated == as_text


def test_final_is_false_without_a_condition_and_all_of_several(tmp_path: Path) -> None:
    plain = system_of(tmp_path)
    assert not semantics.is_final(plain, NONE_ON, (0,))
    finals = """
@final
def up(self):
    return self.v

@final
def unordered(self):
    return not self.bar
"""
    system = system_of(tmp_path, methods=finals)
    assert semantics.is_final(system, NONE_ON, (1,))
    assert not semantics.is_final(system, NONE_ON, (0,))
    assert not semantics.is_final(system, frozenset({"bar"}), (1,))


def test_a_final_condition_that_cannot_be_evaluated_does_not_hold(tmp_path: Path) -> None:
    finals = "@final\ndef pointed(self):\n    return self.level[self.pointer] == 0"
    system = system_of(tmp_path, LEVELS, methods=finals)
    assert not semantics.is_final(system, NONE_ON, (0, 0, 0, -1))
    assert semantics.is_final(system, NONE_ON, (0, 1, 0, 1))


def test_actors_arguments_and_texts(tmp_path: Path) -> None:
    methods = """
@actor("host")
@action(a=A, phase=Phase, up=bool, most=Maybe(Range(0, 1)))
def act(self, a, phase, up, most):
    self.v = up
"""
    system = system_of(tmp_path, methods=methods)
    go, act = system.actions
    assert (go.actor, act.actor) == ("", "host")
    assert [a.name for a in act.arguments] == ["a", "phase", "up", "most"]
    assert len(system.steps) == 1 + 2 * 3 * 2 * 3
    assert system.show_step(system.steps[1]) == "act(a=0, phase=IDLE, up=False, most=NONE)"


def test_domains_order_in_the_decorator_does_not_matter(tmp_path: Path) -> None:
    method = "@action({})\ndef act(self, a, up):\n    self.v = up"
    one = system_of(tmp_path, methods=method.format("a=A, up=bool"))
    other = system_of(tmp_path, methods=method.format("up=bool, a=A"))
    assert one == other


def test_a_size_of_a_body_is_the_size_of_the_run(tmp_path: Path) -> None:
    source = declaring(
        "twice = n * 2\nx = Var(Range(0, 99), initial=0)",
        methods="@action\ndef f(self):\n    self.x = self.twice + len(self.A)",
    )
    model, system = built(source, tmp_path, {"n": 7})
    assert {state[1] for state in walk_both_ways(model, system).states} == {0, 21}
