"""What one run or one whole search says of other sets of barriers, against doing it for them."""

from __future__ import annotations

from itertools import combinations

from fencepost.analyses.consulted import same_answer
from fencepost.analyses.known_runs import Asked, Cube, KnownRuns
from fencepost.analyses.restricting import restricting
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.semantics import Successor, initial_states, perform
from fencepost.core.system import Design, Expectation
from fencepost.engines.explore import explore
from tests.unit.analyses.barrier_models import slot, trap
from tests.unit.kernel.random_systems import Generator

LIMITS = Limits(states=2000)


def subsets(system):
    names = [b.name for b in system.barriers]
    return [frozenset(c) for size in range(len(names) + 1) for c in combinations(names, size)]


def searched(system, barriers):
    design = Design("trial", barriers, Expectation())
    return explore(system, design, limits=LIMITS).answer


def systems(count):
    yield slot()
    yield trap()
    for seed in range(count):
        yield Generator(seed, most_barriers=4).system()


def violated(answer):
    return {
        (f.property, None if f.trace is None else f.trace.steps)
        for f in answer.findings
        if f.verdict is Verdict.VIOLATED
    }


def test_every_set_that_a_run_refutes_breaks_the_property():
    refuted = 0
    for system in systems(40):
        try:
            answers = {barriers: searched(system, barriers) for barriers in subsets(system)}
        except Exception:  # noqa: BLE001, S112  # a random system without an initial state
            continue
        for answer in answers.values():
            for refutation in KnownRuns(system).note(answer):
                for barriers, other in answers.items():
                    if barriers in refutation.cube:
                        broken = {name for name, _ in violated(other)}
                        assert refutation.property in broken
                        refuted += barriers != frozenset(answer.barriers)
    assert refuted > 50


def test_every_set_that_agrees_on_what_was_asked_has_the_same_answer():
    same = 0
    for system in systems(40):
        try:
            answers = {barriers: searched(system, barriers) for barriers in subsets(system)}
        except Exception:  # noqa: BLE001, S112  # as above
            continue
        for barriers, answer in answers.items():
            cube = same_answer(system, answer)
            if cube is None:
                assert not answer.complete
                continue
            for other in subsets(system):
                if other in cube and other != barriers:
                    there = answers[other]
                    assert (there.states, there.transitions) == (answer.states, answer.transitions)
                    assert violated(there) == violated(answer)
                    same += 1
    assert same > 20


def test_a_restricting_barrier_takes_no_step_that_is_not_there_without_it():
    proved = refused = 0
    for system in systems(60):
        for barrier in system.barriers:
            others = frozenset(b.name for b in system.barriers if len(b.name) % 2)
            without = others - {barrier.name}
            try:
                states = list(reached(system, without | {barrier.name}, 60))
            except Exception:  # noqa: BLE001, S112  # as above
                continue
            adds = any(adds_a_step(system, without, barrier.name, state) for state in states)
            if barrier.name in restricting(system):
                assert not adds, (system.name, barrier.name)
                proved += 1
            else:
                refused += 1
    assert proved >= 3
    assert refused >= 3


def reached(system, barriers, most):
    seen = list(initial_states(system, barriers))[:most]
    for state in seen:
        yield state
        for step in system.steps:
            outcome = perform(system, barriers, state, step)
            if isinstance(outcome, Successor) and outcome.state not in seen and len(seen) < most:
                seen.append(outcome.state)


def adds_a_step(system, without, name, state):
    for step in system.steps:
        on = perform(system, without | {name}, state, step)
        if isinstance(on, Successor) and on != perform(system, without, state, step):
            return True
    return False


def test_waiting_is_proved_to_restrict_and_answering_or_idling_is_not():
    assert restricting(slot()) == {"waits", "idle"}


def test_believing_a_look_is_not_proved_to_restrict():
    assert "cache" not in restricting(trap())


def test_who_asks_is_noted():
    barriers = Asked(frozenset({"a", "b"}))
    assert "a" in barriers
    assert "c" not in barriers
    assert barriers.asked == {"a", "c"}


def test_a_cube_holds_the_sets_that_agree():
    cube = Cube(frozenset({"a", "b"}), frozenset({"a", "c"}))
    assert frozenset({"a"}) in cube
    assert frozenset({"a", "c"}) not in cube
    assert frozenset({"b"}) not in cube
