"""Fuzzing finds what is broken, contradicts no other engine, and says what it covered."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis.database import InMemoryExampleDatabase

from fencepost.core import expressions as x
from fencepost.core.domains import Range
from fencepost.core.errors import InputError
from fencepost.core.limits import Limits, Progress
from fencepost.core.results import Result, Verdict
from fencepost.core.semantics import Successor, failing_instances, perform
from fencepost.core.system import Action, Design, Expectation, Field, Property, System
from fencepost.core.traces import Trace
from fencepost.core.trees import Decide, Disabled, Update, Write
from fencepost.engines.explore import explore
from fencepost.engines.fuzz import campaign, fuzz, walk
from fencepost.engines.fuzz.runs import Run
from fencepost.engines.fuzz.sights import Sights
from tests.unit.engines.fuzz.judging import assert_sound, known_system
from tests.unit.kernel.slot_protocol import slot_protocol

ROOT = Path(__file__).resolve().parents[4]
Engine = Callable[..., Result]
SLOTS = slot_protocol(2, 1, 2)
DEEPEST_THAT_IS_SHORTEST = 6


def verdicts(result: Result) -> dict[str, Verdict]:
    return {f.property: f.verdict for f in result.answer.findings}


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_no_verdict_contradicts_exhaustive_search(start: int) -> None:
    for seed in range(start, start + 20):
        system, design, whole = known_system(seed)
        if whole.complete:
            nearby = (1, 64)[seed % 2]
            found = fuzz(system, design, examples=6, steps=12, nearby=nearby, seed=seed).answer
            assert_sound(system, design, found, whole)


def test_random_systems_have_something_to_find() -> None:
    met: Counter[tuple[str, Verdict]] = Counter()
    for seed in range(60):
        system, design, _ = known_system(seed)
        answer = fuzz(system, design, examples=3, steps=8, nearby=1).answer
        met.update(
            (f.property.partition("_")[0] + " " + f.kind, f.verdict) for f in answer.findings
        )
        met.update((f.property, f.verdict) for f in answer.findings)
    assert met["property always", Verdict.VIOLATED] > 10
    assert met["property reachable", Verdict.HOLDS] > 20
    assert met["no_fault", Verdict.VIOLATED] > 5
    assert met["no_stuck_state", Verdict.VIOLATED] > 1
    assert met["no_stuck_state", Verdict.UNDECIDED] > 5


def test_what_is_found_is_shortest_up_to_depth_6() -> None:
    compared = 0
    for seed in range(60):
        system, design, whole = known_system(seed)
        shortest = {f.property: f.trace for f in whole.findings}
        for finding in fuzz(system, design, examples=5, steps=20, seed=seed).answer.findings:
            known = shortest[finding.property]
            if finding.kind != "always" or finding.trace is None or known is None:
                continue
            if len(known) <= DEEPEST_THAT_IS_SHORTEST:
                assert len(finding.trace) == len(known), (seed, finding.property)
                compared += 1
    assert compared > 20


def leads_to_violation(system: System, design: Design, run: Trace, prop: Property) -> bool:
    """Whether the interpreter takes each step of a run, and a property is false after the last."""
    state = run.initial
    for step in run.steps:
        outcome = perform(system, design.barriers, state, step)
        if not isinstance(outcome, Successor):
            return False
        state = outcome.state
    return bool(failing_instances(system, design.barriers, state, prop))


def test_no_step_of_what_is_found_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no shortcut is looked for, so that only dropping steps makes a run shorter: those
    of walks have 11 to 45 steps as they are taken."""
    monkeypatch.setattr(Sights, "_shortcut", lambda *_: None)
    design = SLOTS.design("as_reported")
    [prop] = [p for p in SLOTS.properties if p.name == "own_bytes"]
    for seed in range(3):
        [finding] = walk(SLOTS, design, properties=[prop.name], seed=seed).answer.findings
        run = finding.trace
        assert run is not None
        assert leads_to_violation(SLOTS, design, run, prop)
        for place in range(len(run.steps)):
            less = (*run.steps[:place], *run.steps[place + 1 :])
            less_of_it = dataclasses.replace(run, steps=less)
            assert not leads_to_violation(SLOTS, design, less_of_it, prop), place


