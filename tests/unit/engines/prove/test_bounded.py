"""Bounded search finds what exhaustive search finds, at the same depth, and claims no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fencepost import Design as Designed
from fencepost import Model, Range, Var, action, always, build, final, require, violates
from fencepost.analyses.expectations import Judgement, judge
from fencepost.core.limits import Limits
from fencepost.core.results import Answer, Finding, Result, Verdict
from fencepost.core.system import Design, Expectation, Step, System
from fencepost.engines.explore import explore
from fencepost.engines.prove import bounded, runs
from fencepost.engines.prove.exchanges import Exchanges
from fencepost.engines.prove.one_hot import OneHot
from fencepost.engines.prove.solver import Bounded
from fencepost.engines.prove.symmetry import interchangeable
from tests.unit.engines.prove.small_systems import ONLY, flags
from tests.unit.kernel.random_systems import random_system
from tests.unit.kernel.slot_protocol import slot_protocol


class Sum(Model):
    """Numbers are added up; each step touches the one cell there is."""

    total = Var(Range(0, 70), initial=0)

    @action(amount=Range(0, 7))
    def add(self, amount):
        require(self.total < 60)
        self.total = self.total + amount

    summing = Designed(expect=violates("below", steps=8))


@always(Sum)
def below(m):
    return m.total < 56


ROOT = Path(__file__).resolve().parents[4]
SMALL = Limits(states=3_000)


def by_question(answer: Answer) -> dict[tuple[str, str], Finding]:
    """An `always` is decided as a whole; which filling is violated first may differ."""
    return {(f.property, "" if f.kind == "always" else f.instance): f for f in answer.findings}


def length(finding: Finding) -> int:
    assert finding.trace is not None
    return len(finding.trace)


def assert_same(system: System, design: Design, steps: int) -> bool:
    """What both decide is equal; what is deeper than the bound, bounded search leaves open.

    False where a cell has more values than it can encode; then it decides nothing.
    """
    seen = explore(system, design).answer
    assert seen.complete
    found = bounded(system, design, steps=steps).answer
    assert list(by_question(found)) == list(by_question(seen))
    if found.stopped:
        assert "too many" in found.stopped
        assert {f.verdict for f in found.findings} == {Verdict.UNDECIDED}
        return False
    for question, exact in by_question(seen).items():
        mine = by_question(found)[question]
        where = (system.name, design.name, question, mine, exact.scope)
        if exact.kind not in ("always", "reachable"):
            assert mine.verdict is Verdict.UNDECIDED, where
        elif exact.trace is not None and length(exact) <= steps:
            assert mine.verdict is exact.verdict, where
            assert length(mine) == length(exact), where
        elif mine.bound is None and mine.verdict is not Verdict.UNDECIDED:
            # No run is longer than what was searched: then both have seen everything.
            assert mine.verdict is exact.verdict, where
            assert seen.depth <= steps, where
        elif exact.kind == "always":
            assert (mine.verdict, mine.bound) == (Verdict.HOLDS, steps), where
    return True


@pytest.fixture(params=["as it pays", "at once"])
def exchanges(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a solver is asked about steps that can be exchanged: in small systems it seldom pays."""
    if request.param == "at once":
        ask_at_once(monkeypatch)


def ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "WORK_A_QUESTION", 1)
    monkeypatch.setattr(runs, "WORK_A_PAIR", 0)


@pytest.mark.usefixtures("exchanges")
def test_random_systems() -> None:
    assert compare_random_systems(range(10)) > 5


def test_more_random_systems() -> None:
    assert compare_random_systems(range(10, 40)) > 15


def compare_random_systems(seeds: range) -> int:
    compared = 0
    for seed in seeds:
        system = random_system(seed)
        for design in system.designs:
            if explore(system, design, limits=SMALL).answer.complete:
                compared += assert_same(system, design, 4)
    return compared


@pytest.mark.slow
@pytest.mark.usefixtures("exchanges")
@pytest.mark.parametrize("start", range(100, 140, 20))
def test_random_systems_of_many_more(start: int) -> None:
    for seed in range(start, start + 20):
        system = random_system(seed)
        for design in system.designs:
            if explore(system, design, limits=SMALL).answer.complete:
                assert_same(system, design, 8)


@pytest.mark.usefixtures("exchanges")
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 1, 1), (2, 2, 1)])
def test_a_protocol(size: tuple[int, int, int]) -> None:
    system = slot_protocol(*size)
    for design in system.designs:
        assert assert_same(system, design, 11)


@pytest.mark.usefixtures("exchanges")
def test_the_first_violation_of_a_larger_protocol() -> None:
    system = slot_protocol(2, 1, 2)
    found = bounded(system, system.design("as_reported"), properties=["own_bytes"]).answer
    [finding] = found.findings
    assert finding.verdict is Verdict.VIOLATED
    assert length(finding) == 10


