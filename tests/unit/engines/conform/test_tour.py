"""The tour takes every step in every state, and tries every disabled one, cancellation included."""

from __future__ import annotations

from pathlib import Path

import pytest

from fencepost import *
from fencepost.checking import prepare
from fencepost.conforming import claims_of, judge
from fencepost.core.errors import InputError, Location
from fencepost.core.semantics import initial_states, outcomes
from fencepost.core.system import State, Step, System
from fencepost.core.trees import Fault
from fencepost.engines.conform.driver import conform, replay
from fencepost.engines.conform.driving import Driving
from fencepost.engines.conform.outcomes import Conformity
from fencepost.engines.explore import explore
from fencepost.loading import load_model
from tests.unit.engines.conform.lending import lending
from tests.unit.engines.conform.mirrors import mirror

ROOT = Path(__file__).parents[4]
ONLY_TOUR = Driving(traces=0, examples=0)


def reachable(system: System, barriers: frozenset[str]) -> dict[State, set[Step]]:
    """Every reachable state with the steps that can be taken there, by the interpreter."""
    waiting = list(initial_states(system, barriers))
    found: dict[State, set[Step]] = {}
    while waiting:
        state = waiting.pop()
        if state not in found:
            taken = {s: o for s, o in outcomes(system, barriers, state) if not isinstance(o, Fault)}
            found[state] = set(taken)
            waiting += [outcome.state for outcome in taken.values()]
    return found


def test_every_step_is_tried_in_every_state_so_an_abort_comes_in_each():
    system = lending()
    design = system.design("careful")
    tried: set[tuple[State, Step, bool]] = set()

    class Watched(mirror(system)):
        def perform(self, action, **arguments):
            before, step = self.state, Step(action, tuple(arguments.values()))
            tried.add((before, step, False))
            super().perform(action, **arguments)
            tried.add((before, step, True))

    assert conform(system, design, Watched, driving=ONLY_TOUR).verdict is Conformity.HOLDS
    states = reachable(system, design.barriers)
    assert {(s, step) for s, step, taken in tried if taken} == {
        (state, step) for state, steps in states.items() for step in steps
    }
    assert {(s, step) for s, step, _ in tried} == {
        (state, step) for state in states for step in system.steps
    }
    aborted = {state for state, step, taken in tried if step.action == "abort" and taken}
    assert aborted == {s for s, steps in states.items() if any(x.action == "abort" for x in steps)}


MODELS = [
    pytest.param("staged_handoff", {}, id="staged_handoff"),
    pytest.param("layer_split", {"ranks": 1, "layers": 1, "turns": 1}, id="layer_split"),
    pytest.param("deferred_free", {}, id="deferred_free", marks=pytest.mark.slow),
    pytest.param(
        "rdma_write_completion",
        {"requests": 1, "slots": 1, "handles": 1},
        id="rdma_write_completion",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("name", "sizes"), MODELS)
def test_the_interpreter_follows_every_design_to_its_violations(name, sizes):
    """Safety, faults, stuck states, lost goals and endless runs; states to start in, too."""
    source = load_model(name, ROOT)
    system = prepare(source, sizes)
    for design in system.designs:
        answer = explore(system, design).answer
        found = conform(system, design, mirror(system), claims=claims_of(answer), driving=ONLY_TOUR)
        assert (found.scope.states, found.scope.edges) == (answer.states, answer.transitions)
        assert found.scope.taken == found.scope.edges
        judged = judge(answer, found)
        assert judged.reasons == (), design.name


def test_a_design_that_is_followed_elsewhere_differs():
    """The implementation is of one design, and the model of another."""
    system = lending()

    class Other(mirror(system)):
        def __init__(self, sizes, barriers):
            super().__init__(sizes, system.design("hasty").barriers)

    assert conform(system, system.design("hasty"), Other, driving=ONLY_TOUR).difference is None
    found = conform(system, system.design("careful"), Other, driving=ONLY_TOUR)
    assert found.verdict is Conformity.DIFFERS
    assert [step.action for step in found.difference.steps] == ["lend", "read", "abort"]


class Coin(Model):
    """It lies on one of its sides, and is turned once."""

    heads = Var(of=bool, initial=ANY)
    turned = Var(of=bool)

    @action
    def turn(self):
        require(not self.turned)
        self.heads, self.turned = not self.heads, True

    @final
    def anywhere(self):
        return True

    usual = Design(expect=holds)


@always(Coin)
def anything(m):
    return m.heads or not m.heads


class CoinAdapter(Adapter):
    """Lies on tails, and shows the side that is up; the second one turned goes missing."""

    faulty = False

    def __init__(self, sizes, barriers):
        self.heads, self.turned = False, False

    def perform(self, action):
        if self.turned:
            raise Refused
        self.heads, self.turned = not self.heads or self.faulty, True

    def observe(self):
        return {"heads": self.heads}


class ToldAdapter(CoinAdapter):
    """The same, told where to start."""

    def start_in(self, state):
        assert state["turned"] is False
        self.heads = state["heads"]


def test_where_a_model_may_start_and_the_implementation_does():
    system = build(Coin, [anything], {})
    own = conform(system, system.designs[0], CoinAdapter, driving=ONLY_TOUR)
    assert (own.scope.states, own.scope.edges, own.scope.taken) == (2, 1, 1)
    told = conform(system, system.designs[0], ToldAdapter, driving=Driving(traces=8, examples=4))
    assert (told.scope.states, told.scope.edges, told.scope.taken) == (4, 2, 2)
    assert told.verdict is Conformity.HOLDS


class HalfToldAdapter(ToldAdapter):
    """Told to lie on heads it does not."""

    def start_in(self, state):
        if state["heads"]:
            raise Refused
        super().start_in(state)


def test_states_that_an_implementation_cannot_start_in_are_left_out():
    system = build(Coin, [anything], {})
    found = conform(system, system.designs[0], HalfToldAdapter, driving=Driving(traces=4))
    assert found.verdict is Conformity.HOLDS
    assert (found.scope.states, found.scope.edges, found.scope.taken) == (2, 1, 1)


def test_an_implementation_that_can_start_nowhere_is_at_fault():
    class Nowhere(CoinAdapter):
        def start_in(self, state):
            raise Refused

    system = build(Coin, [anything], {})
    with pytest.raises(InputError, match="`start_in` refuses every state that Coin starts in"):
        conform(system, system.designs[0], Nowhere)
    with pytest.raises(InputError, match="`start_in` refuses the state that the run begins in"):
        replay(system, system.designs[0], HalfToldAdapter, (1, 0), [], Location("", 1))


def test_a_difference_says_where_to_start():
    system = build(Coin, [anything], {})
    faulty = type("Faulty", (ToldAdapter,), {"faulty": True})
    found = conform(system, system.designs[0], faulty, driving=ONLY_TOUR).difference
    assert found is not None and found.initial == (1, 0)
    again = replay(system, system.designs[0], faulty, found.initial, found.steps, Location("", 1))
    assert again == found
    assert replay(system, system.designs[0], faulty, (0, 0), found.steps, Location("", 1)) is None