def test_a_broken_design_is_found_and_a_safe_one_is_not() -> None:
    broken = fuzz(SLOTS, SLOTS.design("as_reported"))
    finding = broken.answer.findings[0]
    assert finding.verdict is Verdict.VIOLATED
    assert finding.trace is not None
    assert len(finding.trace) == 10
    assert broken.answer.engine == "fuzz"
    safe = fuzz(SLOTS, SLOTS.design("safe"))
    assert verdicts(safe) == {
        "own_bytes": Verdict.UNDECIDED,
        "decodes": Verdict.HOLDS,
        "can_free": Verdict.UNDECIDED,
        "no_fault": Verdict.UNDECIDED,
        "no_stuck_state": Verdict.UNDECIDED,
    }
    assert safe.answer.verdict is Verdict.UNDECIDED
    assert not safe.answer.complete
    assert safe.answer.findings[0].scope == (
        "no violation in 100 random runs at requests=2 slots=1 chunks=2"
    )


def test_only_enabled_steps_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = campaign.Campaign.looked
    drawn: Counter[str] = Counter()

    def watched(self: campaign.Campaign, run: Run) -> None:
        state = run.way().initial
        for step in run.steps:
            outcome = perform(SLOTS, frozenset(), state, step)
            assert isinstance(outcome, Successor)
            state = outcome.state
            drawn[step.action] += 1
        assert state == run.around.stepper.unpack(run.state)
        looked(self, run)

    monkeypatch.setattr(campaign.Campaign, "looked", watched)
    fuzz(SLOTS, SLOTS.design("as_reported"), examples=8, steps=20)
    assert set(drawn) >= {"allocate", "post", "land", "abort", "retry"}


def counter(*, final: bool) -> System:
    """Counts to 3, where nothing is possible any more."""
    at = x.Read("at", (), Range(0, 3))
    one, three = (x.Constant(n, Range(n, n)) for n in (1, 3))
    tree = Decide(
        x.Less(at, three), Update((Write("at", (), x.Arithmetic("+", at, one)),)), Disabled()
    )
    return System(
        name="Counter",
        parameters=(),
        barriers=(),
        fields=(Field("at", (), Range(0, 3), ((0, 1),)),),
        initial=x.TRUE,
        actions=(Action("count", "", (), tree),),
        properties=(),
        final=x.Equal(at, three) if final else x.FALSE,
        designs=(Design("only", frozenset(), Expectation()),),
    )


@pytest.mark.parametrize("nearby", [1, 100])
def test_a_stuck_state_is_found_and_a_final_one_ends_a_run(nearby: int) -> None:
    stuck, final = counter(final=False), counter(final=True)
    found = fuzz(stuck, stuck.designs[0], examples=3, steps=10, nearby=nearby).answer.findings
    assert [(f.property, f.verdict) for f in found] == [
        ("no_fault", Verdict.UNDECIDED),
        ("no_stuck_state", Verdict.VIOLATED),
    ]
    assert found[1].trace is not None
    assert len(found[1].trace) in (2, 3)
    answer = fuzz(final, final.designs[0], examples=3, steps=10, nearby=nearby).answer
    assert {f.verdict for f in answer.findings} == {Verdict.UNDECIDED}
    assert answer.states == 4
    assert int(dict(answer.facts)["runs"]) > 3  # a run that can go no further begins again


def test_an_initial_state_may_violate_a_property() -> None:
    at = x.Read("at", (), Range(0, 3))
    low = x.Less(at, x.Constant(1, Range(1, 1)))
    system = dataclasses.replace(
        counter(final=True), properties=(Property("low", "always", (), low, x.FALSE),)
    )
    finding = fuzz(system, system.designs[0], examples=20).answer.findings[0]
    assert finding.verdict is Verdict.VIOLATED
    assert finding.trace is not None
    assert len(finding.trace) <= 1


def test_selected_properties_only() -> None:
    answer = fuzz(SLOTS, SLOTS.design("safe"), properties=["no_fault"], examples=2).answer
    assert [f.property for f in answer.findings] == ["no_fault"]
    with pytest.raises(InputError) as caught:
        fuzz(SLOTS, SLOTS.design("safe"), properties=["own_byte"])
    assert caught.value.code == "F66"


def test_runs_end_when_everything_asked_for_is_met() -> None:
    answer = fuzz(SLOTS, SLOTS.design("as_reported"), properties=["own_bytes"]).answer
    assert int(dict(answer.facts)["runs"]) < 100
    assert answer.stopped == ""


def test_no_examples_cover_nothing() -> None:
    answer = fuzz(SLOTS, SLOTS.design("as_reported"), examples=0).answer
    assert {f.verdict for f in answer.findings} == {Verdict.UNDECIDED}
    assert answer.states == 0


