"""Several engines about one design: what they say together, and how a contradiction is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fencepost.analyses.agreement import agree
from fencepost.core.results import Answer, Finding, Verdict
from fencepost.core.system import Step
from fencepost.core.traces import Trace


def run(steps: int) -> Trace:
    return Trace("M", (), "d", (), "", (0,), (Step("a", ()),) * steps)


def said(
    engine: str,
    verdict: Verdict,
    *,
    steps: int | None = None,
    bound: int | None = None,
    kind: str = "always",
    instance: str = "",
) -> Answer:
    trace = None if steps is None else run(steps)
    finding = Finding("p", kind, verdict, f"by {engine}", trace, instance, "", bound)
    return Answer("M", "", (), "d", (), engine, (finding,), states=7)


def together(*answers: Answer) -> Finding:
    (finding,) = agree(answers).findings
    return finding


ALL = said("explore", Verdict.HOLDS)
BROKEN = said("explore", Verdict.VIOLATED, steps=5)
OPEN = said("explore", Verdict.UNDECIDED)
WITHIN = said("bounded", Verdict.HOLDS, bound=4)
PROVED = said("any-size", Verdict.HOLDS)


def test_the_strongest_scope_counts():
    assert together(ALL, WITHIN).scope == "by explore"
    assert together(ALL, WITHIN).bound is None
    assert together(WITHIN, ALL, PROVED).scope == "by any-size"
    assert together(ALL, PROVED, WITHIN).scope == "by any-size"
    assert together(WITHIN, said("bounded", Verdict.HOLDS, bound=9)).bound == 9


def test_a_bounded_verdict_stays_bounded():
    found = together(OPEN, WITHIN)
    assert (found.verdict, found.bound) == (Verdict.HOLDS, 4)


def test_what_one_engine_cannot_decide_another_may():
    assert together(OPEN, PROVED).verdict is Verdict.HOLDS
    assert together(OPEN, said("fuzz", Verdict.VIOLATED, steps=9)).verdict is Verdict.VIOLATED
    assert together(OPEN, said("fuzz", Verdict.UNDECIDED)).verdict is Verdict.UNDECIDED


def test_the_shortest_trace_is_told():
    found = together(said("fuzz", Verdict.VIOLATED, steps=9), BROKEN)
    assert found.trace is not None
    assert len(found.trace) == 5


def test_a_bound_below_the_trace_is_no_contradiction():
    assert together(BROKEN, WITHIN).verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    "answers",
    [
        (ALL, said("fuzz", Verdict.VIOLATED, steps=3)),
        (PROVED, BROKEN),
        (BROKEN, said("bounded", Verdict.HOLDS, bound=5)),
        (BROKEN, said("k-induction", Verdict.HOLDS)),
        (BROKEN, said("bounded", Verdict.VIOLATED, steps=6)),
        (BROKEN, said("walk", Verdict.VIOLATED, steps=4)),
        (
            said("explore", Verdict.VIOLATED, kind="reachable"),
            said("bounded", Verdict.HOLDS, steps=4, kind="reachable"),
        ),
        (OPEN, ALL, said("fuzz", Verdict.VIOLATED, steps=3)),
    ],
)
def test_a_contradiction_is_an_error(answers: tuple[Answer, ...]):
    for order in (answers, answers[::-1]):
        found = together(*order)
        assert found.verdict is Verdict.ERROR
        assert all(engine in found.detail for engine in (answers[-1].engine, answers[-2].engine))


def test_an_error_of_one_engine_stays():
    assert together(ALL, said("bounded", Verdict.ERROR)).verdict is Verdict.ERROR


def test_fillings_are_decided_one_by_one():
    reached = said("explore", Verdict.HOLDS, kind="reachable", steps=2, instance="r=0")
    other = said("bounded", Verdict.UNDECIDED, kind="reachable", instance="r=1")
    assert [f.instance for f in agree([reached, other]).findings] == ["r=0", "r=1"]
    always = said("explore", Verdict.VIOLATED, steps=2, instance="r=0")
    elsewhere = said("bounded", Verdict.VIOLATED, steps=2, instance="r=1")
    assert len(agree([always, elsewhere]).findings) == 1


def test_the_shortest_witness_of_a_reachable_is_kept():
    found = together(
        said("explore", Verdict.HOLDS, kind="reachable", steps=2),
        said("fuzz", Verdict.HOLDS, kind="reachable", steps=4),
    )
    assert (found.verdict, found.trace) == (Verdict.HOLDS, run(2))


def test_counts_are_of_the_first_engine():
    both = agree([ALL, replace(PROVED, states=0)])
    assert (both.states, both.engine) == (7, "explore, any-size")