@pytest.mark.parametrize("at_once", [False, True])
def test_questions_about_exchanges_take_no_more_work_than_the_search(
    monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    """Where arguments are numbers, no two pairs of steps have a form in common."""
    asked: list[tuple[Step, Step]] = []
    decide = Exchanges._decide

    def noted(self: Exchanges, first: Step, second: Step) -> tuple[bool, bool]:
        asked.append((first, second))
        return decide(self, first, second)

    monkeypatch.setattr(Exchanges, "_decide", noted)
    if at_once:
        ask_at_once(monkeypatch)
    system = build(Sum, [below])
    answer = bounded(system, system.design("summing"), properties=["below"], steps=10).answer
    [finding] = answer.findings
    assert length(finding) == 8
    assert (len(asked) == 8 * 8) if at_once else (len(asked) < 16)


def test_a_true_property_holds_up_to_the_bound_and_never_plainly() -> None:
    system = slot_protocol(2, 1, 1)
    answer = bounded(system, system.design("safe"), steps=6).answer
    always = [f for f in answer.findings if f.kind == "always"]
    assert {(f.verdict, f.bound) for f in always} == {(Verdict.HOLDS, 6)}
    assert always[0].scope == "no violation in 6 steps at requests=2 slots=1 chunks=1"
    assert answer.verdict is Verdict.UNDECIDED
    judged = judge(answer, Expectation())
    assert judged.judgement is Judgement.UNDECIDED


class Once(Model):
    """Happens once, and says so."""

    is_done = Var(bool)

    @action
    def do(self):
        require(not self.is_done)
        self.is_done = True


class OnceAndOver(Once):
    @final
    def all_is_done(self):
        return self.is_done


@pytest.mark.parametrize("search", [bounded, explore])
def test_a_state_without_a_step_is_stuck_unless_it_is_final(search: Callable[..., Result]) -> None:
    once, over = build(Once), build(OnceAndOver)
    [stuck] = search(once, once.designs[0], properties=["no_stuck_state"]).answer.findings
    assert (stuck.verdict, length(stuck)) == (Verdict.VIOLATED, 1)
    [ended] = search(over, over.designs[0], properties=["no_stuck_state"]).answer.findings
    assert (ended.verdict, ended.bound) == (Verdict.HOLDS, None)


def test_a_bound_beyond_every_state_is_no_bound() -> None:
    """Nothing is further than 4 steps, so 20 cover everything; 4 do not yet show it."""
    system = flags(4, first=False)
    [whole] = bounded(system, ONLY, properties=["no_fault"]).answer.findings
    assert (whole.verdict, whole.bound) == (Verdict.HOLDS, None)
    assert whole.scope == "no violation in 5 steps, and no state is further away"
    [part] = bounded(system, ONLY, properties=["no_fault"], steps=4).answer.findings
    assert (part.verdict, part.bound) == (Verdict.HOLDS, 4)


def test_indices_that_are_told_apart_are_not_exchanged() -> None:
    """All flags are up after as many steps, whether they may be renamed or the last goes first."""
    for first in (False, True):
        system = flags(4, first=first)
        assert ("Flag" in interchangeable(system)) is not first
        [finding] = bounded(system, ONLY, properties=["not_all"]).answer.findings
        assert (finding.verdict, length(finding)) == (Verdict.VIOLATED, 4)


def test_taken_for_interchangeable_they_would_hide_the_violation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broken twin: that sort is renamed although its last member is told apart."""
    monkeypatch.setattr(runs, "interchangeable", lambda _: {"Flag": 4})
    [finding] = bounded(flags(4, first=True), ONLY, properties=["not_all"]).answer.findings
    assert finding.verdict is Verdict.HOLDS


def test_exchanging_steps_that_do_not_commute_would_hide_a_violation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broken twin: every pair of steps counts as exchangeable."""
    system = slot_protocol(2, 1, 2)
    monkeypatch.setattr(Exchanges, "_meet", lambda *_: False)
    [finding] = bounded(
        system, system.design("as_reported"), properties=["own_bytes"], steps=11
    ).answer.findings
    assert finding.verdict is not Verdict.VIOLATED


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Two chunks of one request write different cells and read the same phase.
        ("post(request=0, chunk=0)", "post(request=0, chunk=1)", True),
        # What is allocated first is what the other finds taken.
        ("allocate(request=0, slot=0)", "post(request=0, chunk=0)", False),
    ],
)
def test_which_steps_can_be_exchanged(first: str, second: str, expected: bool) -> None:
    system = slot_protocol(2, 1, 2)
    steps = {system.show_step(step): step for step in system.steps}
    encoding = OneHot(system, system.design("as_reported").barriers, Bounded(Limits()))
    exchanges = Exchanges(encoding)
    assert exchanges._decide(steps[first], steps[second])[0] is expected


def test_the_answer_is_the_same_in_every_process() -> None:
    code = (
        "from fencepost.engines.prove import bounded, k_induction\n"
        "from tests.unit.kernel.slot_protocol import slot_protocol\n"
        "s = slot_protocol(2, 1, 1)\n"
        "print(bounded(s, s.design('as_reported'), steps=11).answer)\n"
        "print(k_induction(s, s.design('safe'), most_k=4).answer)\n"
        "l = slot_protocol(2, 2, 2)\n"
        "ended = [engine(l, l.design('safe'), share=200_000).answer"
        " for engine in (bounded, k_induction)]\n"
        'assert {e.stopped for e in ended} == {"limit of the solver\'s work reached"}, ended\n'
        "print(ended)\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
    assert "violated after" in told.pop()