def test_an_interrupt_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "PROGRESS_S", 0.0)

    def interrupt(told: Progress) -> None:
        if told.transitions > 100:
            raise KeyboardInterrupt

    system = slot_protocol(1, 1, 1)
    result = fuzz(system, system.design("safe"), progress=interrupt)
    assert result.answer.stopped == "interrupted"
    assert verdicts(result)["decodes"] is Verdict.HOLDS
    assert "interrupted" in next(
        f.scope for f in result.answer.findings if f.property == "no_fault"
    )


def test_limits_end_the_runs() -> None:
    began = time.perf_counter()
    late = fuzz(SLOTS, SLOTS.design("safe"), examples=10**6, limits=Limits(seconds=0.2)).answer
    assert time.perf_counter() - began < 10
    assert late.stopped == "time limit reached"
    few = fuzz(SLOTS, SLOTS.design("safe"), limits=Limits(states=30)).answer
    assert few.stopped == "limit of states reached"
    assert few.states == 30


def test_what_was_found_is_kept_in_a_database_and_tried_first() -> None:
    database, design = InMemoryExampleDatabase(), SLOTS.design("as_reported")
    first = fuzz(SLOTS, design, properties=["own_bytes"], database=database).answer
    (values,) = database.data.values()
    assert len(values) == 1
    again = fuzz(SLOTS, design, properties=["own_bytes"], examples=0, database=database).answer
    assert again.findings == first.findings
    assert (
        fuzz(SLOTS, SLOTS.design("safe"), examples=0, database=database).answer.findings[0].verdict
        is Verdict.UNDECIDED
    )


def test_what_a_database_holds_is_not_trusted() -> None:
    database, design = InMemoryExampleDatabase(), SLOTS.design("as_reported")
    fuzz(SLOTS, design, properties=["own_bytes"], database=database)
    ((key, values),) = database.data.items()
    (good,) = values
    for bad in (
        b"",
        b"\xff",
        b"[]",
        b'[[1],[["allocate",7]]]',
        good[:-3],
        good.replace(b"[[0", b"[[9"),
    ):
        database.save(key, bad)
    found = fuzz(SLOTS, design, properties=["own_bytes"], examples=0, database=database).answer
    assert found.findings[0].verdict is Verdict.VIOLATED
    assert database.data[key] == {good}


def test_coverage_is_of_what_was_looked_at() -> None:
    covered = fuzz(SLOTS, SLOTS.design("safe")).answer.coverage
    everything = explore(SLOTS, SLOTS.design("safe")).answer.coverage
    assert covered.steps == everything.steps
    assert covered.steps_in_all == len(SLOTS.steps)


CODE = """
import sys
{before}
from fencepost.engines.fuzz import fuzz, walk
from tests.unit.kernel.slot_protocol import slot_protocol
def put(value):
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
s = slot_protocol(2, 1, 2)
for d in s.designs:
    fuzzed = fuzz(s, d, examples=20, seed=3).answer
    for a in (fuzzed, walk(s, d, walks=500, steps=40, seed=3).answer):
        print(a.findings, a.facts, a.states, a.transitions, put(a.coverage.steps))
"""


def test_the_answer_is_the_same_in_every_process() -> None:
    """Whatever the hash seed, and whatever modules of its own a process has loaded, in which
    Hypothesis looks for constants to try."""
    seen = set()
    for number, seed in enumerate(("0", "1", "random")):
        before = "import tests.unit.kernel.random_systems, tests.conftest" if number == 1 else ""
        ran = subprocess.run(
            [sys.executable, "-c", CODE.format(before=before)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        seen.add(ran.stdout)
    assert len(seen) == 1


def test_another_seed_is_another_answer() -> None:
    one, other = (fuzz(SLOTS, SLOTS.design("safe"), examples=5, seed=s).answer for s in (1, 2))
    assert one.states != other.states or one.transitions != other.transitions
    assert dict(one.facts)["seed"] == "1"


@pytest.mark.parametrize("kind", ["eventually", "leads_to", "always_possible"])
@pytest.mark.parametrize("engine", [fuzz, walk])
def test_what_no_single_run_shows_is_undecided(kind: str, engine: Engine) -> None:
    never = Property("never", kind, (), x.FALSE, x.FALSE)
    system = dataclasses.replace(counter(final=True), properties=(never,))
    finding = engine(system, system.designs[0]).answer.findings[0]
    assert (finding.kind, finding.verdict, finding.trace) == (kind, Verdict.UNDECIDED, None)
    assert finding.scope.startswith("not decided: ")
